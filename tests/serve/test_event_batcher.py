"""Concurrent requests with events, compared with sequential ones."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bowerbird.data.events import Action, Event
from bowerbird.data.ingest.event_checks import IngestionResult
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.event_batcher import EventBatcher
from bowerbird.serve.running import open_socket

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def saved(user: str, item: str, number: int) -> Event:
    return Event(user, item, Action.SAVE, NOW, event_id=f"{user}-{number}")


def reasons(result: IngestionResult) -> tuple[int, int, list[str]]:
    return result.new, result.repeated, [reason for _, reason in result.rejected]


def test_concurrent_requests_share_commits_and_get_their_own_results(small_store: Store) -> None:
    app_state, batch_sizes = AppState(small_store.path), []

    def ingest(batches: Sequence[Sequence[Event]]) -> list[IngestionResult]:
        batch_sizes.append(len(batches))
        return app_state.ingest(batches)

    async def send_all() -> list[IngestionResult]:
        batcher = EventBatcher(ingest)
        batches = [[saved("a", f"i{number}", number), saved("a", "nothing", number)] for number in range(50)]
        return await asyncio.gather(*(batcher.add(batch) for batch in [*batches, *batches[:10], []]))

    results = asyncio.run(send_all())
    assert [reasons(result) for result in results[:50]] == [(1, 0, ["unknown item"])] * 50
    assert [reasons(result) for result in results[50:60]] == [(0, 1, ["unknown item"])] * 10
    assert results[60] == IngestionResult(0, 0, [])
    assert sum(batch_sizes) == 60 and len(batch_sizes) <= 3
    assert len(app_state.served.taste.state("a").items) == 50


def test_an_invalid_event_fails_only_its_own_request() -> None:
    def ingest(batches: Sequence[Sequence[Event]]) -> list[IngestionResult]:
        if any(event.user_id == "bad" for batch in batches for event in batch):
            raise InputError("not Unicode")
        return [IngestionResult(len(batch), 0, []) for batch in batches]

    async def send_all() -> list[IngestionResult | BaseException]:
        batcher = EventBatcher(ingest)
        batches = [[saved("bad" if number == 3 else "good", "i1", number)] for number in range(6)]
        return await asyncio.gather(*(batcher.add(batch) for batch in batches), return_exceptions=True)

    results = asyncio.run(send_all())
    assert isinstance(results.pop(3), InputError) and results == [IngestionResult(1, 0, [])] * 5


def test_an_error_reaches_all_requests_of_a_batch_and_no_later_one() -> None:
    is_full = [True]

    def ingest(batches: Sequence[Sequence[Event]]) -> list[IngestionResult]:
        if is_full[0]:
            raise OSError("disk full")
        return [IngestionResult(1, 0, []) for _ in batches]

    async def fail_then_succeed() -> None:
        batcher = EventBatcher(ingest)
        with pytest.raises(OSError, match="disk full"):
            await batcher.add([saved("a", "i1", 1)])
        is_full[0] = False
        assert await batcher.add([saved("a", "i1", 1)]) == IngestionResult(1, 0, [])

    asyncio.run(fail_then_succeed())


def test_a_cancelled_request_does_not_block_others() -> None:
    started, gate = threading.Event(), threading.Event()

    def ingest(batches: Sequence[Sequence[Event]]) -> list[IngestionResult]:
        started.set()
        gate.wait(10)
        return [IngestionResult(1, 0, []) for _ in batches]

    async def cancel_one() -> IngestionResult:
        batcher = EventBatcher(ingest)
        cancelled = asyncio.create_task(batcher.add([saved("a", "i1", 1)]))
        other = asyncio.create_task(batcher.add([saved("b", "i1", 1)]))
        assert await asyncio.to_thread(started.wait, 30)
        cancelled.cancel()
        gate.set()
        return await other

    assert asyncio.run(cancel_one()) == IngestionResult(1, 0, [])


def test_connections_send_small_packets_without_delay() -> None:
    with open_socket("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "its connections inherit it"

"""Requests with events that come at once, against one after the other."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bowerbird.cli.serve import open_socket
from bowerbird.data.events import Action, Event
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.serve.app_state import Learnt, Shop
from bowerbird.serve.event_batcher import Gathering

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def saved(user: str, item: str, number: int) -> Event:
    return Event(user, item, Action.SAVE, NOW, event_id=f"{user}-{number}")


def test_a_crowd_shares_a_few_commits_and_each_gets_its_own_answer(small_store: Store) -> None:
    shop, groups = Shop(small_store.path), []

    def take(lots: Sequence[Sequence[Event]]) -> list[Learnt]:
        groups.append(len(lots))
        return shop.learn(lots)

    async def crowd() -> list[Learnt]:
        gathering = Gathering(take)
        lots = [[saved("a", f"i{k}", k), saved("a", "nothing", k)] for k in range(50)]
        return await asyncio.gather(*(gathering.add(lot) for lot in [*lots, *lots[:10], []]))

    found = asyncio.run(crowd())
    assert found[:50] == [Learnt(1, 0, ["unknown item"])] * 50
    assert found[50:60] == [Learnt(0, 1, ["unknown item"])] * 10 and found[60] == Learnt(0, 0, [])
    assert sum(groups) == 60 and len(groups) <= 3
    assert len(shop.now.taste.state("a").items) == 50


def test_only_whose_mistake_it_is_is_refused() -> None:
    def take(lots: Sequence[Sequence[Event]]) -> list[Learnt]:
        if any(event.user_id == "bad" for lot in lots for event in lot):
            raise InputError("no Unicode")
        return [Learnt(len(lot), 0, []) for lot in lots]

    async def crowd() -> list[Learnt | BaseException]:
        gathering = Gathering(take)
        lots = [[saved("bad" if k == 3 else "good", "i1", k)] for k in range(6)]
        return await asyncio.gather(*(gathering.add(lot) for lot in lots), return_exceptions=True)

    found = asyncio.run(crowd())
    assert isinstance(found.pop(3), InputError) and found == [Learnt(1, 0, [])] * 5


def test_an_error_is_everybodys_and_the_next_ones_go_on() -> None:
    full = [True]

    def take(lots: Sequence[Sequence[Event]]) -> list[Learnt]:
        if full[0]:
            raise OSError("disk full")
        return [Learnt(1, 0, []) for _ in lots]

    async def two() -> None:
        gathering = Gathering(take)
        with pytest.raises(OSError, match="disk full"):
            await gathering.add([saved("a", "i1", 1)])
        full[0] = False
        assert await gathering.add([saved("a", "i1", 1)]) == Learnt(1, 0, [])

    asyncio.run(two())


def test_who_goes_away_holds_nobody_up() -> None:
    gate = threading.Event()

    def take(lots: Sequence[Sequence[Event]]) -> list[Learnt]:
        gate.wait(10)
        return [Learnt(1, 0, []) for _ in lots]

    async def leaving() -> Learnt:
        gathering = Gathering(take)
        gone = asyncio.create_task(gathering.add([saved("a", "i1", 1)]))
        stays = asyncio.create_task(gathering.add([saved("b", "i1", 1)]))
        await asyncio.sleep(0.05)
        gone.cancel()
        gate.set()
        return await stays

    assert asyncio.run(leaving()) == Learnt(1, 0, [])


def test_an_answer_in_two_pieces_is_not_held_back() -> None:
    with open_socket("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        taken, _ = listening.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "its connections inherit it"

"""An import that is interrupted anywhere and run again does what one without interruption does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.collections import Collection
from bowerbird.data.events import EVENT_SCHEMA, Action, Alias, Event
from bowerbird.data.ingest import imports, staged_import
from bowerbird.data.ingest.id_set import IdSet
from bowerbird.data.ingest.imports import import_layout, import_records
from bowerbird.data.ingest.staging import FOLDER
from bowerbird.data.items import Item
from bowerbird.data.readers.records import (
    AliasDraft,
    CollectionDraft,
    EventBatch,
    EventDraft,
    ItemDraft,
    Record,
    RejectedRow,
    RowLocations,
)
from bowerbird.data.store import Store
from bowerbird.taste.control.forgetting import forget
from waiting import wait_until

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(number: int, item: str = "lamp") -> Event:
    return Event(f"user-{number % 3}", item, Action.CLICK, START + timedelta(hours=number))


def batch(numbers: range) -> EventBatch:
    rows = [{**event(number).as_row(), "event_id": None} for number in numbers]
    schema = pa.schema([field.with_nullable(True) for field in EVENT_SCHEMA])
    return EventBatch(pa.Table.from_pylist(rows, schema=schema), RowLocations("f", np.array(numbers)))


RECORDS: list[Record] = [
    ItemDraft(Item("lamp", "Lamp"), "f:1"),
    ItemDraft(Item("mug", "Mug"), "f:2"),
    ItemDraft(Item("lamp", "Another lamp"), "f:3"),
    RejectedRow("items", "no id", "f:4", {}),
    EventDraft(event(0), "f:5"),
    EventDraft(event(1, "no such item"), "f:6"),
    batch(range(10, 14)),
    AliasDraft(Alias("user-1", "ann"), "f:11"),
    EventDraft(event(0), "f:12"),
    batch(range(12, 16)),
    CollectionDraft(Collection("b", ("lamp", "gone")), "b"),
    CollectionDraft(Collection("b", ("mug",)), "b"),
]


def interrupted_after(count: int) -> Iterator[Record]:
    yield from RECORDS[:count]
    raise KeyboardInterrupt


def content(store: Store, summary: imports.ImportSummary) -> object:
    rejected = summary.rejected_file.read_text().splitlines() if summary.rejected_file else []
    counts = [(c.read, c.accepted, c.new, Counter(c.rejected)) for c in
              (summary.items, summary.events, summary.collections, summary.aliases)]  # fmt: skip
    log = store.log.read().to_pylist()
    return store.catalogue().table.to_pylist(), log, store.collections(), counts, sorted(rejected)


@pytest.fixture(scope="module")
def content_of_one_run(tmp_path_factory: pytest.TempPathFactory) -> object:
    """What an import without interruption leaves."""
    store = Store.create(tmp_path_factory.mktemp("stores") / "whole")
    return content(store, import_records(store, "test", iter(RECORDS), "files"))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, len(RECORDS)), max_size=4))
def test_interrupted_anywhere_it_ends_the_same(
    tmp_path_factory: pytest.TempPathFactory, content_of_one_run: object, interruptions: list[int]
) -> None:
    resumed = Store.create(tmp_path_factory.mktemp("stores") / "resumed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staged_import, "CHECKPOINT_S", 0.0)  # after every record
        for count in interruptions:
            with pytest.raises(KeyboardInterrupt):
                import_records(resumed, "test", interrupted_after(count), "files")
            assert not resumed.has_catalogue() and not len(resumed.log)
        summary = import_records(resumed, "test", iter(RECORDS), "files")
    assert content(resumed, summary) == content_of_one_run
    assert not (resumed.path / FOLDER).exists()


def test_an_erasure_leaves_nothing_staged(store: Store) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staged_import, "CHECKPOINT_S", 0.0)
        with pytest.raises(KeyboardInterrupt):
            import_records(store, "test", interrupted_after(9), "files")
    assert (store.path / FOLDER).exists()
    store.log.append([event(1)])
    forget(store, "user-1")
    assert not (store.path / FOLDER).exists()
    summary = import_records(store, "test", iter([ItemDraft(Item("x", "X"), "f:1")]), "other files")
    assert summary.items.new == 1 and store.item_ids() == ["x"]


def test_a_killed_import_is_continued(shop: Store, tmp_path: Path) -> None:
    """SIGKILL while it reads; the same command then ends with every event once."""
    path = tmp_path / "events.jsonl"
    with path.open("w") as file:
        for number in range(60_000):
            call = {
                "type": "track",
                "event": "Product Viewed",
                "userId": f"u{number}",
                "messageId": f"m{number}",
            }
            file.write(
                json.dumps({**call, "timestamp": "2026-01-02", "properties": {"product_id": "a"}}) + "\n"
            )
    code = (
        "import sys; from bowerbird.data.ingest import staged_import; staged_import.CHECKPOINT_S = 0.05;"
        "from bowerbird.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, "import", "segment", str(path), "--store", str(shop.path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(
        lambda: (shop.path / FOLDER / "checkpoint.json").exists() or process.poll() is not None,
        "a checkpoint",
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    summary = import_layout(shop, "segment", [path])
    assert summary.events.accepted == len(shop.log) == 60_000
    assert not (shop.path / FOLDER).exists()


@given(st.lists(st.lists(st.text(max_size=3), max_size=8), max_size=8))
def test_an_id_set_is_a_set(groups: list[list[str]]) -> None:
    ids, expected = IdSet(), set()
    for group in groups:
        assert ids.contains(group).tolist() == [each in expected for each in group]
        is_new = []
        for each in group:
            is_new.append(each not in expected)
            expected.add(each)
        assert ids.add(group).tolist() == is_new
    assert len(ids) == len(expected)

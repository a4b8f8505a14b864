"""Events out of a store and in again: the same events, in either layout."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import Action, Alias, Event
from bowerbird.data.ingest.event_export import export_events
from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.readers.layouts import EventLayout
from bowerbird.data.readers.values.texts import is_null
from bowerbird.data.store import Store
from commands import run_command

IMPORT_AS = {EventLayout.SEGMENT: "segment", EventLayout.PARQUET: "parquet"}
WORDS = st.text("abcé/ü \"',-", min_size=1, max_size=8).map(str.strip).filter(lambda text: not is_null(text))
EVENTS = st.builds(
    Event,
    user_id=WORDS,
    item_id=st.sampled_from("abc"),
    action=st.sampled_from(Action),
    at=st.datetimes(datetime(1990, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),
    event_id=st.just("") | WORDS,
    value=st.none() | st.floats(0, 1e9),
    session=st.none() | WORDS,
    surface=st.none() | WORDS,
    query=st.none() | WORDS,
    position=st.none() | st.integers(-(2**31) + 1, 2**31 - 1),
)


@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("layout", EventLayout)
@given(events=st.lists(EVENTS, min_size=1, max_size=6))
def test_out_and_in_again_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, layout: EventLayout, events: list[Event]
) -> None:
    folder = tmp_path_factory.mktemp("export")
    stores = [Store.create(folder / name) for name in ("first", "second")]
    for store in stores:
        store.publish_catalogue(Catalogue.of(Item(name, f"Thing {name}") for name in "abc"))
    stores[0].log.append(events)
    out = folder / f"events.{'jsonl' if layout is EventLayout.SEGMENT else 'parquet'}"
    assert export_events(stores[0].log, layout, out) == len(stores[0].log)
    import_layout(stores[1], IMPORT_AS[layout], [out])
    assert stores[1].log.read().to_pylist() == stores[0].log.read().to_pylist()
    assert import_layout(stores[0], IMPORT_AS[layout], [out]).events.new == 0


def test_joined_histories_leave_under_one_id(shop: Store, tmp_path: Path) -> None:
    shop.log.append([Event("browser", "a", Action.VIEW, datetime(2026, 1, 1, tzinfo=UTC))])
    shop.log.join([Alias("browser", "ann")])
    export_events(shop.log, EventLayout.SEGMENT, tmp_path / "events.jsonl")
    assert json.loads((tmp_path / "events.jsonl").read_text())["userId"] == "ann"


def test_the_command(shop: Store, tmp_path: Path) -> None:
    shop.log.append([Event("ann", "a", Action.VIEW, datetime(2026, 1, 1, tzinfo=UTC))])
    process = run_command(
        "events", "export", shop.path, tmp_path / "e.parquet", "--layout", "parquet", "--json"
    )
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["events"] == 1
    process = run_command("import", tmp_path / "e.parquet", "--store", shop.path, "--json")
    assert json.loads(process.stdout)["events"]["new"] == 0 and "recognised" in process.stderr

# ruff: noqa: E501  # rows of files are as wide as they are
"""Any damage to a valid file gives right rows, listed refusals, or one clear error: never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bowerbird.data.logs.event_ids import with_event_ids
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.records import (
    AliasDraft,
    CollectionDraft,
    EventBatch,
    EventDraft,
    IgnoredRow,
    ItemBatch,
    ItemDraft,
    RejectedRow,
)
from bowerbird.errors import InputError

SNOWPLOW = ["" for _ in range(131)]
SNOWPLOW[5], SNOWPLOW[6], SNOWPLOW[12], SNOWPLOW[124] = (
    "transaction_item",
    "e{n}",
    "u{n}",
    "2026-01-02 00:00:00",
)
SNOWPLOW[68], SNOWPLOW[67] = "a", "T{n}"
TRACK = '{"type":"track","event":"Product Viewed","userId":"u{n}","timestamp":"2026-01-02","properties":{"product_id":"a"}}'
GA4 = '{"event_name":"view_item","user_pseudo_id":"u{n}","event_timestamp":1767312000000000,"items":[{"item_id":"a"}]}'
LD = '{"@type":"Product","sku":"i{n}","name":"Lamp {n}","offers":{"price":"5.00","priceCurrency":"EUR"}}'
OPENAI = '{"item_id":"i{n}","title":"Lamp {n}","price":"5.00 EUR","image_url":"https://x.example/1.jpg"}'
AMAZON = '{"parent_asin":"i{n}","title":"Soap {n}","price":5.5,"details":{"a":"b"}}'
FILES: dict[FileLayout, tuple[str, str, str]] = {
    FileLayout.GOOGLE_FEED: ("feed.tsv", "id\ttitle\tprice", "i{n}\tLamp {n}\t5.00 EUR"),
    FileLayout.META_CATALOGUE: ("feed.csv", "id,title,price", "i{n},Lamp {n},5.00 EUR"),
    FileLayout.SHOPIFY: ("p.csv", "Handle,Title,Variant SKU,Variant Price", "h{n},Lamp {n},s{n},5.00"),
    FileLayout.WOOCOMMERCE: ("w.csv", "ID,Type,SKU,Name,Regular price", "{n},simple,s{n},Lamp {n},5.00"),
    FileLayout.SCHEMA_ORG: ("p.jsonl", "", LD),
    FileLayout.OPENAI_FEED: ("o.jsonl", "", OPENAI),
    FileLayout.JSONL: ("items.jsonl", "", '{"item_id":"i{n}","title":"Lamp {n}","price":5.0}'),
    FileLayout.AMAZON_REVIEWS: ("meta.jsonl", "", AMAZON),
    FileLayout.SEGMENT: ("e.jsonl", "", TRACK),
    FileLayout.GA4: ("g.jsonl", "", GA4),
    FileLayout.SNOWPLOW: ("s.tsv", "", "\t".join(SNOWPLOW)),
    FileLayout.RECBOLE: ("d.inter", "user_id:token\titem_id:token\ttimestamp:float", "u{n}\ta\t1767312000"),
    FileLayout.PARQUET: ("e.csv", "user_id,item_id,action,at", "u{n},a,view,1767312000"),
}
"""Name, header and form of a line of a small valid file of each layout of text."""
N_LINES = 6


def valid_lines(layout: FileLayout) -> list[str]:
    _, header, line = FILES[layout]
    lines = [line.replace("{n}", str(number)) for number in range(N_LINES)]
    return [header, *lines] if header else lines


def read(layout: FileLayout, path: Path) -> list[str]:
    """What was read, one text for each item, event, alias and collection, and for each row that was not used."""
    outcomes: list[str] = []
    for record in read_files(layout, [path]):
        match record:
            case ItemDraft():
                outcomes.append(repr(record.item))
            case ItemBatch():
                outcomes += [repr(draft.item) for draft in record.drafts()]
            case EventDraft():
                outcomes.append(json.dumps(record.event.as_row(), default=str))
            case EventBatch():
                rows = with_event_ids(record.rows).to_pylist()
                outcomes += [json.dumps(row, default=str) for row in rows]
            case AliasDraft():
                outcomes.append(repr(record.alias))
            case CollectionDraft():
                outcomes.append(repr(record.collection))
            case RejectedRow():
                assert record.reason.strip() and record.location
                assert json.loads(record.as_line())
                outcomes.append("rejected")
            case IgnoredRow():
                outcomes.append("ignored")
    return outcomes


Folder = Callable[[], Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return lambda: tmp_path_factory.mktemp("mutated")


@pytest.mark.parametrize("layout", FILES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, N_LINES - 1), st.integers(0, 400), st.text(st.characters(codec="ascii"), max_size=3))
def test_damage_within_a_line_stays_in_it(
    folder: Folder, layout: FileLayout, number: int, at: int, put: str
) -> None:
    """The other rows are read as before, and the damaged one is read, refused or ignored: not lost."""
    put = "".join(character for character in put if character not in "\"'\n\r\x0b\x0c\x1c\x1d\x1e\x85")
    path = folder() / FILES[layout][0]
    lines = valid_lines(layout)
    path.write_text("\n".join(lines) + "\n")
    expected = read(layout, path)
    index = number + len(lines) - N_LINES
    line = lines[index]
    at %= len(line)
    lines[index] = line[:at] + put + line[at + 1 :]
    if not lines[index].strip():
        return
    path.write_text("\n".join(lines) + "\n")
    try:
        outcomes = read(layout, path)
    except InputError:
        return  # one clear error, and nothing is imported
    others = [outcome for each, outcome in enumerate(expected) if each != number]
    remaining = list(outcomes)
    for outcome in others:
        assert outcome in remaining, f"an undamaged row was lost or changed: {outcome}"
        remaining.remove(outcome)
    assert remaining, "the damaged row vanished"


@pytest.mark.parametrize("layout", FILES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.integers(0, 40), st.binary(max_size=6)), min_size=1, max_size=4
    )
)
def test_no_damage_is_a_crash(
    folder: Folder, layout: FileLayout, damages: list[tuple[int, int, bytes]]
) -> None:
    """Bytes cut out and put in anywhere: rows, refusals, or an `InputError` that names the file."""
    content = ("\n".join(valid_lines(layout)) + "\n").encode()
    for at, cut, put in damages:
        at %= len(content) + 1
        content = content[:at] + put + content[at + cut :]
    path = folder() / FILES[layout][0]
    path.write_bytes(content)
    try:
        read(layout, path)
    except InputError as error:
        assert path.name in str(error)


def test_every_layout_of_text_is_damaged_here() -> None:
    folders: Any = {FileLayout.RUDDERSTACK, FileLayout.HM, FileLayout.MOVIELENS, FileLayout.IKEA_ROOMS}
    assert set(FileLayout) - set(FILES) == folders, "their readers are those of Segment and of tables"

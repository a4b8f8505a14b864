"""Malformed values in files: rejected or repaired, but never an aborted import."""

import io
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.files.images import SCALED_TO, prepare_picture
from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.readers.catalogues.feed_items import resolve_picture
from bowerbird.data.readers.events.segment import describe_ignored, parse_call
from bowerbird.data.readers.fields import (
    parse_number,
    parse_price,
    parse_text,
    parse_time,
    parse_whole_number,
)
from bowerbird.data.readers.records import ParsedEvent
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from commands import run_command

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary()
    | st.datetimes() | st.just(10**400) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)  # fmt: skip
MESSAGE = {"type": "track", "event": "Product Viewed", "userId": "ann", "timestamp": "2026-01-02T00:00:00Z"}


@given(ANYTHING)
def test_no_value_breaks_a_field(value: Any) -> None:
    parse_text(value).encode()
    at, price, position = parse_time(value), parse_price(value), parse_whole_number(value)
    assert at is None or at.tzinfo is UTC
    assert price is None or 0 <= price[0] < float("inf")
    assert position is None or -(2**31) < position < 2**31


@given(st.sampled_from([*MESSAGE, "properties", "messageId", "anonymousId"]), ANYTHING)
def test_no_value_breaks_a_segment_message(name: str, value: Any) -> None:
    message_ = MESSAGE | {"properties": {"product_id": "a", "products": [{"product_id": "a"}]}}
    for message in (
        message_ | {name: value},
        message_ | {"properties": {"product_id": "a", "position": value}},
    ):
        parsed = list(parse_call(message))
        assert parsed or describe_ignored(message), "a message is an event or has a reason why it is none"
        for event in parsed:
            if isinstance(event, str):
                assert event.strip(), "an empty reason"
            elif isinstance(event, ParsedEvent):
                assert pa.Table.from_pylist([event.event.as_row()], schema=EVENT_SCHEMA).num_rows == 1


@given(st.floats(min_value=0, max_value=1e6))
def test_prices_are_parsed_as_written(amount: float) -> None:
    cents = round(amount, 2)
    for written in (f"{cents:.2f} USD", f"{cents:,.2f} usd", f"$ {cents:.2f}"):
        assert parse_price(written) == (pytest.approx(cents), "USD")


def test_prices_that_need_care() -> None:
    assert parse_price("0.345 USD") == (0.345, "USD")
    assert parse_price("1.299 EUR") == (1299.0, "EUR")
    assert parse_price("1" + " " * 100_000 + "x") is None
    assert parse_number(True) is None and parse_number("inf") is None


@pytest.mark.parametrize(
    "value", [-9e10, 10**400, "0001-01-01T00:00:00+23:00", "soon", float("inf"), {}, True]
)
def test_invalid_times(value: Any) -> None:
    assert parse_time(value) is None


def test_saves_of_a_later_file_are_added_to_the_board(shop: Store, tmp_path: Path) -> None:
    def save(item: str) -> Path:
        path = tmp_path / f"{item}.jsonl"
        properties = {"product_id": item, "board_name": "Attic"}
        path.write_text(json.dumps(MESSAGE | {"event": "Product Saved to Board", "properties": properties}))
        return path

    for item in "ab":
        import_layout(shop, "segment", [save(item)])
    assert [collection.item_ids for collection in shop.collections()] == [("a", "b")]
    again = import_layout(shop, "segment", [save("a")])
    assert (again.collections.new, again.events.new) == (0, 0)


def test_a_file_of_no_json_is_an_error_and_a_single_line_is_not(shop: Store, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\x89abc\x00\xff\n\xfe\xff\n")
    with pytest.raises(InputError, match="holds no JSON objects, one a line"):
        import_layout(shop, "segment", [path])
    good = json.dumps(MESSAGE | {"properties": {"product_id": "a"}})
    path.write_text(f"\x00oops\n{good}\n")
    assert import_layout(shop, "segment", [path]).events.accepted == 1


def test_lone_surrogates_reach_neither_log_nor_report(shop: Store, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    rows = [{"userId": "\ud800", "properties": {"product_id": "a"}}, {"type": "\ud800[/x]"}]
    path.write_text("\n".join(json.dumps(MESSAGE | row) for row in rows))
    summary = import_layout(shop, "segment", [path])
    assert shop.log.read()["user_id"].to_pylist() == ["?"]
    assert summary.rejected_file is not None and "unknown type" in summary.rejected_file.read_text()


def test_reasons_with_brackets_are_printed_verbatim(shop: Store, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    rows = [{"properties": {"product_id": "a"}}, *({"type": f"[/b]{n}"} for n in range(30))]
    path.write_text("\n".join(json.dumps(MESSAGE | row) for row in rows))
    process = run_command("import", "segment", path, "--store", shop.path)
    assert process.returncode == 0, process.stderr
    assert "[/b]" in process.stdout and "20 other reasons" in process.stdout


def test_parquet_with_nanoseconds_and_ids_as_floats(shop: Store, tmp_path: Path) -> None:
    shop_feed = tmp_path / "feed.tsv"
    shop_feed.write_text("id\ttitle\n7\tLamp\n")
    import_layout(shop, "google-feed", [shop_feed])
    at = pa.array([1_767_312_000_000_000_001, None], pa.timestamp("ns"))
    table = pa.table({"who": ["ann", "bob"], "what": pa.array([7.0, None], pa.float64()), "when": at})
    pq.write_table(table, tmp_path / "clicks.parquet")
    (tmp_path / "map.toml").write_text('[events]\nuser_id = "who"\nitem_id = "what"\nat = "when"\n')
    summary = import_layout(shop, "parquet", [tmp_path / "clicks.parquet"], column_map=tmp_path / "map.toml")
    assert summary.events.rejected == {"no item_id": 1}
    row = shop.log.read().to_pylist()[0]
    assert (row["item_id"], row["at"]) == ("7", datetime(2026, 1, 2, tzinfo=UTC))


def test_damaged_parquet_changes_nothing(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "goods.parquet"
    pq.write_table(
        pa.table({"sku": [f"{n:06d}" for n in range(5000)]}), path, compression="zstd", use_dictionary=False
    )
    content = bytearray(path.read_bytes())
    content[200:4000] = os.urandom(3800)
    path.write_bytes(content)
    (tmp_path / "map.toml").write_text('[items]\nitem_id = "sku"\ntitle = "sku"\n')
    with pytest.raises(InputError, match="damaged"):
        import_layout(store, "parquet", [path], column_map=tmp_path / "map.toml")
    assert not store.has_catalogue() and not list(store.reports.iterdir())


@pytest.mark.parametrize(
    "text", ["items = 3", '[items]\nitem_id = ["a"]', '[items]\nitem_id = "a"\nattributes = "b"']
)
def test_a_column_map_of_the_wrong_shape_is_an_error(store: Store, tmp_path: Path, text: str) -> None:
    (tmp_path / "goods.csv").write_text("a\n1\n")
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(InputError, match="Expected `"):
        import_layout(store, "parquet", [tmp_path / "goods.csv"], column_map=tmp_path / "map.toml")


def test_invalid_addresses_and_encodings(store: Store, tmp_path: Path) -> None:
    assert resolve_picture("http://[x", tmp_path) == "http://[x"
    path = tmp_path / "feed.xml"
    path.write_text("<?xml version='1.0' encoding='foo'?><rss/>")
    with pytest.raises(InputError, match="well-formed"):
        import_layout(store, "google-feed", [path])


def test_a_rotated_photo_is_upright_when_scaled() -> None:
    photo, exif, out = Image.new("RGB", (1200, 600), "red"), Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # rotated by 90 degrees
    photo.save(out, "JPEG", exif=exif)
    scaled = prepare_picture(out.getvalue())
    assert scaled is not None
    assert Image.open(io.BytesIO(scaled)).size == (SCALED_TO // 2, SCALED_TO)


def test_programs_and_devices_are_not_pictures(jpeg: Callable[..., bytes]) -> None:
    eps = io.BytesIO()
    Image.new("RGB", (8, 8)).save(eps, "EPS")
    assert prepare_picture(eps.getvalue()) is None
    assert prepare_picture(Path("/dev/zero")) is None
    assert prepare_picture(jpeg()) == jpeg()

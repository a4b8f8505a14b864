# ruff: noqa: E501  # rows of files are as wide as they are
"""Parquet files whose columns hold other types than expected: rows, listed refusals, or one clear error."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bowerbird.data.logs.event_ids import with_event_ids
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.records import EventBatch, EventDraft, ItemBatch, ItemDraft, RejectedRow
from bowerbird.errors import InputError

N_ROWS = 3
VALUES: dict[str, list[Any]] = {
    "nothing": [None] * N_ROWS,
    "booleans": [True, False, None],
    "whole numbers": [0, 2**62, -5],
    "fractions": [1.0, float("nan"), float("inf")],
    "decimals": [Decimal("1.50"), None, Decimal("-2.00")],
    "dates": [date(2026, 1, 2), None, date(1, 1, 1)],
    "times": [datetime(2026, 1, 2, tzinfo=UTC), None, datetime(1970, 1, 1, tzinfo=UTC)],
    "bytes": [b"\xff\x00", b"", None],
    "lists": [["a", None], [], None],
    "records": [{"a": 1}, None, {"a": None}],
    "empty texts": ["", " ", "\0"],
}
GA4_ITEMS = pa.array([[{"item_id": "a", "price": 5.0}]] * N_ROWS)
FEED = {
    "id": ["1", "2", "3"],
    "title": ["A", "B", "C"],
    "price": ["5 EUR"] * 3,
    "availability": ["in stock"] * 3,
}
AT = [1767312000] * N_ROWS
TABLES: dict[str, tuple[FileLayout, dict[str, dict[str, Any]], str]] = {
    "feed": (FileLayout.GOOGLE_FEED, {"f": FEED | {"additional_image_link": [["u"], [], None]}}, ""),
    "meta": (FileLayout.META_CATALOGUE, {"f": FEED}, ""),
    "openai": (FileLayout.OPENAI_FEED, {"f": FEED | {"image_url": ["u"] * 3, "variant_dict": [{"color": "x"}] * 3}}, ""),
    "ga4": (FileLayout.GA4, {"f": {"event_name": ["view_item"] * 3, "user_pseudo_id": list("xyz"), "event_timestamp": AT, "items": GA4_ITEMS}}, ""),
    "events": (FileLayout.PARQUET, {"f": {"user_id": list("xyz"), "item_id": list("aab"), "action": ["view"] * 3, "at": AT, "value": [1.0] * 3}}, ""),
    "mapped items": (FileLayout.PARQUET, {"f": {"sku": list("abc"), "name": list("ABC"), "cost": [1.0] * 3, "kind": ["x"] * 3, "pic": ["u"] * 3}}, '[items]\nitem_id = "sku"\ntitle = "name"\nprice = "cost"\ncategory = "kind"\nimage = "pic"\n'),
    "hm": (FileLayout.HM, {"items.parquet": {"article_id": [1, 2, 3], "prod_name": list("ABC")}, "transactions.parquet": {"t_dat": ["2020-01-01"] * 3, "customer_id": list("xyz"), "article_id": [1, 2, 3], "price": [0.5] * 3}}, ""),
    "movielens": (FileLayout.MOVIELENS, {"items.parquet": {"movieId": [1, 2, 3], "title": list("ABC"), "genres": ["a|b"] * 3}, "ratings.parquet": {"userId": [1, 2, 3], "movieId": [1, 2, 3], "rating": [4.0] * 3, "timestamp": AT}}, ""),
    "ikea": (FileLayout.IKEA_ROOMS, {"items.parquet": {"item_id": list("abc"), "name": list("ABC"), "type": list("xyz")}, "rooms.parquet": {"room": list("RST"), "item_ids": [["a"], ["b", "c"], ["a"]], "room_type": list("xyz")}}, ""),
}  # fmt: skip
OF_FOLDERS = ("hm", "movielens", "ikea")
CHANGES = [
    (name, file, column) for name, (_, files, _) in TABLES.items() for file, table in files.items() for column in table
]  # fmt: skip


@pytest.mark.parametrize(("name", "file", "column"), CHANGES, ids=str)
def test_a_column_of_another_type(tmp_path: Path, name: str, file: str, column: str) -> None:
    layout, files, column_map = TABLES[name]
    for table_name, columns in files.items():
        pq.write_table(pa.table(columns), tmp_path / table_name)
    map_path = tmp_path / "map.toml"
    map_path.write_text(column_map)
    path = tmp_path if name in OF_FOLDERS else tmp_path / file
    for kind, values in VALUES.items():
        pq.write_table(pa.table(files[file] | {column: pa.array(values)}), tmp_path / file)
        try:
            records = list(read_files(layout, [path], map_path if column_map else None))
        except InputError as error:
            assert str(tmp_path) in str(error), kind
            continue
        n_rows = 0
        for record in records:
            if isinstance(record, RejectedRow):
                assert record.reason and record.as_line()
            elif isinstance(record, ItemBatch):
                n_rows += len(list(record.drafts())) - 1
            elif isinstance(record, EventBatch):
                n_rows += with_event_ids(record.rows).num_rows - 1
            elif isinstance(record, ItemDraft | EventDraft):
                assert (record.item if isinstance(record, ItemDraft) else record.event).item_id
            n_rows += 1
        assert n_rows >= N_ROWS * len(files), f"rows vanished where `{column}` holds {kind}"

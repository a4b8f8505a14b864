"""Files without a named layout: recognised by content, or a column map that reads them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.readers.layouts import FileLayout
from bowerbird.data.readers.recognition.inspection import inspect
from bowerbird.data.readers.recognition.layout import recognise
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from commands import run_command


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        ("id\ttitle\tprice\n", FileLayout.GOOGLE_FEED),
        ("id,title,image_link\n", FileLayout.META_CATALOGUE),
        ("<rss><channel/></rss>", FileLayout.GOOGLE_FEED),
        ('{"type": "track", "userId": "u", "event": "x"}', FileLayout.SEGMENT),
        ('{"type": "track", "userId": "u", "rudderId": "r"}', FileLayout.RUDDERSTACK),
        ('{"event_name": "purchase", "user_pseudo_id": "1"}', FileLayout.GA4),
        ('[{"@type": "Product", "name": "Lamp"}]', FileLayout.SCHEMA_ORG),
        ("\t".join(["x"] * 131), FileLayout.SNOWPLOW),
        ("user_id:token\titem_id:token\n", FileLayout.RECBOLE),
        ("item_id,title,image_url\n1,2,3\n", FileLayout.OPENAI_FEED),
        ("user_id,item_id,action,at\n", None),
        ("visitor,sku,ts\n", None),
    ],
)
@pytest.mark.parametrize("name", ["data.csv", "data"])
def test_a_layout_is_known_by_its_content(
    tmp_path: Path, content: str, layout: FileLayout | None, name: str
) -> None:
    (tmp_path / name).write_text(content)
    assert recognise([tmp_path / name]) is layout


def test_files_of_several_layouts_are_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("id\ttitle\n")
    (tmp_path / "b.jsonl").write_text('{"type": "track", "userId": "u"}\n')
    with pytest.raises(InputError, match=r"several layouts \(google-feed, segment\)"):
        recognise([tmp_path])


def test_a_proposed_map_reads_the_table(shop: Store, tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    path.write_text("visitorId,SKU,event,timestamp\nann,a,buy,1767312000\nbob,b,view,1767312001\n")
    inspection = inspect(path)
    assert inspection.layout == "parquet"
    assert tomllib.loads(inspection.columns) == {
        "events": {
            "user_id": "visitorId",
            "item_id": "SKU",
            "at": "timestamp",
            "action": "event",
            "actions": {"buy": "purchase"},
        }
    }
    assert [(row["user_id"], row["action"]) for row in inspection.rows] == [
        ("ann", "purchase"),
        ("bob", "view"),
    ]
    (tmp_path / "map.toml").write_text(inspection.columns)
    summary = import_layout(shop, "parquet", [path], column_map=tmp_path / "map.toml")
    assert summary.events.new == 2


def test_a_table_of_items_in_parquet(tmp_path: Path) -> None:
    table = pa.table({"sku": [7], "name": ["Lamp"], "department": ["Home"], "color": ["red"], "price": [9.5]})
    pq.write_table(table, tmp_path / "goods.parquet")
    inspection = inspect(tmp_path / "goods.parquet")
    (row,) = inspection.rows
    assert (row["item_id"], row["title"], row["price"]) == ("7", "Lamp", 9.5)
    assert (row["category"], row["attributes"]) == (("Home",), {"colour": "red"})


def test_an_unknown_table_says_what_came_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("alpha,beta\n1,2\n")
    with pytest.raises(InputError, match=r"alpha, beta\. Write a column map"):
        inspect(tmp_path / "t.csv")
    (tmp_path / "t.json").write_text('{"a": 1}\n')
    with pytest.raises(InputError, match="JSON of no known layout: its first object has a"):
        recognise([tmp_path / "t.json"])


def test_the_commands(store: Store, tmp_path: Path) -> None:
    (tmp_path / "feed.tsv").write_text("id\ttitle\tprice\n1\tLamp\t5 EUR\n")
    shown = run_command("import", "inspect", tmp_path / "feed.tsv", "--json")
    assert json.loads(shown.stdout)["layout"] == "google-feed" and not store.has_catalogue()
    imported = run_command("import", tmp_path / "feed.tsv", "--store", store.path)
    assert imported.returncode == 0 and "recognised by its content: google-feed" in imported.stderr
    (tmp_path / "clicks.csv").write_text("visitor,sku,ts\nann,1,1767312000\n")
    unknown = run_command("import", tmp_path / "clicks.csv", "--store", store.path)
    assert unknown.returncode == 2 and "bowerbird import inspect" in unknown.stderr
    missing = run_command("import", "no-such-thing", "--store", store.path)
    assert missing.returncode == 2 and "no layout and no file" in missing.stderr
    (tmp_path / "map.toml").write_text(inspect(tmp_path / "clicks.csv").columns)
    mapped = run_command(
        "import", tmp_path / "clicks.csv", "--columns", tmp_path / "map.toml", "--store", store.path
    )
    assert mapped.returncode == 0 and len(store.log) == 1

"""What a command may name: patterns, folders, partitioned tables, standard input; and how text is split."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.paths import data_files, named_paths
from bowerbird.data.readers.inputs.records_of_text import read_delimited, split_records
from bowerbird.data.readers.inputs.table_batches import TableBatch, read_batches
from bowerbird.data.readers.recognition.inspection import inspect
from bowerbird.data.store import Store
from bowerbird.errors import InputError


def test_patterns_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / name).write_text("id,title\n")
    with named_paths([str(tmp_path / "*.csv")]) as paths:
        assert [path.name for path in paths] == ["a.csv", "b.csv"]
    with pytest.raises(InputError, match="no file matches"), named_paths([str(tmp_path / "*.xml")]):
        pass
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"id\ttitle\n1\tLamp\n")))
    with named_paths(["-"]) as (copy,):
        assert copy.read_bytes() == b"id\ttitle\n1\tLamp\n"
    assert not copy.exists()


def test_folders_of_any_depth(store: Store, tmp_path: Path) -> None:
    (tmp_path / "feeds" / "deep").mkdir(parents=True)
    (tmp_path / "feeds" / "a.tsv").write_text("id\ttitle\n1\tLamp\n")
    (tmp_path / "feeds" / "deep" / "b.tsv").write_text("id\ttitle\n2\tMug\n")
    (tmp_path / "feeds" / "_SUCCESS").write_text("")
    import_layout(store, "google-feed", [tmp_path / "feeds"])
    assert store.catalogue().ids == ["1", "2"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no files"):
        data_files([tmp_path / "empty"])


def test_a_partitioned_table(shop: Store, tmp_path: Path) -> None:
    for day, user in (("2026-01-01", "ann"), ("2026-01-02", "bob")):
        folder = tmp_path / "events" / f"ts={day}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"visitor": [user], "sku": ["a"]}), folder / "part-0.parquet")
    proposed = inspect(tmp_path / "events")
    assert [row["user_id"] for row in proposed.rows] == ["ann", "bob"]
    (tmp_path / "map.toml").write_text(proposed.columns)
    import_layout(shop, "parquet", [tmp_path / "events"], column_map=tmp_path / "map.toml")
    assert [at.day for at in shop.log.read()["at"].to_pylist()] == [1, 2]


def test_forms_are_known_by_content(tmp_path: Path) -> None:
    path = tmp_path / "any.xls"
    contents = {
        Form.XML: b"\xef\xbb\xbf <rss/>",
        Form.JSON: b'broken line\n{"id": 1}\n',
        Form.TEXT: b"id,title\n",
        Form.PARQUET: b"PAR1....PAR1",
    }
    for form, content in contents.items():
        path.write_bytes(content)
        assert form_of(path) is form


FULL = "id\ttitle\n" + "".join(f"{number}\tThing {number}\n" for number in range(40))


def test_a_full_feed_that_was_cut_short_is_an_error(store: Store, tmp_path: Path) -> None:
    (tmp_path / "full.tsv").write_text(FULL)
    (tmp_path / "cut.tsv").write_text(FULL[: len(FULL) // 2])
    import_layout(store, "google-feed", [tmp_path / "full.tsv"])
    with pytest.raises(InputError, match=r"of the store's 40 items are not in the files.*--allow-withdraw"):
        import_layout(store, "google-feed", [tmp_path / "cut.tsv"], is_full=True)
    assert not store.catalogue().withdrawn.any()
    summary = import_layout(store, "google-feed", [tmp_path / "cut.tsv"], is_full=True, may_withdraw=True)
    assert summary.withdrawn == store.catalogue().withdrawn.sum() > 13


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=5),
    st.sampled_from("\t,;|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_is_quoted_is_read_back(rows: list[list[str]], separator: str, quoting: int) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, quoting=quoting, lineterminator="\n").writerows(
        [["a", "b", "c"], *rows]
    )
    records = split_records(iter(out.getvalue().splitlines(keepends=True)), separator)
    assert [fields for _, fields in records][1:] == rows


def test_a_mark_that_is_never_closed_swallows_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id,title\n1,"Great lamp\n2,Mug\n3,"Oak, table"\n4,"two\nlines"\n5,19" rack\n')
    titles = ['"Great lamp', "Mug", "Oak, table", "two\nlines", '19" rack']
    assert [row["title"] for _, row in read_delimited(path)] == titles
    batches = [batch for batch in read_batches(path, ["id", "title"]) if isinstance(batch, TableBatch)]
    assert [title for batch in batches for title in batch.rows["title"].to_pylist()] == titles


def test_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,price,price\n1,2,3\n")
    with pytest.raises(InputError, match="several columns price"):
        list(read_delimited(tmp_path / "t.csv"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_batches_and_rows_read_text_alike(tmp_path: Path, encoding: str, separator: str) -> None:
    path = tmp_path / "any.name"
    lines = ["id;title;note", "1;Käse;", "", "2;ö;", ";;", '"";;""', ";", '3;"x ""y""";', ";;x"]
    path.write_bytes("\n".join(lines).replace(";", separator).encode(encoding))
    batches = [batch for batch in read_batches(path, ["id", "title"]) if isinstance(batch, TableBatch)]
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    assert rows == [{"id": row["id"], "title": row["title"]} for _, row in read_delimited(path)]
    assert [number for batch in batches for number in batch.numbers] == [2, 4, 8, 9]

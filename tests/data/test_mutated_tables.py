"""Damaged feeds in XML; tables whose columns were moved; other encodings; gzip files that were cut off."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.logs.event_ids import with_event_ids
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.records import EventBatch, ItemBatch, ItemDraft, Record, RejectedRow
from bowerbird.errors import InputError

ITEM = "<item><g:id>{n}</g:id><title>Lamp {n}</title><g:price>5.00 EUR</g:price></item>"
ENTRY = '<entry><id>{n}</id><title>Lamp {n}</title><link href="https://x.example"/></entry>'
RSS = '<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel>{}</channel></rss>'
ATOM = '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{}</feed>'
NUMBERS = range(1, 6)


def repeated(line: str, header: str = "") -> str:
    lines = [line.replace("{n}", str(number)) for number in NUMBERS]
    return "\n".join([header, *lines] if header else lines) + "\n"


ITEM_MAP = '[items]\nitem_id = "sku"\ntitle = "name"\nprice = "cost"\n'
EVENT_MAP = '[events]\nuser_id = "visitor"\nitem_id = "sku"\nat = "ts"\naction = "what"\n'
ARTICLES = repeated("010877501{n},Top {n},Vest", "article_id,prod_name,product_type_name")
SALES = repeated("2020-01-0{n},u{n},010877501{n},0.5", "t_dat,customer_id,article_id,price")
RATINGS = repeated("u{n},{n},4.0,126475954{n}", "userId,movieId,rating,timestamp")
FILMS = repeated("{n},Film {n},Drama|War", "movieId,title,genres")
SOURCES: dict[str, tuple[FileLayout, dict[str, bytes], str]] = {
    "rss": (FileLayout.GOOGLE_FEED, {"feed.xml": RSS.replace("{}", repeated(ITEM)).encode()}, ""),
    "atom": (FileLayout.GOOGLE_FEED, {"feed.xml": ATOM.replace("{}", repeated(ENTRY)).encode()}, ""),
    "gzip": (FileLayout.GOOGLE_FEED, {"f": gzip.compress(repeated("{n}\tLamp", "id\ttitle").encode())}, ""),
    "hm": (FileLayout.HM, {"articles.csv": ARTICLES.encode(), "transactions_train.csv": SALES.encode()}, ""),
    "movielens": (FileLayout.MOVIELENS, {"movies.csv": FILMS.encode(), "ratings.csv": RATINGS.encode()}, ""),
    "recbole": (
        FileLayout.RECBOLE,
        {"d.item": repeated("{n}\tLamp {n}\t5.0", "item_id:token\ttitle:token\tprice:float").encode()},
        "",
    ),
    "items": (
        FileLayout.PARQUET,
        {"t.csv": repeated("{n},Lamp {n},5.00 EUR", "sku,name,cost").encode()},
        ITEM_MAP,
    ),
    "events": (
        FileLayout.PARQUET,
        {"t.csv": repeated("u{n},{n},2026-01-0{n},view", "visitor,sku,ts,what").encode()},
        EVENT_MAP,
    ),
    "google": (
        FileLayout.GOOGLE_FEED,
        {"f.tsv": repeated("{n}\tLamp {n}\t5 EUR", "id\ttitle\tprice").encode()},
        "",
    ),
    "shopify": (
        FileLayout.SHOPIFY,
        {"p.csv": repeated("h{n},Lamp {n},s{n},5.00", "Handle,Title,Variant SKU,Variant Price").encode()},
        "",
    ),
}
TABLES = ("items", "events", "google", "shopify", "recbole", "hm", "movielens")


def outcomes(name: str, files: dict[str, bytes]) -> list[str]:
    """What is read, an accepted row as its text, a rejected one as its reason."""
    layout, _, column_map = SOURCES[name]
    with TemporaryDirectory() as folder:
        for file, content in files.items():
            (Path(folder) / file).write_bytes(content)
        map_path = Path(folder) / "map.toml"
        map_path.write_text(column_map)
        is_dataset = layout in (
            FileLayout.HM,
            FileLayout.MOVIELENS,
            FileLayout.RECBOLE,
            FileLayout.IKEA_ROOMS,
        )
        paths = [Path(folder)] if is_dataset else [Path(folder) / file for file in files]
        records = read_files(layout, paths, map_path if column_map else None)
        return [text for record in records for text in texts_of(record)]


def texts_of(record: Record) -> Iterator[str]:
    if isinstance(record, ItemDraft):
        yield repr(record.item)
    elif isinstance(record, ItemBatch):
        yield from (repr(draft.item) for draft in record.drafts())
    elif isinstance(record, EventBatch):
        yield from map(repr, with_event_ids(record.rows).to_pylist())
    elif isinstance(record, RejectedRow):
        assert record.reason and record.as_line()
        yield f"rejected: {record.reason}"
    else:
        yield repr(record)


@pytest.mark.parametrize("name", ["rss", "atom"])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_damage_is_a_crash(name: str, data: st.DataObject) -> None:
    """Bytes cut out and put in anywhere: rows, refusals, or one `InputError`."""
    files = dict(SOURCES[name][1])
    file = data.draw(st.sampled_from(sorted(files)))
    at = data.draw(st.integers(0, len(files[file])))
    cut, put = data.draw(st.integers(0, 60)), data.draw(st.binary(max_size=6))
    files[file] = files[file][:at] + put + files[file][at + cut :]
    try:
        outcomes(name, files)
    except InputError as error:
        assert len(str(error)) > 20


@pytest.mark.parametrize("name", TABLES)
def test_moved_and_missing_columns(name: str) -> None:
    """In another order the same is read; without a column nothing is read into another field."""
    expected = outcomes(name, SOURCES[name][1])
    assert len(expected) >= len(NUMBERS) and not any("rejected" in text for text in expected)
    for file, content in SOURCES[name][1].items():
        separator = "\t" if b"\t" in content else ","
        rows = [line.split(separator) for line in content.decode().splitlines()]

        def written(table: list[list[str]], file: str = file, separator: str = separator) -> dict[str, bytes]:
            return SOURCES[name][1] | {file: "\n".join(map(separator.join, table)).encode()}

        assert outcomes(name, written([row[::-1] for row in rows])) == expected
        for column in range(len(rows[0])):
            try:
                fewer = outcomes(name, written([[*row[:column], *row[column + 1 :]] for row in rows]))
            except InputError as error:
                assert rows[0][column].split(":")[0] in str(error)
                continue
            lost = {row[column] for row in rows[1:]}
            for text, before in zip(fewer, expected, strict=True):
                assert "rejected" in text or set(text) <= set(before) | set("None"), (lost, text, before)
        with pytest.raises(InputError, match="several columns"):
            outcomes(name, written([[*row, row[0]] for row in rows]))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "gzip"])
def test_other_encodings_say_the_same(name: str, encoding: str) -> None:
    files = SOURCES[name][1]
    if encoding == "gzip":
        packed = {file: gzip.compress(content) for file, content in files.items()}
    else:
        packed = {file: content.decode().encode(encoding) for file, content in files.items()}
    assert outcomes(name, packed) == outcomes(name, files)


def test_a_gzip_file_that_was_cut_off_is_one_clear_error() -> None:
    whole = SOURCES["gzip"][1]["f"]
    for length in range(11, len(whole), 5):
        with pytest.raises(InputError, match=r"damaged|decompress|can't be read|empty|no column"):
            outcomes("gzip", {"f": whole[:length]})

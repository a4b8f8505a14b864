"""H&M's articles: columns are read as rows are."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bowerbird.data.items import Catalogue
from bowerbird.data.readers.datasets.hm_articles import ATTRIBUTES, CATEGORY, item_of, read_articles
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import ItemBatch, ItemDraft, RejectedRow

WORDS = st.sampled_from(
    ["", "Vest top", " Tr\u00e4d ", "a &amp; b", "<b>x</b>", "1,5", 'so "called"', "two\nlines", "a\x1fb"]
)
COLUMNS = {
    "article_id": st.sampled_from(["108775015", "0108775015", "108775015.0", "", " ", "x", "12345678901"]),
    "prod_name": WORDS,
} | dict.fromkeys(("detail_desc", *CATEGORY, *ATTRIBUTES.values()), WORDS)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    further = draw(st.lists(st.sampled_from(sorted(COLUMNS)[2:]), unique=True))
    header = list(dict.fromkeys(["article_id", "prod_name", *further]))
    return [header, *map(list, draw(st.lists(st.tuples(*(COLUMNS[n] for n in header)), max_size=5)))]


@settings(max_examples=60, deadline=None)
@given(tables(), st.booleans())
@example([["article_id", "prod_name"], ["", ""]], False)
def test_columns_and_rows_are_read_alike(table: list[list[str]], has_pictures: bool) -> None:
    with TemporaryDirectory() as folder:
        path, pictures = Path(folder) / "articles.csv", Path(folder) if has_pictures else None
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(table)
        expected = [item_of(row, location, pictures) for location, row in read_rows(path)]
        records = list(read_articles(path, pictures))
    items = [each for each in expected if isinstance(each, ItemDraft)]
    batches = [record for record in records if isinstance(record, ItemBatch)]
    assert [row for batch in batches for row in batch.rows.to_pylist()] == Catalogue.of(
        [each.item for each in items]
    ).table.to_pylist()
    read = [draft for batch in batches for draft in batch.drafts()]
    assert [(draft.location, draft.picture) for draft in read] == [(d.location, d.picture) for d in items]
    rejected = [(each.location, each.reason) for each in records if isinstance(each, RejectedRow)]
    assert rejected == [(each.location, each.reason) for each in expected if isinstance(each, RejectedRow)]

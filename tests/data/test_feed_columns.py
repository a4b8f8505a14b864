"""Feeds read in columns give the items, repairs and rejections of rows that are read one by one."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.items import Catalogue
from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.google_feed import read
from bowerbird.data.readers.records import ItemBatch, ItemDraft, RejectedRow
from bowerbird.data.readers.values.prices import find_decimal_mark

ODD = st.text(st.characters(codec="utf-8", exclude_characters='\t\r\n"\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029'))
PRICES = st.sampled_from(
    ["", "5", "5.00 EUR", "19.9900 EUR", "1.299", "1.299,00 €", "free", "7 XQZ", "-1", "24.5"]
)
DATES = st.sampled_from(["", "2020-01-01/2040-01-01", "2020-01-01/", "2019-01-01/2020-01-01", "soon"])
PROSE = ODD | st.sampled_from(
    ["Lamp", "<b>Oak</b> table", "Table &amp; chair", "a  b", "Tvätt\u00a0x", "椅子"]
)
COLUMNS = {
    "id": st.sampled_from(["a", "b", " c ", "", "é"]),
    "title": PROSE,
    "Description": PROSE,
    "structured_title": st.sampled_from(["", 'default:"A <b>b</b>"', "trained_algorithmic_media: A", "x:y"]),
    "summary": PROSE,
    "price": PRICES,
    "sale price": PRICES,
    "sale_price_effective_date": DATES,
    "brand": PROSE,
    "g:product_type": st.sampled_from(["", "Home > Lamps", "Home &gt; Lamps", "A", ">", "<b>x</b> > y"]),
    "google_product_category": st.sampled_from(["", "Furniture", "166", "1604.0", "7 up"]),
    "availability": st.sampled_from(["", "in stock", "sold out", "maybe", "0"]),
    "image_link": st.sampled_from(
        ["", "https://x.example/1.jpg", "1.jpg", "file:///a%20b.jpg", "http://[::1"]
    ),
    "additional_image_link": st.sampled_from(["", "https://x.example/2.jpg, ,https://x.example/3.jpg"]),
    "color": PROSE,
    "size": st.sampled_from(["", "M"]),
    "custom_label_0": ODD,
    "product_detail": st.sampled_from(["", "General:Shade:Linen", "a:b,c:d", "x"]),
    "star_rating": st.sampled_from(["", "4.5", "-1", "good"]),
    "review_count": st.sampled_from(["", "12", "12.5", "many"]),
    "created_at": st.sampled_from(["", "2026-01-31", "23/10/2022"]),
    "condition": st.sampled_from(["", "NEW"]),
    "item_group_id": st.sampled_from(["", "g"]),
    "shipping": st.sampled_from(["", "SE::Standard:49 SEK"]),
    "gtin": st.sampled_from(["", "4006381333931"]),
}


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), unique=True))
    header = ["id", *(name for name in names if name != "id")]
    rows = draw(st.lists(st.tuples(*(COLUMNS[name] for name in header)), min_size=1, max_size=6))
    return [header, *map(list, rows)]


def one_by_one(table: list[list[str]], folder: Path) -> list[ItemDraft | RejectedRow]:
    """The slower way, which is obviously right: every row by itself."""
    names = [name.strip().lower().removeprefix("g:").replace(" ", "_") for name in table[0]]
    rows = [dict(zip(names, fields, strict=True)) for fields in table[1:] if any(fields)]
    mark = find_decimal_mark([row.get("price", "").strip() for row in rows])
    outcomes = []
    for row in rows:
        values = {name: [text.strip()] for name, text in row.items() if text.strip()}
        for name in ("product_detail", "additional_image_link"):
            if name in values:
                values[name] = values[name][0].split(",")
        outcomes.append(item_of(values, "", folder, mark))
    return outcomes


@settings(max_examples=150, deadline=None)
@given(tables())
def test_columns_and_rows_are_read_alike(table: list[list[str]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "feed.tsv"
        path.write_text("\n".join("\t".join(row) for row in table) + "\n", encoding="utf-8", newline="")
        expected = one_by_one(table, path.parent)
        drafts, rejected = [], []
        for record in read([path]):
            if isinstance(record, ItemBatch):
                assert all(record.repairs.values()), "nothing is listed where nothing was left out"
                repairs = [record.repairs.get(row, ()) for row in range(record.rows.num_rows)]
                drafts += list(zip(record.rows.to_pylist(), record.pictures, repairs, strict=True))
            else:
                assert isinstance(record, RejectedRow)
                rejected.append(record.reason)
        items = [each for each in expected if isinstance(each, ItemDraft)]
        rows = Catalogue.of([each.item for each in items]).table.to_pylist()
        pictures, repairs = [each.picture for each in items], [each.repairs for each in items]
        assert drafts == list(zip(rows, pictures, repairs, strict=True))
        assert rejected == [each.reason for each in expected if isinstance(each, RejectedRow)]


def test_numbers_of_googles_taxonomy_are_listed(tmp_path: Path) -> None:
    """They are no names that people could see or ask for; a product_type goes before them."""
    (tmp_path / "feed.tsv").write_text(
        "id\ttitle\tproduct_type\tgoogle_product_category\n"
        "a\tA\t\t166\nb\tB\tLamps\t166\nc\tC\t\tArt > Prints\n"
    )
    (batch,) = read([tmp_path / "feed.tsv"])
    assert isinstance(batch, ItemBatch)
    assert [draft.item.category for draft in batch.drafts()] == [(), ("Lamps",), ("Art", "Prints")]
    assert {row: [repair.value for repair in each] for row, each in batch.repairs.items() if each} == {
        0: ["166"]
    }

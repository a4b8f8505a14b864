"""Rows of a feed's table as columns: several times as fast as an item for each row.

Only plain values are converted in columns; every other value goes through the functions that `google_feed`
uses for single rows, and a test holds both to the same items.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray
from bowerbird.data.items import FURTHER_FIELDS, ITEM_SCHEMA
from bowerbird.data.readers.catalogues.feed_items import (
    ATTRIBUTES,
    NEVER_NULL,
    attributes_of,
    content_of,
    missing_id,
    parse_path,
    resolve_picture,
    split_links,
)
from bowerbird.data.readers.event_columns import each_distinct, without_nulls
from bowerbird.data.readers.item_columns import each_unless_plain, map_of
from bowerbird.data.readers.records import ItemBatch, RejectedRow
from bowerbird.data.readers.values.currencies import read_currency
from bowerbird.data.readers.values.ids import SHORTENED
from bowerbird.data.readers.values.item_fields import TAXONOMY_NUMBER, ItemFields
from bowerbird.data.readers.values.outcomes import Repair
from bowerbird.data.readers.values.texts import parse_prose

_TEXT = pa.string()
_PLAIN_PRICE = r"^(?P<amount>[0-9]{1,12}(?:\.[0-9]{1,2})?)(?: ?(?P<code>[A-Z]{3}))?$"
FeedColumns = dict[str, pa.Array]
"""Texts without blanks around them by the feed's names, (n,) each; empty where there is none."""


class FeedBatch:
    """Some rows of a feed being made into items."""

    def __init__(self, columns: FeedColumns, locations: Sequence[str], folder: Path, mark: str) -> None:
        self.columns = {
            name: column if name in NEVER_NULL else without_nulls(column) for name, column in columns.items()
        }
        self.locations, self.folder, self.mark = locations, folder, mark
        self.n = len(locations)
        self.repairs: dict[int, list[Repair]] = defaultdict(list)

    def records(self) -> Iterator[ItemBatch | RejectedRow]:
        """The rows without an id as rejected, and the items of the others."""
        ids = self._text("id")
        has_id = pc.not_equal(ids, "").to_numpy(zero_copy_only=False)
        if pc.any(pc.match_substring(ids, "E+")).as_py():
            has_id &= ~pc.match_substring_regex(ids, SHORTENED.pattern).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(~has_id).tolist():
            values = {name: [text] for name, c in self.columns.items() if (text := c[row].as_py())}
            yield RejectedRow("items", missing_id(ids[row].as_py()), self.locations[row], values)
        if not has_id.all():
            yield from self._rows(has_id).records()
            return
        fields = {"item_id": ids} | self._texts() | self._prices() | self._parsed()
        pictures = self._pictures(fields)
        arrays = [self._array(field, fields.get(field.name)) for field in ITEM_SCHEMA]
        rows = pa.table(arrays, schema=ITEM_SCHEMA)
        repairs = {row: tuple(each) for row, each in self.repairs.items() if each}
        yield ItemBatch(rows, self.locations, pictures, repairs)

    def _rows(self, chosen: BoolArray) -> FeedBatch:
        columns = {name: column.filter(pa.array(chosen)) for name, column in self.columns.items()}
        locations = [self.locations[row] for row in np.flatnonzero(chosen).tolist()]
        return FeedBatch(columns, locations, self.folder, self.mark)

    def _array(self, field: pa.Field, values: pa.Array | None) -> pa.Array:
        if values is None:
            return pa.nulls(self.n, field.type)
        if field.name in FURTHER_FIELDS and pa.types.is_string(field.type):
            return pc.if_else(pc.equal(values, ""), pa.scalar(None, _TEXT), values)
        return values

    def _text(self, *names: str) -> pa.Array:
        """The first text of several columns in each row, (n,)."""
        present = [self.columns[name] for name in names if name in self.columns]
        if not present:
            return pa.repeat(pa.scalar("", _TEXT), self.n)
        text = present[0]
        for column in present[1:]:
            text = pc.if_else(pc.equal(text, ""), column, text)
        return text

    def _prose(self, *names: str) -> pa.Array:
        return each_unless_plain(self._text(*names), parse_prose)

    def _prose_or_structured(self, *names: str) -> pa.Array:
        text, structured = self._text(*names), self._text(f"structured_{names[0]}")
        content = each_distinct(structured, content_of, _TEXT)
        return each_unless_plain(pc.if_else(pc.equal(text, ""), content, text), parse_prose)

    def _texts(self) -> dict[str, pa.Array]:
        return {
            "title": self._prose_or_structured("title"),
            "description": self._prose_or_structured("description", "summary", "content"),
            "brand": self._prose("brand"),
            "link": self._text("link"),
            "image_link": self._text("image_link"),
            "mpn": self._text("mpn"),
            "group_id": self._text("item_group_id"),
            "condition": each_distinct(self._text("condition"), str.lower, _TEXT),
            "shipping": self._text("shipping"),
            "returns": self._text("return_policy_label", "returns"),
            "language": self._text("language", "content_language"),
        }

    def _prices(self) -> dict[str, pa.Array]:
        """Prices; with a sale price, or where the price is not plain, row by row."""
        written, sale, dates = (
            self._text("price"),
            self._text("sale_price"),
            self._text("sale_price_effective_date"),
        )
        price_fields = pc.extract_regex(written, _PLAIN_PRICE)
        codes = pc.struct_field(price_fields, "code").fill_null("")
        default = self._text("currency")
        codes_or_default = pc.if_else(pc.equal(codes, ""), default, codes)
        currencies = each_distinct(codes_or_default, _code_of, _TEXT)
        is_plain = pc.and_(price_fields.is_valid(), currencies.is_valid())
        is_usual = pc.and_(pc.and_(is_plain, pc.equal(sale, "")), pc.equal(dates, ""))
        is_done = pc.or_(is_usual, pc.equal(pc.binary_join_element_wise(written, sale, dates, ""), ""))
        amounts = pc.struct_field(price_fields, "amount").cast(pa.float64())
        rows: dict[str, list[Any]] = {
            "price": pc.if_else(is_usual, amounts, None).to_pylist(),
            "currency": pc.if_else(is_usual, currencies, "").to_pylist(),
        }
        unusual = np.flatnonzero(~is_done.to_numpy(zero_copy_only=False)).tolist()
        for name in ("list_price", "sale_price", "sale_starts", "sale_ends"):
            rows[name] = [None] * self.n
        for row in unusual:
            fields = ItemFields(self.mark)
            currency = fields.currency("currency", default[row].as_py())
            price = fields.sale_price(written[row].as_py(), sale[row].as_py(), dates[row].as_py(), currency)
            self.repairs[row] += fields.repairs
            rows["price"][row] = price.price.amount if price.price else None
            rows["currency"][row] = price.price.currency if price.price else ""
            rows["list_price"][row], rows["sale_price"][row] = price.list_price, price.sale_price
            rows["sale_starts"][row], rows["sale_ends"][row] = price.starts, price.ends
        return {name: pa.array(values, ITEM_SCHEMA.field(name).type) for name, values in rows.items()}

    def _parsed(self) -> dict[str, pa.Array]:
        categories = self._categories().dictionary_encode()
        paths = [parse_path(text) for text in categories.dictionary.to_pylist()]
        images = [split_links(text) or None for text in self._text("additional_image_link").to_pylist()]
        listed = pa.array(paths, ITEM_SCHEMA.field("category").type)
        return {
            "gtin": self._trade_numbers(),
            "availability": self._each("availability", lambda f, text: f.availability("availability", text)),
            "created_at": self._each("created_at", lambda f, text: f.time("created_at", text)),
            "rating": self._each("star_rating", lambda f, text: f.number("star_rating", text), "rating"),
            "rating_count": self._each(
                "review_count", lambda f, t: f.count("review_count", t), "rating_count"
            ),
            "category": listed.take(categories.indices),
            "attributes": self._attributes([paths[index] for index in categories.indices.to_pylist()]),
            "additional_images": pa.array(images, ITEM_SCHEMA.field("additional_images").type),
        }

    def _categories(self) -> pa.Array:
        """Paths of categories, (n,); those that are numbers of Google's taxonomy are left out."""
        text = self._text("product_type", "google_product_category")
        is_number = pc.match_substring_regex(text, f"^{TAXONOMY_NUMBER.pattern}$")
        is_number = pc.and_(is_number, pc.equal(self._text("product_type"), ""))
        for row in np.flatnonzero(is_number.to_numpy(zero_copy_only=False)).tolist():
            fields = ItemFields(self.mark)
            fields.taxonomy(text[row].as_py())
            self.repairs[row] += fields.repairs
        return pc.if_else(is_number, "", text)

    def _each(self, name: str, parse: Callable[[ItemFields, str], Any], field: str | None = None) -> pa.Array:
        """Each distinct text parsed once; its repairs go to all rows that have it."""
        kind = ITEM_SCHEMA.field(field or name).type
        encoded = self._text(name).dictionary_encode()
        parsed = []
        for code, text in enumerate(encoded.dictionary.to_pylist()):
            fields = ItemFields(self.mark)
            parsed.append(parse(fields, text))
            if fields.repairs:
                for row in np.flatnonzero(encoded.indices.to_numpy() == code).tolist():
                    self.repairs[row] += fields.repairs
        return pa.array(parsed, kind).take(encoded.indices)

    def _trade_numbers(self) -> pa.Array:
        """GTINs, (n,); most are digits, as they are."""
        texts = self._text("gtin")
        if not pc.any(pc.match_substring_regex(texts, "[^0-9]")).as_py():
            return pc.if_else(pc.equal(texts, ""), pa.scalar(None, _TEXT), texts)
        return self._each("gtin", lambda fields, text: fields.trade_number("gtin", text) or None)

    def _attributes(self, paths: list[tuple[str, ...]]) -> pa.Array:
        names = [field for field in (*ATTRIBUTES, "product_detail") if field in self.columns]
        if "product_detail" in names:
            texts = [self.columns[name].to_pylist() for name in names]
            rows = [
                {name: [text] for name, text in zip(names, values, strict=True) if text}
                for values in zip(*texts, strict=True)
            ]
            for row in rows:
                if "product_detail" in row:
                    row["product_detail"] = row["product_detail"][0].split(",")
            items = [sorted(attributes_of(row, path).items()) for row, path in zip(rows, paths, strict=True)]
            return pa.array(items, ITEM_SCHEMA.field("attributes").type)
        values = {ATTRIBUTES[name]: self._prose(name) for name in names}
        values["type"] = pa.array([path[-1] if path else "" for path in paths], _TEXT)
        has_value = {
            name: pc.not_equal(self._text(field), "").to_numpy(zero_copy_only=False)
            for field, name in ATTRIBUTES.items()
            if field in names
        }
        has_value["type"] = np.array([bool(path) for path in paths])
        return map_of(dict(sorted(values.items())), has_value)

    def _pictures(self, fields: dict[str, pa.Array]) -> list[Any]:
        """References to pictures; a link to a file is no link of the item."""
        links = fields["image_link"].to_pylist()
        pictures = [resolve_picture(link, self.folder) for link in links]
        if pictures != links:
            fields["image_link"] = pa.array([p if isinstance(p, str) else "" for p in pictures], _TEXT)
        return pictures


def _code_of(code: str) -> str | None:
    if not code:
        return ""
    currency = read_currency(code)
    return currency.code if currency else None

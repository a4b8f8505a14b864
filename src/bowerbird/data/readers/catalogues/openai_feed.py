"""OpenAI's product feed (JSON lines, CSV, TSV, Parquet), and the ACP's products with variants.

https://developers.openai.com/commerce/specs/file-upload/products names the fields, one row a variant; the
earlier names (`id`, `link`, `enable_search`) are understood. The Agentic Commerce Protocol's
`products.jsonl` nests variants in products, with prices in minor units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import PRICES, FeedRow, feed_row, first_text
from bowerbird.data.readers.catalogues.shopify.values import OPTION_FIELDS
from bowerbird.data.readers.fields import parse_number, parse_text
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.json_objects import read_json_objects
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import Records, RejectedRow
from bowerbird.data.readers.values.currencies import minor_digits

RENAMED = {
    "item_id": "id",
    "url": "link",
    "image_url": "image_link",
    "additional_image_urls": "additional_image_link",
    "product_category": "product_type",
    "group_id": "item_group_id",
    "availability_status": "availability",
    "product_review_rating": "star_rating",
    "product_review_count": "review_count",
}
"""The feed's names by OpenAI's."""


def read(paths: Sequence[Path]) -> Records:
    """Read the items of feed files."""
    for path in paths:
        is_json = form_of(path) is Form.JSON
        for location, record in read_json_objects(path) if is_json else read_rows(path):
            if not isinstance(record, dict):
                yield RejectedRow("items", "not a JSON object", location, record)
                continue
            for row in _rows(record):
                yield item_of(row, location, path.parent)


def _rows(record: dict[str, Any]) -> Iterator[FeedRow]:
    variants = record.get("variants")
    if isinstance(variants, list) and variants:
        for variant in variants:
            if isinstance(variant, dict):
                yield _variant_row(record, variant, is_only=len(variants) == 1)
    else:
        yield _flat_row(record)


def _flat_row(record: dict[str, Any]) -> FeedRow:
    fields = {RENAMED.get(name.lower(), name.lower()): value for name, value in record.items()}
    pictures = fields.get("image_link")
    if isinstance(pictures, list):
        further = fields.get("additional_image_link") or []
        fields["additional_image_link"] = [
            *pictures[1:],
            *(further if isinstance(further, list) else [further]),
        ]
    starts, ends = (parse_text(fields.get(f"sale_price_{name}_date")) for name in ("start", "end"))
    if starts or ends:
        fields.setdefault("sale_price_effective_date", f"{starts}/{ends}")
    fields |= {name: _money(fields[name]) for name in PRICES if isinstance(fields.get(name), dict)}
    fields["availability"] = _availability(fields.get("availability"))
    options = fields.get("variant_dict")
    pairs = (
        [(str(name).lower(), value) for name, value in options.items()] if isinstance(options, dict) else []
    )
    known = {OPTION_FIELDS[name]: value for name, value in pairs if name in OPTION_FIELDS}
    plain = {name: value for name, value in fields.items() if not isinstance(value, dict)}
    return feed_row(known | plain, [pair for pair in pairs if pair[0] not in OPTION_FIELDS])


def _variant_row(product: dict[str, Any], variant: dict[str, Any], is_only: bool) -> FeedRow:
    def inherited(name: str) -> Any:
        return variant.get(name) or product.get(name)

    pictures = [link for each in _list(inherited("media")) if (link := _nested(each, "url"))]
    price, list_price = _money(variant.get("price")), _money(variant.get("list_price"))
    is_reduced = bool(list_price) and list_price != price
    categories = [_nested(each, "value") or _nested(each, "name") for each in _list(inherited("categories"))]
    options = [
        (first_text(each.get("name")).lower(), first_text(each.get("value"), each.get("label")))
        for each in _list(variant.get("variant_options") or variant.get("options"))
        if isinstance(each, dict)
    ]
    known = {OPTION_FIELDS[name]: value for name, value in options if name in OPTION_FIELDS}
    fields = {
        "id": variant.get("id"),
        "title": inherited("title"),
        "description": _nested(inherited("description"), "plain"),
        "link": inherited("url"),
        "price": list_price if is_reduced else price,
        "sale_price": price if is_reduced else "",
        "availability": _availability(variant.get("availability")),
        "brand": _nested(inherited("brand"), "name"),
        "product_type": " > ".join(filter(None, categories[:1])),
        "item_group_id": "" if is_only else product.get("id"),
        "gtin": _nested(next(iter(_list(variant.get("barcodes"))), None), "value"),
        "image_link": pictures[:1],
        "additional_image_link": pictures[1:],
    }
    return feed_row(fields | known, [pair for pair in options if pair[0] not in OPTION_FIELDS])


def _availability(value: Any) -> str:
    if isinstance(value, dict):
        status = parse_text(value.get("status"))
        return status or ("out_of_stock" if value.get("available") is False else "in_stock")
    return parse_text(value)


def _money(value: Any) -> str:
    """A price in minor units, {amount: 1999, currency: USD}, as the feed writes it.

    >>> _money({"amount": 1999, "currency": "USD"}), _money({"amount": 500, "currency": "JPY"})
    ('19.99 USD', '500 JPY')
    """
    if not isinstance(value, dict):
        return parse_text(value)
    amount, currency = parse_number(value.get("amount")), parse_text(value.get("currency")).upper()
    if amount is None:
        return ""
    decimals = minor_digits(currency)
    return f"{amount / 10**decimals:.{decimals}f} {currency}".strip()


def _nested(value: Any, name: str) -> str:
    return parse_text(value.get(name)) if isinstance(value, dict) else parse_text(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

"""schema.org Products in JSON-LD: one object a line, an array, or an `@graph`, as pages carry them.

https://schema.org/Product and https://developers.google.com/search/docs/appearance/structured-data/product
name the properties. A `ProductGroup` becomes its variants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import FeedRow, feed_row, first_text, money
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.inputs.json_objects import read_json_objects
from bowerbird.data.readers.records import IgnoredRow, Records, RejectedRow

GTINS = ("gtin", "gtin13", "gtin14", "gtin12", "gtin8", "isbn")
PLAIN = ("color", "material", "pattern", "size", "mpn")
TEXTS = ("name", "url", "@value", "@id", "contentUrl")
"""Properties that stand for a nested object."""


def read(paths: Sequence[Path]) -> Records:
    """Read the products of files."""
    for path in paths:
        for location, record in read_json_objects(path, ("@graph", "itemListElement")):
            if not isinstance(record, dict):
                yield RejectedRow("items", "not a JSON object", location, record)
                continue
            rows = list(_rows(record))
            if not rows:
                yield IgnoredRow(
                    "items", f"object of type {'/'.join(sorted(_types(record)))[:40] or 'unknown'}"
                )
            for row in rows:
                yield item_of(row, location, path.parent)


def _rows(record: dict[str, Any], group: dict[str, Any] | None = None) -> Iterator[FeedRow]:
    """The products of an object: itself, its variants, or those of the graph or list that it is."""
    types = _types(record)
    variants = _dicts(record.get("hasVariant"))
    if "ProductGroup" in types and variants:
        for variant in variants:
            yield from _rows({"@type": "Product", **variant}, record)
    elif types & {"Product", "ProductGroup", "ProductModel", "IndividualProduct"}:
        yield _row(record, group or {})
    else:
        for name in ("@graph", "itemListElement", "item", "mainEntity"):
            for inner in _dicts(record.get(name)):
                yield from _rows(inner, group)


def _row(product: dict[str, Any], group: dict[str, Any]) -> FeedRow:
    def inherited(name: str) -> Any:
        return product.get(name) or group.get(name)

    offer = next(iter(_dicts(product.get("offers"))), {})
    specification = next(iter(_dicts(offer.get("priceSpecification"))), {})
    rating = next(iter(_dicts(inherited("aggregateRating"))), {})
    parent = next(iter(_dicts(product.get("isVariantOf"))), group)
    images = [
        link for value in _list(inherited("image")) if (link := _text(value, ("contentUrl", "url", "@id")))
    ]
    amount = first_text(offer.get("price"), specification.get("price"), offer.get("lowPrice"))
    currency = first_text(offer.get("priceCurrency"), specification.get("priceCurrency"))
    fields = {
        "id": first_text(product.get("sku"), product.get("productID"), product.get("@id"),
                         *(product.get(name) for name in GTINS), product.get("url"), offer.get("sku")),
        "title": first_text(product.get("name"), group.get("name")),
        "description": inherited("description"),
        "link": first_text(product.get("url"), offer.get("url")),
        "price": money(amount, currency),
        "availability": _text(offer.get("availability")).rsplit("/", 1)[-1],
        "brand": _text(inherited("brand")) or _text(inherited("manufacturer")),
        "product_type": _category(inherited("category")),
        "gtin": first_text(*(product.get(name) for name in GTINS)),
        "condition": _text(product.get("itemCondition") or offer.get("itemCondition"))
        .rsplit("/", 1)[-1].removesuffix("Condition").lower(),
        "item_group_id": first_text(parent.get("productGroupID"), product.get("inProductGroupWithID")),
        "image_link": images[:1],
        "additional_image_link": images[1:],
        "star_rating": rating.get("ratingValue"),
        "review_count": first_text(rating.get("reviewCount"), rating.get("ratingCount")),
        **{name: _text(inherited(name)) for name in PLAIN},
    }  # fmt: skip
    properties = _dicts(product.get("additionalProperty"))
    return feed_row(
        fields, [(parse_text(each.get("name")).lower(), each.get("value")) for each in properties]
    )


def _types(record: dict[str, Any]) -> set[str]:
    return {_text(each).rsplit("/", 1)[-1] for each in _list(record.get("@type"))}


def _category(value: Any) -> str:
    return " > ".join(_text(each) for each in _list(value)) if isinstance(value, list) else _text(value)


def _text(value: Any, names: Sequence[str] = TEXTS) -> str:
    """The text of a value that may be nested."""
    if isinstance(value, dict):
        return next((text for name in names if (text := parse_text(value.get(name)))), "")
    return _text(value[0], names) if isinstance(value, list) and value else parse_text(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]

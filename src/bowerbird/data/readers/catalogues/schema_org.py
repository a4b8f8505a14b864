"""schema.org Products in JSON-LD: one object a line, an array, or an `@graph`, as pages carry them.

https://schema.org/Product and https://developers.google.com/search/docs/appearance/structured-data/product
name the properties. A `ProductGroup` becomes its variants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.items import NOT_SOLD
from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import FeedRow, feed_row, first_text, money
from bowerbird.data.readers.fields import parse_amount, parse_number, parse_text
from bowerbird.data.readers.inputs.json_objects import read_json_objects
from bowerbird.data.readers.records import IgnoredRow, Records, RejectedRow
from bowerbird.data.readers.values.availability import parse_availability

GTINS = ("gtin", "gtin13", "gtin14", "gtin12", "gtin8", "isbn")
PLAIN = ("color", "material", "pattern", "size", "mpn")
PRODUCTS = {"Product", "ProductGroup", "ProductModel", "IndividualProduct"}
LISTS = ("@graph", "itemListElement", "item", "mainEntity")
LIST_PRICES = ("ListPrice", "StrikethroughPrice", "SRP", "MSRP")
REFERRED = ("hasVariant", "isVariantOf", "@id", "@type", "url")
"""Properties whose objects stay as they are."""
MAX_STARS = 5
_PREFIX = re.compile(r"^(?:schema:|https?://schema\.org/)")
ELSEWHERE = "a variant that is only referred to (@id), and is not in the same object"
Node = dict[str, Any]
Nodes = dict[str, Node]
"""Objects of a graph by their @id."""
_NO_NODES: Nodes = {}
TEXTS = ("@value", "name", "url", "@id", "contentUrl")
"""Properties that stand for a nested object."""


def read(paths: Sequence[Path]) -> Records:
    """Read the products of files."""
    for path in paths:
        for location, record in read_json_objects(path, ()):
            if not isinstance(record, dict):
                yield RejectedRow("items", "not a JSON object", location, record)
                continue
            rows = list(_rows(_without_prefix(record)))
            if not rows:
                yield IgnoredRow(
                    "items", f"object of type {'/'.join(sorted(_types(record)))[:40] or 'unknown'}"
                )
            for row in rows:
                if isinstance(row, str):
                    yield RejectedRow("items", ELSEWHERE, location, row)
                else:
                    yield item_of(row, location, path.parent)


def _rows(
    record: dict[str, Any], group: Node | None = None, nodes: Nodes = _NO_NODES
) -> Iterator[FeedRow | str]:
    """The products of an object: itself, its variants, or those of the graph or list that it is.

    A text is the name of a variant that is only referred to, and is not in `nodes`.
    """
    types = _types(record)
    variants = _dicts(record.get("hasVariant"))
    if "ProductGroup" in types and variants:
        for variant in variants:
            if variant.keys() != {"@id"}:
                yield from _rows({"@type": "Product", **variant}, record, nodes)
            elif _text(variant, ("@id",)) not in nodes:
                yield _text(variant, ("@id",))
    elif types & PRODUCTS:
        yield _row(_with_references(record, nodes), group or _group_of(record, nodes))
    else:
        inner = [each for name in LISTS for each in _dicts(record.get(name))]
        graph = {name: each for each in inner if (name := parse_text(each.get("@id")))} or nodes
        for each in inner:
            yield from _rows(each, group, graph)


def _with_references(product: Node, nodes: Nodes) -> Node:
    """A product with the objects that it refers to (offers, pictures, brand) in place of their @id."""

    def resolved(value: Any) -> Any:
        if isinstance(value, list):
            return [resolved(each) for each in value]
        is_reference = isinstance(value, dict) and value.keys() == {"@id"}
        return nodes.get(parse_text(value["@id"]), value) if is_reference else value

    return {name: value if name in REFERRED else resolved(value) for name, value in product.items()}


def _without_prefix(value: Any) -> Any:
    """JSON-LD with plain names of properties and types, where they have a prefix: schema:name."""
    if isinstance(value, list):
        return [_without_prefix(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {_PREFIX.sub("", name): _without_prefix(each) for name, each in value.items()}
    if "@type" in plain:
        plain["@type"] = [_PREFIX.sub("", parse_text(each)) for each in _list(plain["@type"])]
    return plain


def _group_of(product: Node, nodes: Nodes) -> Node:
    """The group that a product names, or that names it."""
    for reference in _dicts(product.get("isVariantOf")):
        if (group := nodes.get(_text(reference, ("@id",)))) is not None:
            return group
    own = {"@id": product.get("@id")}
    return next((node for node in nodes.values() if own in _dicts(node.get("hasVariant"))), {})


def _row(product: Node, group: Node) -> FeedRow:
    def inherited(name: str) -> Any:
        return product.get(name) or group.get(name)

    offer = _offer_of(product)
    rating = next(iter(_dicts(inherited("aggregateRating"))), {})
    parent = next((each for each in _dicts(product.get("isVariantOf")) if "productGroupID" in each), group)
    images = [
        link for value in _list(inherited("image")) if (link := _text(value, ("contentUrl", "url", "@id")))
    ]
    fields = {
        "id": first_text(product.get("sku"), product.get("productID"), product.get("@id"),
                         *(product.get(name) for name in GTINS), product.get("url"), offer.get("sku")),
        "title": _text(product.get("name")) or _text(group.get("name")),
        "description": _text(inherited("description")),
        "link": first_text(product.get("url"), offer.get("url")),
        "availability": _text(offer.get("availability")).rsplit("/", 1)[-1],
        "brand": _text(inherited("brand")) or _text(inherited("manufacturer")),
        "product_type": _category(inherited("category")),
        "gtin": first_text(*(product.get(name) for name in GTINS)),
        "condition": _text(product.get("itemCondition") or offer.get("itemCondition"))
        .rsplit("/", 1)[-1].removesuffix("Condition").lower(),
        "item_group_id": first_text(parent.get("productGroupID"), product.get("inProductGroupWithID"),
                                    parent.get("@id")),
        "image_link": images[:1],
        "additional_image_link": images[1:],
        "star_rating": _stars(rating),
        "review_count": first_text(rating.get("reviewCount"), rating.get("ratingCount")),
        **_prices(offer),
        **{name: _text(inherited(name)) for name in PLAIN},
    }  # fmt: skip
    properties = _dicts(product.get("additionalProperty"))
    return feed_row(
        fields, [(parse_text(each.get("name")).lower(), each.get("value")) for each in properties]
    )


def _offer_of(product: Node) -> Node:
    """The offer that counts: the first that can be bought, else the first. An offer may hold others."""
    offers = [
        {**{name: value for name, value in offer.items() if name != "offers"}, **inner}
        for offer in _dicts(product.get("offers"))
        for inner in _dicts(offer.get("offers")) or [{}]
    ]
    states = [parse_availability(_text(offer.get("availability"))) for offer in offers]
    sold = (offer for offer, state in zip(offers, states, strict=True) if state not in NOT_SOLD)
    return next(sold, offers[0] if offers else {})


def _prices(offer: Node) -> dict[str, Any]:
    """The price of an offer; with a struck-out or list price above it, as a sale price."""
    specifications = _dicts(offer.get("priceSpecification"))
    is_list = [_text(each.get("priceType")).rsplit("/", 1)[-1] in LIST_PRICES for each in specifications]
    usual = [each for each, is_other in zip(specifications, is_list, strict=True) if not is_other]
    list_prices = [each for each, is_other in zip(specifications, is_list, strict=True) if is_other]
    price = _first_price((offer, "price"), *((each, "price") for each in usual), (offer, "lowPrice"))
    before = _first_price(*((each, "price") for each in list_prices))
    now_amount, amount_before = parse_amount(price), parse_amount(before)
    if before and (now_amount is None or amount_before is None or amount_before > now_amount):
        return {"price": before, "sale_price": price}
    return {"price": price}


def _first_price(*places: tuple[Node, str]) -> str:
    """The first price that is there, with the currency next to it, or that of the first place."""
    for place, name in places:
        if parse_text(place.get(name)):
            currency = first_text(place.get("priceCurrency"), places[0][0].get("priceCurrency"))
            return money(place[name], currency)
    return ""


def _stars(rating: Node) -> Any:
    """A rating out of five, whatever its best is."""
    value = parse_number(parse_text(rating.get("ratingValue")).replace(",", "."))
    best = parse_number(parse_text(rating.get("bestRating")).replace(",", "."))
    if value is None or best is None or best <= 0 or best == MAX_STARS:
        return rating.get("ratingValue")
    return round(value / best * MAX_STARS, 4)


def _types(record: dict[str, Any]) -> set[str]:
    return {_text(each).rsplit("/", 1)[-1] for each in _list(record.get("@type"))}


def _category(value: Any) -> str:
    return " > ".join(_text(each) for each in _list(value)) if isinstance(value, list) else _text(value)


def _text(value: Any, names: Sequence[str] = TEXTS) -> str:
    """The text of a value that may be nested."""
    if isinstance(value, dict):
        return next((text for name in names if (text := _text(value.get(name), names))), "")
    return _text(value[0], names) if isinstance(value, list) and value else parse_text(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]

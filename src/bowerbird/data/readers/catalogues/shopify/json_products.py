"""Shopify's products in JSON: `/products.json`, the Admin API, and the lines of a bulk operation.

A line of a bulk operation is a product, a variant, or a picture, each after the product that it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import FeedRow, first_text
from bowerbird.data.readers.catalogues.shopify.values import (
    NO_OPTION,
    NOT_ON_SALE,
    is_available,
    is_on_sale,
    picture_fields,
    price_fields,
    with_options,
)
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.inputs.json_objects import read_json_objects
from bowerbird.data.readers.records import IgnoredRow, Records, RejectedRow
from bowerbird.data.readers.values.actions import snake_case

PARENT = "__parentId"
"""Field of the lines of a bulk operation that belong to a line before."""


def read_json(path: Path) -> Records:
    """Read the variants of products."""
    for location, product in _products(path):
        variants = product.get("variants") if isinstance(product, dict) else None
        if not isinstance(product, dict) or not isinstance(variants, list):
            yield RejectedRow("items", "not a product with variants", location, product)
        elif not is_on_sale(parse_text(product.get("status")), _published(product)):
            yield IgnoredRow("items", NOT_ON_SALE)
        else:
            for row in _json_rows(product, [each for each in variants if isinstance(each, dict)]):
                yield item_of(row, location, path.parent)


def _json_rows(product: dict[str, Any], variants: list[dict[str, Any]]) -> Iterator[FeedRow]:
    options = product.get("options")
    names = [
        parse_text(option.get("name")) if isinstance(option, dict) else parse_text(option)
        for option in (options if isinstance(options, list) else [])
    ]
    images = [image for image in _dicts(product.get("images")) if parse_text(image.get("src"))]
    links = [parse_text(image.get("src")) for image in images]
    for variant in variants:
        values = [parse_text(variant.get(f"option{n}")) for n in (1, 2, 3)]
        pairs = [
            (name, value) for name, value in zip(names, values, strict=False) if value not in ("", NO_OPTION)
        ]
        featured = variant.get("featured_image")
        own = [parse_text(featured.get("src"))] if isinstance(featured, dict) else []
        own += [parse_text(image.get("src")) for image in images if _is_of_variant(image, variant)]
        fields = {
            "id": first_text(variant.get("sku"), variant.get("id"), product.get("handle")),
            "title": product.get("title"),
            "description": product.get("body_html"),
            "brand": product.get("vendor"),
            "product_type": product.get("product_type"),
            "gtin": variant.get("barcode"),
            "availability": "in_stock" if _is_sold(variant) else "out_of_stock",
            "item_group_id": first_text(product.get("handle"), product.get("id")),
            "created_at": product.get("created_at"),
            **picture_fields([*own, *links]),
            **price_fields(variant.get("price"), variant.get("compare_at_price")),
        }
        yield with_options(fields, pairs)


def _published(product: dict[str, Any]) -> str:
    """Whether a product is published; `published_at` is null where it is not."""
    return "false" if "published_at" in product and not product["published_at"] else "true"


def _is_sold(variant: dict[str, Any]) -> bool:
    if (available := variant.get("available")) is not None:
        return bool(available)
    is_tracked = bool(variant.get("inventory_management", True))
    continues = parse_text(variant.get("inventory_policy")).lower() == "continue" or not is_tracked
    return is_available(parse_text(variant.get("inventory_quantity")), continues)


def _products(path: Path) -> Iterator[tuple[str, Any]]:
    """Products with their variants; those of a bulk operation are put together from its lines."""
    begun: tuple[str, dict[str, Any]] | None = None
    for location, record in read_json_objects(path):
        if begun is not None and isinstance(record, dict) and PARENT in record:
            _add_line(begun[1], _in_snake_case(record))
            continue
        if begun is not None:
            yield begun
        begun = None
        if isinstance(record, dict) and parse_text(record.get("id")).startswith("gid:"):
            begun = location, _in_snake_case(record) | {"variants": [], "images": [], "options": []}
        else:
            yield location, record
    if begun is not None:
        yield begun


def _in_snake_case(record: dict[str, Any]) -> dict[str, Any]:
    """The fields of GraphQL by the names of the other forms."""
    names = {"description_html": "body_html", "available_for_sale": "available"}
    fields = {snake_case(name): value for name, value in record.items()}
    return {names.get(name, name): value for name, value in fields.items()}


def _add_line(product: dict[str, Any], line: dict[str, Any]) -> None:
    """Add a variant or a picture to its product."""
    nested = line.get("image") or line.get("preview")
    source = first_text(
        line.get("url"), line.get("src"), nested.get("url") if isinstance(nested, dict) else ""
    )
    if "/ProductVariant/" in parse_text(line.get("id")):
        options = _dicts(line.get("selected_options"))
        product["options"] = product["options"] or [each.get("name") for each in options]
        values = {f"option{n}": each.get("value") for n, each in enumerate(options, start=1)}
        picture = {"featured_image": {"src": source}} if source else {}
        product["variants"].append(line | values | picture)
    elif source:
        product["images"].append({"src": source})


def _is_of_variant(image: dict[str, Any], variant: dict[str, Any]) -> bool:
    shown_for = image.get("variant_ids")
    is_listed = isinstance(shown_for, list) and variant.get("id") in shown_for
    return is_listed or (image.get("id") is not None and image.get("id") == variant.get("image_id"))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []

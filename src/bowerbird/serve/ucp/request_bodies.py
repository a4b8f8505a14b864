"""Requests of the Universal Commerce Protocol's catalogue (ucp.dev), as far as they are answered here.

Unknown fields are read over, as the protocol asks.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from bowerbird.serve.bodies.base import JSON_NUMBER
from bowerbird.serve.bodies.lists import MAX_CURSOR, ItemId
from bowerbird.serve.ucp.product_bodies import MinorUnits

MAX_CATEGORIES = 50

ShortText = Annotated[str, Field(max_length=1000)]

NEEDED: list[JsonValue] = [
    {"required": ["query"], "properties": {"query": {"type": "string", "pattern": r"\S"}}},
    {
        "required": ["filters"],
        "properties": {
            "filters": {
                "type": "object",
                "anyOf": [
                    {
                        "required": ["categories"],
                        "properties": {
                            "categories": {"type": "array", "items": {"type": "string"}, "minItems": 1}
                        },
                    },
                    {"required": ["price"], "properties": {"price": {"type": "object"}}},
                ],
            }
        },
    },
]
"""What a search must have one of, in terms of JSON Schema."""


class UcpRequest(BaseModel):
    """Base of what platforms send."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)


class PriceFilter(UcpRequest):
    """Bounds of a price in minor units of `context.currency`, both included."""

    min: MinorUnits | None = None
    max: MinorUnits | None = None


class Filters(UcpRequest):
    """Conditions, all of which must hold."""

    categories: Annotated[list[ShortText], Field(max_length=MAX_CATEGORIES)] | None = None
    """One of these."""
    price: PriceFilter | None = None


class Context(UcpRequest):
    """The buyer's market; further hints are read over."""

    currency: ShortText | None = None
    """Of the price filter."""


class PageRequest(UcpRequest):
    """Which page of a list."""

    cursor: Annotated[str, Field(max_length=MAX_CURSOR)] | None = None
    limit: Annotated[int, Field(ge=1), JSON_NUMBER] | None = None


class CatalogRequest(UcpRequest):
    """What all requests may hold."""

    filters: Filters | None = None
    context: Context | None = None


class SearchRequest(CatalogRequest):
    """A search, or without a query the products that pass the filters."""

    model_config = ConfigDict(json_schema_extra={"anyOf": NEEDED})
    query: str | None = None
    pagination: PageRequest | None = None


class LookupRequest(CatalogRequest):
    """Products and variants by their ids."""

    ids: Annotated[list[str], Field(min_length=1)]


class SelectedOption(UcpRequest):
    """One option of a variant, such as size: L."""

    name: ShortText
    label: ShortText


class ProductRequest(CatalogRequest):
    """One product, and the options that the buyer selected so far."""

    id: ItemId
    selected: Annotated[list[SelectedOption], Field(max_length=100)] | None = None
    preferences: Annotated[list[ShortText], Field(max_length=100)] | None = None
    """Names of options: where nothing matches, the last ones are dropped first."""

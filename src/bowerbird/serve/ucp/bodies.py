"""Bodies of the Universal Commerce Protocol's catalogue (ucp.dev), as far as it is answered here.

Unknown fields of requests are read over, as the protocol asks; answers leave out fields without a value.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from bowerbird.serve.bodies.base import JSON_NUMBER, Body
from bowerbird.serve.bodies.lists import MAX_CURSOR, ItemId

VERSION = "2026-04-08"
MAX_CATEGORIES = 50
MAX_MINOR_UNITS = 2**53 - 1

MinorUnits = Annotated[int, Field(ge=0, le=MAX_MINOR_UNITS), JSON_NUMBER]
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


class Price(Body):
    """An amount in minor units of its currency, by ISO 4217."""

    amount: MinorUnits
    currency: str


class PriceRange(Body):
    """The lowest and the highest price."""

    min: Price
    max: Price


class Description(Body):
    """A text."""

    plain: str


class Media(Body):
    """A picture."""

    type: Literal["image"] = "image"
    url: str
    alt_text: str


class Category(Body):
    """A category with the broader ones before it."""

    value: str
    taxonomy: Literal["merchant"] = "merchant"


class Option(Body):
    """An option of a variant."""

    name: str
    label: str


class OptionValue(Body):
    """A value of an option; in answers about one product, relative to the options selected."""

    label: str
    available: bool | None = None
    exists: bool | None = None


class ProductOption(Body):
    """An option and its values."""

    name: str
    values: list[OptionValue]


class Availability(Body):
    """Whether a variant can be bought."""

    available: bool
    status: str


class Barcode(Body):
    """A number that other shops use, too."""

    type: Literal["GTIN"] = "GTIN"
    value: str


class Rating(Body):
    """What buyers think."""

    value: float
    scale_max: float
    count: int | None = None


class InputMatch(Body):
    """Which id of a lookup led to a variant: its own, or its product's."""

    id: str
    match: Literal["exact", "featured"]


class Variant(Body):
    """What can be bought: an item of the catalogue."""

    id: str
    sku: str
    barcodes: list[Barcode] | None = None
    title: str
    description: Description
    url: str | None = None
    price: Price
    list_price: Price | None = None
    availability: Availability
    options: list[Option] | None = None
    media: list[Media] | None = None
    inputs: list[InputMatch] | None = None


class Product(Body):
    """An article with its variants, the featured one first."""

    id: str
    title: str
    description: Description
    url: str | None = None
    categories: list[Category] | None = None
    price_range: PriceRange
    media: list[Media] | None = None
    options: list[ProductOption] | None = None
    selected: list[Option] | None = None
    variants: list[Variant]
    rating: Rating | None = None


class CatalogMessage(Body):
    """What the platform should know."""

    type: Literal["error", "warning", "info"]
    code: str
    content: str
    severity: Literal["unrecoverable"] | None = None


class Reference(Body):
    """The version of a capability or service."""

    version: str = VERSION
    spec: str | None = None
    schema_: Annotated[str | None, Field(serialization_alias="schema")] = None
    transport: Literal["rest", "mcp"] | None = None
    endpoint: str | None = None


class Envelope(Body):
    """The protocol's part of an answer."""

    version: str = VERSION
    status: Literal["success", "error"] = "success"
    capabilities: dict[str, list[Reference]]


class PageInfo(Body):
    """Whether there is another page, and its cursor."""

    cursor: str | None = None
    has_next_page: bool


class SearchResponse(Body):
    """Products, best first."""

    ucp: Envelope
    products: list[Product]
    pagination: PageInfo
    messages: list[CatalogMessage] | None = None


class LookupResponse(Body):
    """Products, each with one variant."""

    ucp: Envelope
    products: list[Product]
    messages: list[CatalogMessage] | None = None


class ProductResponse(Body):
    """One product, or a message that says why there is none."""

    ucp: Envelope
    product: Product | None = None
    messages: list[CatalogMessage] | None = None


class ProfileMetadata(Body):
    """What the shop offers, and where."""

    version: str = VERSION
    services: dict[str, list[Reference]]
    capabilities: dict[str, list[Reference]]
    payment_handlers: dict[str, list[Reference]]


class Profile(Body):
    """The shop's profile."""

    ucp: ProfileMetadata

"""Products in answers of the Universal Commerce Protocol (ucp.dev): articles, variants, prices, options."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bowerbird.serve.bodies.base import JSON_NUMBER, Body

MAX_MINOR_UNITS = 2**53 - 1

MinorUnits = Annotated[int, Field(ge=0, le=MAX_MINOR_UNITS), JSON_NUMBER]


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

"""Filters: conditions on the fields of items, combined by `all_of`, `any_of` and `none_of`.

The conditions of one filter must all hold. The same record is read from HTTP bodies, from JSON in addresses,
and by the command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np
import pyarrow as pa

from bowerbird.data.arrays import BoolArray
from bowerbird.data.files.records import record_from
from bowerbird.data.items import Catalogue
from bowerbird.errors import InputError
from bowerbird.recommend.filtering.conditions import (
    attribute,
    contains,
    is_among,
    is_below,
    is_filled,
    is_within,
)

# Read by pydantic, in the server's bodies: unknown fields are errors, and the documents describe each field.
_STRICT: dict[str, Any] = {"extra": "forbid", "use_attribute_docstrings": True}

ID_FIELDS = ("item_id", "group_id", "gtin", "mpn")
"""Compared exactly."""
NAME_FIELDS = (
    "brand", "currency", "availability", "condition", "language", "shipping", "returns",
)  # fmt: skip
"""Compared ignoring case."""
NUMBER_FIELDS = ("price", "list_price", "sale_price", "rating", "rating_count")
TIME_FIELDS = ("created_at", "sale_starts", "sale_ends")

Values = tuple[str, ...]
TextField = Literal["title", "description", "brand", "link", "shipping", "returns"]
AnyField = Literal[
    "title", "description", "image", "price", "currency", "brand", "category", "attributes", "availability",
    "created_at", "link", "image_link", "additional_images", "list_price", "sale_price", "sale_starts",
    "sale_ends", "rating", "rating_count", "gtin", "mpn", "group_id", "condition", "shipping", "returns",
    "language",
]  # fmt: skip


@dataclass(frozen=True)
class Range:
    """Bounds of a number, both included; an item without the number is outside."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise InputError(f"the lowest value {self.min:g} is above the highest {self.max:g}")


@dataclass(frozen=True)
class Period:
    """Bounds of a time, both included; an item without the time is outside."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """With its time zone."""
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def __post_init__(self) -> None:
        for moment in (self.since, self.until):
            if moment is not None and moment.tzinfo is None:
                raise InputError(f"the time {moment} has no time zone: write 2026-01-31T00:00:00Z")


@dataclass(frozen=True)
class ItemFilter:
    """Conditions on an item; an item passes where all hold.

    >>> ItemFilter(price=Range(max=60), none_of=(ItemFilter(brand=("Acme",)),)).price
    Range(min=None, max=60)
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    item_id: Values | None = None
    """One of these ids."""
    group_id: Values | None = None
    """A variant of one of these articles."""
    gtin: Values | None = None
    mpn: Values | None = None
    brand: Values | None = None
    """One of these, in any case, as with all names."""
    currency: Values | None = None
    category: Values | None = None
    """One of these names anywhere in the category path."""
    attributes: dict[str, Values] | None = None
    """For each attribute one of its values: {"color": ["red", "orange"]}."""
    availability: Values | None = None
    condition: Values | None = None
    language: Values | None = None
    shipping: Values | None = None
    returns: Values | None = None
    price: Range | None = None
    """In the catalogue's currency."""
    list_price: Range | None = None
    sale_price: Range | None = None
    rating: Range | None = None
    rating_count: Range | None = None
    created_at: Period | None = None
    sale_starts: Period | None = None
    sale_ends: Period | None = None
    in_stock: bool | None = None
    on_sale: bool | None = None
    """Whether the price is below the list price."""
    contains: dict[TextField, str] | None = None
    """For each field a text that it contains, in any case."""
    has: tuple[AnyField, ...] | None = None
    """Fields that are not empty."""
    all_of: tuple[ItemFilter, ...] | None = None
    any_of: tuple[ItemFilter, ...] | None = None
    none_of: tuple[ItemFilter, ...] | None = None

    def mask(self, catalogue: Catalogue) -> BoolArray:
        """Which items of a catalogue pass, (items,) bool."""
        passes = np.ones(len(catalogue), bool)
        for condition in self._conditions(catalogue):
            passes &= condition
        return passes

    def _conditions(self, catalogue: Catalogue) -> Iterator[BoolArray]:
        yield from self._field_conditions(catalogue)
        if self.in_stock is not None:
            yield catalogue.available == self.in_stock
        if self.on_sale is not None:
            yield is_below(catalogue.table["price"], catalogue.table["list_price"]) == self.on_sale
        for each in self.all_of or ():
            yield each.mask(catalogue)
        if self.any_of is not None:
            masks = [each.mask(catalogue) for each in self.any_of]
            yield np.any(masks, axis=0) if masks else np.zeros(len(catalogue), bool)
        for each in self.none_of or ():
            yield ~each.mask(catalogue)

    def _field_conditions(self, catalogue: Catalogue) -> Iterator[BoolArray]:
        table = catalogue.table
        for name in ID_FIELDS:
            if (values := getattr(self, name)) is not None:
                yield is_among(name_column(catalogue, name), values, ignore_case=False)
        for name in NAME_FIELDS:
            if (values := getattr(self, name)) is not None:
                yield is_among(name_column(catalogue, name), values)
        if self.category is not None:
            names = [catalogue.in_category(name) for name in self.category]
            yield np.any(names, axis=0) if names else np.zeros(len(catalogue), bool)
        for key, values in (self.attributes or {}).items():
            yield is_among(attribute(table["attributes"], key), values)
        for name in NUMBER_FIELDS:
            if (bounds := getattr(self, name)) is not None:
                yield is_within(table[name], bounds.min, bounds.max)
        for name in TIME_FIELDS:
            if (period := getattr(self, name)) is not None:
                yield is_within(table[name], period.since, period.until)
        for name, text in (self.contains or {}).items():
            yield contains(table[name], text)
        for name in self.has or ():
            yield is_filled(table[name])


def name_column(catalogue: Catalogue, name: str) -> pa.ChunkedArray:
    """The texts of a field, (items,), "" for none; items are in stock unless they say otherwise."""
    return catalogue.table[name].fill_null("in_stock" if name == "availability" else "")


def parse_filter(text: str) -> ItemFilter:
    """Read a filter from JSON. Raises `InputError` for what is not one.

    >>> parse_filter('{"price": {"max": 60}, "in_stock": true}').in_stock
    True
    """
    try:
        raw = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InputError(f'the filter is not JSON ({error}): write {{"price": {{"max": 60}}}}') from None
    return record_from(raw, ItemFilter, "the filter")


def combine(*filters: ItemFilter | None) -> ItemFilter | None:
    """The filter that all of some filters make together; None where there is none."""
    present = tuple(each for each in filters if each is not None and each != ItemFilter())
    return present[0] if len(present) == 1 else ItemFilter(all_of=present) if present else None

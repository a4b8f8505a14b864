"""Articles of the catalogue as UCP's products, and items as their variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from urllib.parse import quote, urlsplit

import numpy as np

from bowerbird.data.articles.variants import differing_values
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.readers.values.currencies import minor_digits
from bowerbird.serve.ucp.product_bodies import (
    MAX_MINOR_UNITS,
    Availability,
    Barcode,
    Category,
    Description,
    Media,
    Option,
    OptionValue,
    Price,
    PriceRange,
    Product,
    ProductOption,
    Rating,
    Variant,
)

PATH_SEPARATOR = " > "
RATING_SCALES = (5.0, 10.0, 100.0)


@dataclass(frozen=True)
class Article:
    """An article: the positions of its variants that have a price, the featured one first."""

    id: str
    positions: tuple[int, ...]
    option_names: tuple[str, ...]
    """Attributes in which its variants differ."""


def as_minor_units(amount: float, currency: str) -> int | None:
    """An amount in minor units; None where that is not a number that the protocol takes.

    >>> as_minor_units(19.99, "USD"), as_minor_units(500.0, "JPY"), as_minor_units(1.2345, "KWD")
    (1999, 500, 1234)
    """
    scaled = Decimal(str(amount)).scaleb(minor_digits(currency)).to_integral_value(ROUND_HALF_EVEN)
    return int(scaled) if 0 <= scaled <= MAX_MINOR_UNITS else None


def as_price(amount: float | None, currency: str) -> Price | None:
    """A price with its currency; None where either is missing."""
    if amount is None or len(currency) != 3 or not (currency.isascii() and currency.isupper()):
        return None
    units = as_minor_units(amount, currency)
    return None if units is None else Price(amount=units, currency=currency)


class ProductWriter:
    """Writes products of one catalogue; `address` is that of the server, for its pictures."""

    def __init__(self, catalogue: Catalogue, address: str) -> None:
        self._catalogue, self._address = catalogue, address.rstrip("/")

    def article_at(self, position: int) -> Article | None:
        """The article of an item, which is featured; None where the item has no price in a currency."""
        catalogue = self._catalogue
        others = catalogue.articles.variants_of(position)
        others = others[(others != position) & ~catalogue.withdrawn[others]]
        sold_first = others[np.argsort(~catalogue.available[others], kind="stable")]
        positions = [each for each in (position, *sold_first.tolist()) if self._price_of(each)]
        if position not in positions:
            return None
        items = [catalogue.item(each) for each in positions]
        differing = differing_values(items[0].attributes, [item.attributes for item in items[1:]])
        return Article(items[0].group_id or items[0].item_id, tuple(positions), tuple(differing))

    def options_of(self, article: Article, position: int) -> dict[str, str]:
        """The options of a variant, by name."""
        attributes = self._catalogue.item(position).attributes
        return {name: attributes[name] for name in article.option_names if attributes.get(name)}

    def product(self, article: Article, shown: Sequence[int]) -> Product:
        """A product with some of its variants, at least one; its prices and options are those of all."""
        item = self._catalogue.item(article.positions[0])
        prices = [price for each in article.positions if (price := self._price_of(each))]
        prices = [price for price in prices if price.currency == prices[0].currency]
        amounts = sorted(prices, key=lambda price: price.amount)
        return Product(
            id=article.id,
            title=item.title or item.item_id,
            description=_description(item),
            url=_address_or_none(item.link),
            categories=[Category(value=PATH_SEPARATOR.join(item.category))] if item.category else None,
            price_range=PriceRange(min=amounts[0], max=amounts[-1]),
            media=self._media(article.positions[0], item),
            options=self._option_values(article),
            variants=[self._variant(article, position) for position in shown],
            rating=_rating(item),
        )

    def _variant(self, article: Article, position: int) -> Variant:
        item, price = self._catalogue.item(position), self._price_of(position)
        assert price is not None  # an article has none without
        options = self.options_of(article, position)
        return Variant(
            id=item.item_id,
            sku=item.item_id,
            barcodes=[Barcode(value=item.gtin)] if item.gtin else None,
            title=" / ".join(options.values()) or item.title or item.item_id,
            description=_description(item),
            url=_address_or_none(item.link),
            price=price,
            list_price=as_price(item.list_price, item.currency) if item.on_sale else None,
            availability=Availability(
                available=bool(self._catalogue.available[position]), status=item.availability
            ),
            options=[Option(name=name, label=label) for name, label in options.items()] or None,
            media=self._media(position, item),
        )

    def _price_of(self, position: int) -> Price | None:
        item = self._catalogue.item(position)
        return as_price(item.price, item.currency)

    def _option_values(self, article: Article) -> list[ProductOption] | None:
        by_name: dict[str, dict[str, None]] = {}
        for position in article.positions:
            for name, label in self.options_of(article, position).items():
                by_name.setdefault(name, {})[label] = None
        options = [
            ProductOption(name=name, values=[OptionValue(label=label) for label in labels])
            for name, labels in by_name.items()
        ]
        return options or None

    def _media(self, position: int, item: Item) -> list[Media] | None:
        """The shop's address of a picture, else this server's."""
        has_picture = self._catalogue.has_image(position)
        own = f"{self._address}/items/{quote(item.item_id, safe='')}/image" if has_picture else None
        addresses = [_address_or_none(item.image_link) or own, *map(_address_or_none, item.additional_images)]
        return [Media(url=address, alt_text=item.title) for address in addresses if address] or None


def _description(item: Item) -> Description:
    return Description(plain=item.description or item.title or item.item_id)


def _address_or_none(link: str) -> str | None:
    """A link that is an address on the web."""
    try:
        parts = urlsplit(link)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in link
    except ValueError:
        return None
    return link if is_address else None


def _rating(item: Item) -> Rating | None:
    if item.rating is None:
        return None
    scale = next((scale for scale in RATING_SCALES if item.rating <= scale), item.rating)
    return Rating(value=item.rating, scale_max=scale, count=item.rating_count)

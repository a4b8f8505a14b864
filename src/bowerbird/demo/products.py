"""The products of the demo world: their type, looks, texts, price and launch date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from bowerbird.demo.vocabulary import BRANDS, COLOURS, MATERIAL_PRICE, PATTERNS, STYLES, SYNONYMS, TYPES

WORLD_ENDS = datetime(2026, 6, 30, tzinfo=UTC)
LATE_SHARE = 0.2  # of products that are launched in the last third of the days (cold items)


@dataclass(frozen=True)
class Product:
    """One product; integer fields are indices into the vocabulary's lists."""

    number: int
    kind: int
    style: int
    colour: int
    material: str
    pattern: int
    price: float
    brand: str
    quality: float  # utility that does not depend on a user's taste
    in_stock: bool
    launched: datetime

    @property
    def item_id(self) -> str:
        return f"BB-{self.number:06d}"


def generate_products(count: int, days: int, seed: int) -> Iterator[Product]:
    """Generate `count` products; product k does not depend on `count`."""
    colour_names = list(COLOURS)
    for number in range(count):
        generator = np.random.default_rng([seed, 1, number])
        kind = TYPES[number % len(TYPES)]  # every type occurs even in a small world
        style = int(generator.integers(len(STYLES)))
        material = str(generator.choice(kind.materials))
        # Each style has typical colours, so that style and colour correlate as in real shops.
        style_colour = (style * 3 + generator.integers(0, 5)) % len(colour_names)
        colour = int(style_colour if generator.random() < 0.5 else generator.integers(len(colour_names)))
        is_mostly_plain = kind.name in ("lamp", "table", "clock", "mirror", "chair")
        pattern = (
            0
            if generator.random() < (0.7 if is_mostly_plain else 0.3)
            else int(generator.integers(1, len(PATTERNS)))
        )
        price_factor = (
            STYLES[style].price
            * MATERIAL_PRICE.get(material, 1.0)
            * np.exp(0.3 * generator.standard_normal())
        )
        is_late = generator.random() < LATE_SHARE
        launch_day = generator.uniform(days * 2 / 3, days) if is_late else -generator.uniform(1, 300)
        yield Product(
            number=number,
            kind=number % len(TYPES),
            style=style,
            colour=colour,
            material=material,
            pattern=pattern,
            price=round(float(kind.price * price_factor), 0) - 0.1
            if kind.price * price_factor > 20
            else round(kind.price * price_factor, 1),
            brand=str(generator.choice(BRANDS)),
            quality=float(generator.standard_normal()),
            in_stock=bool(generator.random() > 0.03),
            launched=WORLD_ENDS - timedelta(days=days) + timedelta(days=float(launch_day)),
        )


def write_title(product: Product, seed: int) -> str:
    """A realistic title: some omit the colour or the style, which only the picture shows."""
    generator = np.random.default_rng([seed, 2, product.number])
    kind, style, colour = TYPES[product.kind].name, STYLES[product.style].name, list(COLOURS)[product.colour]
    pattern = PATTERNS[product.pattern]
    words = [style if generator.random() < 0.6 else "", colour if generator.random() < 0.7 else ""]
    words += [pattern if pattern != "plain" and generator.random() < 0.7 else ""]
    words += [product.material if generator.random() < 0.6 else "", kind]
    title = " ".join(word for word in words if word)
    return f"{title[0].upper()}{title[1:]}"


def write_description(product: Product, seed: int) -> str:
    """Two sentences: its looks and its use."""
    generator = np.random.default_rng([seed, 3, product.number])
    kind, style = TYPES[product.kind], STYLES[product.style].name
    colour, pattern = list(COLOURS)[product.colour], PATTERNS[product.pattern]
    article = "An" if style[0] in "aeiou" else "A"
    pattern_phrase = "" if pattern == "plain" else f", {generator.choice(SYNONYMS[pattern])}"
    look_sentences = (
        f"{article} {style} {kind.name} of {product.material} in {colour}{pattern_phrase}.",
        f"Our {kind.name} in {colour} {product.material}{pattern_phrase} brings {style} calm to the day.",
        f"{colour.capitalize()} {product.material}{pattern_phrase}: "
        f"this {kind.name} is {style} through and through.",
    )
    use_sentences = (f"Good for {generator.choice(kind.uses)}.", f"Made for {generator.choice(kind.uses)}.")
    return f"{generator.choice(look_sentences)} {generator.choice(use_sentences)}"

"""The products of the demo world: what each is, how it is described, what it costs, since when it is sold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from bowerbird.demo.vocabulary import BRANDS, COLOURS, MATERIAL_PRICE, PATTERNS, STYLES, SYNONYMS, TYPES

WORLD_ENDS = datetime(2026, 6, 30, tzinfo=UTC)
LATE_SHARE = 0.2  # of products that appear in the last third of the days: what a shop calls new


@dataclass(frozen=True)
class Product:
    """One product; the numbers are places in the vocabulary's lists."""

    number: int
    kind: int
    style: int
    colour: int
    material: str
    pattern: int
    price: float
    brand: str
    quality: float  # what everybody sees in it beside taste
    in_stock: bool
    launched: datetime

    @property
    def item_id(self) -> str:
        return f"BB-{self.number:06d}"


def products(count: int, days: int, seed: int) -> Iterator[Product]:
    """`count` products; product k is the same however many there are."""
    names = list(COLOURS)
    for number in range(count):
        generator = np.random.default_rng([seed, 1, number])
        kind = TYPES[number % len(TYPES)]  # every type is there even in a small world
        style = int(generator.integers(len(STYLES)))
        material = str(generator.choice(kind.materials))
        # Styles have colours that they like: a taste in style shows in colour too, as in real shops.
        liked = (style * 3 + generator.integers(0, 5)) % len(names)
        colour = int(liked if generator.random() < 0.5 else generator.integers(len(names)))
        plain = kind.name in ("lamp", "table", "clock", "mirror", "chair")
        pattern = (
            0 if generator.random() < (0.7 if plain else 0.3) else int(generator.integers(1, len(PATTERNS)))
        )
        factor = (
            STYLES[style].price
            * MATERIAL_PRICE.get(material, 1.0)
            * np.exp(0.3 * generator.standard_normal())
        )
        late = generator.random() < LATE_SHARE
        launch_day = generator.uniform(days * 2 / 3, days) if late else -generator.uniform(1, 300)
        yield Product(
            number=number,
            kind=number % len(TYPES),
            style=style,
            colour=colour,
            material=material,
            pattern=pattern,
            price=round(float(kind.price * factor), 0) - 0.1
            if kind.price * factor > 20
            else round(kind.price * factor, 1),
            brand=str(generator.choice(BRANDS)),
            quality=float(generator.standard_normal()),
            in_stock=bool(generator.random() > 0.03),
            launched=WORLD_ENDS - timedelta(days=days) + timedelta(days=float(launch_day)),
        )


def title_of(product: Product, seed: int) -> str:
    """A title as shops write them: some leave the colour or the style to the picture."""
    generator = np.random.default_rng([seed, 2, product.number])
    kind, style, colour = TYPES[product.kind].name, STYLES[product.style].name, list(COLOURS)[product.colour]
    pattern = PATTERNS[product.pattern]
    words = [style if generator.random() < 0.6 else "", colour if generator.random() < 0.7 else ""]
    words += [pattern if pattern != "plain" and generator.random() < 0.7 else ""]
    words += [product.material if generator.random() < 0.6 else "", kind]
    said = " ".join(word for word in words if word)
    return f"{said[0].upper()}{said[1:]}"


def description_of(product: Product, seed: int) -> str:
    """Two sentences: how it looks, and what it is good for."""
    generator = np.random.default_rng([seed, 3, product.number])
    kind, style = TYPES[product.kind], STYLES[product.style].name
    colour, pattern = list(COLOURS)[product.colour], PATTERNS[product.pattern]
    article = "An" if style[0] in "aeiou" else "A"
    how = "" if pattern == "plain" else f", {generator.choice(SYNONYMS[pattern])}"
    looks = (
        f"{article} {style} {kind.name} of {product.material} in {colour}{how}.",
        f"Our {kind.name} in {colour} {product.material}{how} brings {style} calm to the day.",
        f"{colour.capitalize()} {product.material}{how}: this {kind.name} is {style} through and through.",
    )
    use = (f"Good for {generator.choice(kind.uses)}.", f"Made for {generator.choice(kind.uses)}.")
    return f"{generator.choice(looks)} {generator.choice(use)}"

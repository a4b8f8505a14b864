"""The vocabulary of the demo world: product types, materials, styles, colours, patterns."""

from __future__ import annotations

from dataclasses import dataclass

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Type:
    """A kind of product."""

    name: str
    path: str  # product_type in the feed
    price: float  # typical, USD
    materials: tuple[str, ...]
    uses: tuple[str, ...]  # for descriptions


_SOFT = ("cotton", "linen", "velvet", "wool")
_WEAR = ("cotton", "linen", "wool", "denim")

TYPES: tuple[Type, ...] = (
    Type(
        "lamp",
        "Home > Lighting > Lamp",
        65,
        ("brass", "steel", "oak", "ceramic"),
        ("a reading corner", "a desk"),
    ),
    Type(
        "chair",
        "Home > Furniture > Chair",
        140,
        ("oak", "walnut", "steel", "rattan"),
        ("a dining table", "a hall"),
    ),
    Type(
        "sofa",
        "Home > Furniture > Sofa",
        780,
        ("linen", "velvet", "leather", "wool"),
        ("long evenings", "guests"),
    ),
    Type(
        "table",
        "Home > Furniture > Table",
        320,
        ("oak", "walnut", "steel", "marble"),
        ("small rooms", "breakfast"),
    ),
    Type(
        "vase",
        "Home > Decor > Vase",
        38,
        ("ceramic", "glass", "brass", "marble"),
        ("cut flowers", "a window sill"),
    ),
    Type("mug", "Home > Kitchen > Mug", 16, ("ceramic", "glass", "steel"), ("slow mornings", "the office")),
    Type(
        "clock",
        "Home > Decor > Clock",
        54,
        ("oak", "brass", "steel", "walnut"),
        ("a kitchen wall", "a study"),
    ),
    Type(
        "mirror",
        "Home > Decor > Mirror",
        120,
        ("brass", "oak", "rattan", "steel"),
        ("a small hallway", "a bath"),
    ),
    Type("cushion", "Home > Textiles > Cushion", 28, _SOFT, ("a sofa", "a window seat")),
    Type("rug", "Home > Textiles > Rug", 210, ("wool", "cotton", "jute"), ("cold floors", "a living room")),
    Type("dress", "Fashion > Women > Dress", 85, (*_WEAR, "velvet"), ("a summer party", "the office")),
    Type("shirt", "Fashion > Tops > Shirt", 45, ("cotton", "linen", "denim"), ("weekends", "meetings")),
    Type(
        "sweater", "Fashion > Tops > Sweater", 68, ("wool", "cotton"), ("cold mornings", "a walk by the sea")
    ),
    Type("skirt", "Fashion > Women > Skirt", 52, (*_WEAR, "leather"), ("the city", "a picnic")),
    Type("jacket", "Fashion > Outerwear > Jacket", 150, ("denim", "leather", "wool"), ("autumn", "travel")),
    Type("bag", "Fashion > Accessories > Bag", 95, ("leather", "cotton", "jute"), ("the market", "a laptop")),
    Type("hat", "Fashion > Accessories > Hat", 34, ("wool", "cotton", "jute"), ("the beach", "winter days")),
    Type("scarf", "Fashion > Accessories > Scarf", 30, ("wool", "cotton", "linen"), ("windy days", "a gift")),
)


@dataclass(frozen=True)
class Style:
    """A product style: it determines legs, trims, ornaments and the background room."""

    name: str
    wall: RGB
    floor: RGB
    trim: RGB
    price: float  # factor


STYLES: tuple[Style, ...] = (
    Style("scandinavian", (240, 240, 236), (224, 213, 195), (214, 183, 140), 1.0),
    Style("mid-century", (236, 222, 196), (178, 126, 82), (122, 74, 40), 1.2),
    Style("industrial", (176, 120, 98), (120, 118, 116), (44, 44, 48), 0.95),
    Style("bohemian", (243, 226, 205), (206, 160, 118), (176, 106, 60), 0.85),
    Style("art deco", (28, 52, 62), (52, 48, 50), (212, 172, 84), 1.6),
    Style("japandi", (232, 226, 214), (190, 172, 146), (84, 66, 52), 1.15),
    Style("coastal", (214, 233, 240), (236, 222, 190), (250, 250, 246), 0.9),
    Style("baroque", (120, 38, 54), (88, 52, 40), (222, 184, 96), 1.8),
)

COLOURS: dict[str, RGB] = {
    "white": (246, 244, 238),
    "black": (38, 38, 42),
    "grey": (140, 144, 148),
    "beige": (214, 192, 158),
    "brown": (124, 82, 52),
    "red": (196, 48, 48),
    "orange": (230, 126, 48),
    "yellow": (238, 196, 62),
    "green": (70, 138, 84),
    "teal": (30, 138, 144),
    "blue": (52, 94, 180),
    "purple": (124, 78, 160),
    "pink": (236, 148, 172),
}
PATTERNS = ("plain", "striped", "checked", "dotted", "floral", "geometric", "herringbone")
MATERIAL_PRICE = {"brass": 1.3, "marble": 1.5, "leather": 1.5, "velvet": 1.25, "walnut": 1.3, "jute": 0.8}

# Invented words, so that no brand's name is used.
BRANDS = (
    "Ovaline",
    "Tarnwick",
    "Miralo",
    "Fennhus",
    "Quillby",
    "Sorrel & Oak",
    "Nordale",
    "Vantessa",
    "Loomry",
)
SYNONYMS = {
    "striped": ("striped", "with stripes"),
    "checked": ("checked", "with checks"),
    "dotted": ("dotted", "with dots"),
    "floral": ("floral", "with flowers"),
    "geometric": ("geometric", "with a geometric pattern"),
    "herringbone": ("herringbone", "in herringbone"),
}

"""Words that mean the same in requests and catalogues."""

from __future__ import annotations

SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("sofa", "couch", "settee", "loveseat"),
    ("sweater", "jumper", "pullover", "knit sweater"),
    ("trouser", "pants", "slacks", "chinos"),
    ("sneaker", "trainers", "running shoes", "tennis shoes"),
    ("t shirt", "tshirt", "tee", "tee shirt"),
    ("vest top", "tank top", "camisole"),
    ("bag", "handbag", "purse"),
    ("rug", "carpet"),
    ("cushion", "throw pillow", "pillow"),
    ("blanket", "throw"),
    ("curtain", "drapes"),
    ("wardrobe", "closet", "armoire"),
    ("lamp", "light fixture", "lighting"),
    ("mug", "cup"),
    ("coat", "overcoat", "parka"),
    ("jacket", "anorak", "windbreaker"),
    ("swimsuit", "bathing suit", "swimming costume"),
    ("swim shorts", "swim trunks", "swimming trunks", "swimwear bottom"),
    ("bra", "brassiere"),
    ("tight", "pantyhose"),
    ("hat", "cap", "beanie"),
    ("armchair", "easy chair"),
    ("bookcase", "bookshelf"),
    ("nightgown", "night gown", "nightdress", "nightie"),
    ("navy", "navy blue", "dark blue"),
    ("burgundy", "wine red", "bordeaux", "maroon", "dark red"),
    ("sky blue", "light blue", "baby blue"),
    ("off white", "cream", "ivory", "ecru"),
    ("beige", "sand", "tan"),
    ("teal", "petrol", "turquoise"),
    ("purple", "violet", "lilac"),
    ("charcoal", "anthracite", "dark grey"),
    ("stripe", "striped", "stripy", "pinstripe"),
    ("check", "checked", "plaid", "tartan", "gingham"),
    ("dot", "dotted", "polka dot", "spotted"),
    ("solid", "plain", "unpatterned"),
    ("floral", "flowery", "flower", "flower print"),
    ("geometric", "geometrical"),
    ("embroidery", "embroidered"),
    ("sequin", "sequinned", "sequined"),
    ("scandinavian", "scandi", "nordic"),
    ("boho", "bohemian"),
    ("mid century", "midcentury", "mid century modern"),
    ("minimalist", "minimal", "minimalistic"),
    ("rustic", "farmhouse"),
    ("clothes", "clothing", "apparel", "fashion", "clothing and accessories"),
    ("furniture", "furnishings"),
    ("drinks", "beverages"),
    ("footwear", "shoes"),
    ("wood", "timber"),
    ("metal", "metallic"),
    ("sci fi", "science fiction"),
)
"""Groups of synonyms; a word is only mapped to a value that the catalogue has."""

MATERIAL_GROUPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("wood", "wooden"),
        (
            *("oak", "walnut", "pine", "teak", "beech", "birch", "ash", "bamboo", "mahogany", "acacia"),
            *("maple", "rosewood", "mango wood", "plywood", "solid wood"),
        ),
    ),
    (
        ("metal", "metallic"),
        ("steel", "brass", "iron", "copper", "aluminium", "bronze", "chrome", "stainless steel"),
    ),
    (("stone",), ("marble", "granite", "slate", "travertine", "sandstone")),
    (("fabric", "textile"), ("cotton", "linen", "wool", "velvet", "polyester", "silk", "canvas", "denim")),
)
"""Groups of materials, and those of them that a catalogue may name."""


def _shades(*names: str) -> tuple[str, ...]:
    return tuple(f"{name} {noun}" for name in names for noun in ("colour", "color", "tone", "shade"))


COLOUR_GROUPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        _shades("warm", "warmer"),
        ("red", "orange", "yellow", "brown", "beige", "pink", "gold", "rust", "terracotta"),
    ),
    (_shades("cool", "cooler", "cold"), ("blue", "green", "teal", "grey", "purple", "turquoise", "silver")),
    (
        (*_shades("neutral", "muted"), "less colourful", "less colorful", "not too colourful"),
        ("white", "beige", "grey", "black", "brown", "cream"),
    ),
    (
        _shades("soft", "softer", "pastel", "pale"),
        ("pink", "beige", "white", "cream", "light blue", "light pink", "light green", "lavender", "mint"),
    ),
    (
        _shades("earthy", "earth", "natural"),
        ("brown", "beige", "green", "rust", "terracotta", "olive", "khaki", "sand"),
    ),
    (_shades("bright", "brighter"), ("yellow", "red", "orange", "pink", "turquoise")),
    (
        _shades("dark", "darker"),
        ("black", "navy", "brown", "dark blue", "dark green", "dark grey", "burgundy"),
    ),
    (
        _shades("light", "lighter"),
        ("white", "beige", "cream", "light blue", "light grey", "light pink", "off white"),
    ),
)
"""Groups of colours, and those of them that a catalogue may name."""

USES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("sit on", "sit in", "sit down on"),
        ("chair", "armchair", "sofa", "stool", "bench", "pouf", "ottoman", "chaise longue", "bar stool"),
    ),
    (
        ("sleep in", "wear to bed", "wear in bed", "for sleeping in"),
        ("pyjama", "pyjama set", "pyjamas", "nightgown", "night gown", "nightdress"),
    ),
    (("swim in", "wear to the pool"), ("swimsuit", "bikini top", "bikini", "swim shorts", "swimwear bottom")),
    (("sleep on",), ("bed", "mattress", "sofa bed", "daybed")),
    (
        ("drink from", "drink out of", "drink coffee from", "drink tea from"),
        ("mug", "cup", "glass", "tumbler"),
    ),
    (("eat from", "eat out of", "eat off"), ("plate", "bowl")),
    (("eat at", "dine at"), ("table", "dining table")),
    (("work at", "write at"), ("desk", "table")),
    (
        ("wear on my head", "for my head", "for the head", "for her head"),
        ("hat", "cap", "beanie"),
    ),
    (("wear around my neck", "for my neck", "around the neck"), ("scarf", "necklace")),
    (("for my hands", "for cold hands"), ("gloves", "mittens")),
    (("for my feet", "for cold feet"), ("socks", "shoes", "slippers", "boots")),
    (
        ("carry my things in", "carry my things", "carry my stuff", "carry my laptop", "carry my books"),
        ("bag", "backpack", "rucksack", "tote bag", "shopper"),
    ),
    (("tell the time", "tells the time", "see the time"), ("clock", "watch", "alarm clock")),
    (("see myself", "look at myself"), ("mirror",)),
    (
        ("read by", "light up", "for more light", "to give light"),
        ("lamp", "light", "floor lamp", "table lamp"),
    ),
    (("put flowers in", "put my flowers in", "to hold flowers", "for fresh flowers"), ("vase",)),
    (("put on the floor", "for the floor", "cover the floor", "for my floor"), ("rug", "carpet")),
    (("rest my head on", "lean on"), ("cushion", "pillow")),
)
"""Phrases of a use ("something to sit on"), and the types that serve it, of those that a catalogue has."""

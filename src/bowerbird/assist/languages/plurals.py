"""English plurals and singulars, good enough for kinds of things."""

from bowerbird.text.words import stem

PAIRS = frozenset(
    ("trousers", "jeans", "shorts", "glasses", "sunglasses", "leggings", "tights", "pyjamas", "pants")
)
"""Nouns without a singular."""
_UNCOUNTABLE = {
    "furniture": "piece of furniture",
    "clothes": "piece of clothing",
    "clothing": "piece of clothing",
}
_UNCOUNTABLE |= {"jewellery": "piece of jewellery", "fashion": "piece of clothing"}
_UNCOUNTABLE |= {"lighting": "piece of lighting"}
_UNCOUNTED_ENDS = ("wear", "ware", "clothing", "furniture", "jewellery", "fashion", "lighting")
_MASSES = (
    "fish",
    "milk",
    "cheese",
    "coffee",
    "tea",
    "rice",
    "bread",
    "music",
    "butter",
    "meat",
    "water",
    "sugar",
    "wear",
    "ware",
    "clothing",
    "furniture",
    "jewellery",
    "fashion",
    "decor",
    "lighting",
)
"""Ends of nouns without a plural."""


def singular(noun: str) -> str:
    """The singular of an English noun phrase, good enough for kinds of things.

    >>> [singular(noun) for noun in ("lamps", "black dress", "scarves", "trousers", "shirts or tops")]
    ['lamp', 'black dress', 'scarf', 'pair of trousers', 'shirt or top']
    """
    if " or " in noun:
        return " or ".join(singular(each) for each in noun.split(" or "))
    head, space, last = noun.rpartition(" ")
    if last in _UNCOUNTABLE:
        return f"{head}{space}{_UNCOUNTABLE[last]}"
    return f"{head}{space}" + (f"pair of {last}" if last in PAIRS else stem(last))


def several(noun: str) -> str:
    """A noun phrase as it is counted: "four lamps", "four pieces of furniture".

    >>> [several(noun) for noun in ("lamp", "furniture", "swimwear", "clothes")]
    ['lamps', 'pieces of furniture', 'pieces of swimwear', 'pieces of clothing']
    """
    if noun == "clothes":
        return "pieces of clothing"
    return f"pieces of {noun}" if noun.endswith(_UNCOUNTED_ENDS) else plural(noun)


def plural(noun: str) -> str:
    """The plural of an English noun phrase, good enough for kinds of things.

    >>> [plural(noun) for noun in ("lamp", "dress", "accessory", "lamps", "shelf", "toy", "jeans")]
    ['lamps', 'dresses', 'accessories', 'lamps', 'shelves', 'toys', 'jeans']
    """
    if " or " in noun:
        return " or ".join(plural(each) for each in noun.split(" or "))
    if noun.endswith(_MASSES):
        return noun
    if noun.endswith(("ss", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("s"):
        return noun
    if noun.endswith("shelf") or noun.endswith("scarf"):
        return noun[:-1] + "ves"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"

"""English plurals, good enough for kinds of things."""


def plural(noun: str) -> str:
    """The plural of an English noun phrase, good enough for kinds of things.

    >>> [plural(noun) for noun in ("lamp", "dress", "accessory", "lamps", "shelf", "toy", "jeans")]
    ['lamps', 'dresses', 'accessories', 'lamps', 'shelves', 'toys', 'jeans']
    """
    if " or " in noun:
        return " or ".join(plural(each) for each in noun.split(" or "))
    if noun.endswith(("ss", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("s"):
        return noun
    if noun.endswith("shelf") or noun.endswith("scarf"):
        return noun[:-1] + "ves"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"

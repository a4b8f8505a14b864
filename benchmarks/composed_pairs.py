"""Pairs of items of one type that differ in one thing, and how people would say the difference.

What an item is, is read off its stated facts here and in no other way: a value, or words of its texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.items import Item

COLOURS = ("black", "white", "grey", "beige", "blue", "green", "red", "pink", "yellow", "orange")
PATTERNS = {"stripe": "stripes", "check": "a checked pattern", "dot": "polka dots", "lace": "lace"}
TEMPLATES = {
    "colour": ("is {new}", "is {new} instead of {old}", "is {new} colored", "the same but in {new}"),
    "pattern": ("has {new}", "is more patterned and has {new}", "the same with {new}"),
    "shade": ("is {new}", "is {new} in color", "has a {new} shade"),
    "sleeves": ("has {new}", "with {new}", "is the same but has {new}"),
    "length": ("is {new}", "is {new} in length", "{new}"),
}
SLEEVES = {"long": ("long sleeves", "long-sleeved"), "short": ("short sleeves", "short-sleeved")}
LENGTHS = {
    "long": ("maxi", "ankle-length", "calf-length", "long dress", "long skirt"),
    "short": ("mini", "short dress", "short skirt", "cropped"),
}


@dataclass(frozen=True)
class Pair:
    """A and B by their places in a list of items; `wanted` is what B is and A is not."""

    sort: str
    source: int
    target: int
    text: str
    wanted: str


def trait(item: Item, sort: str) -> str:
    """What an item states of one thing; empty where it states nothing, or several."""
    said = f"{item.title} {item.description}".lower().replace("-", " ")
    facts = {name: value.lower() for name, value in item.attributes.items()}
    if sort == "colour":
        family = facts.get("colour family", "")
        return family if family in COLOURS else ""
    if sort == "pattern":
        return facts.get("pattern", "")
    if sort == "shade":
        shade = facts.get("shade", "")
        return "darker" if shade == "dark" else "lighter" if shade in ("light", "dusty light") else ""
    table = SLEEVES if sort == "sleeves" else LENGTHS
    ends = [end for end, words in table.items() if any(word.replace("-", " ") in said for word in words)]
    return ends[0] if len(ends) == 1 else ""


def type_of(item: Item) -> str:
    return item.attributes.get("type", "")


def pairs_of(items: Sequence[Item], count: int, seed: int) -> list[Pair]:
    """Up to `count` pairs of each sort; each A once a sort."""
    rng = np.random.default_rng(seed)
    found: list[Pair] = []
    for sort in TEMPLATES:
        traits = [trait(item, sort) for item in items]
        alike = defaultdict(list)
        for place, item in enumerate(items):
            if traits[place]:
                alike[_rest(item, sort)].append(place)
        of_sort = []
        for source in rng.permutation(len(items)).tolist():
            others = [
                one
                for one in alike.get(_rest(items[source], sort), [])
                if traits[source] and traits[one] != traits[source] and _sayable(sort, traits[one])
            ]
            if others and len(of_sort) < count:
                target = int(others[rng.integers(len(others))])
                of_sort.append(_asked(sort, source, target, traits, rng))
        found += of_sort
    return found


def _sayable(sort: str, trait: str) -> bool:
    return sort != "pattern" or trait in PATTERNS


def _rest(item: Item, sort: str) -> tuple[str, ...]:
    """What A and B have in common."""
    same = {"colour": ("pattern",), "shade": ("colour family", "pattern")}.get(sort, ("colour family",))
    return (
        type_of(item),
        item.category[0] if item.category else "",
        *(item.attributes.get(n, "") for n in same),
    )


def _asked(sort: str, source: int, target: int, traits: Sequence[str], rng: np.random.Generator) -> Pair:
    new, old = traits[target], traits[source]
    said = {
        "pattern": PATTERNS.get(new, new),
        "sleeves": f"{new}er sleeves",
        "length": f"{new}er",
    }.get(sort, new)
    template = TEMPLATES[sort][int(rng.integers(len(TEMPLATES[sort])))]
    return Pair(sort, source, target, template.format(new=said, old=old), new)

"""Pairs of items of one type that differ in one trait, and texts that express the difference.

Traits are read only from an item's facts: an attribute value, or words of its texts.
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
    """A and B by their positions in a list of items; `target_trait` is the trait of B that A does not
    have."""

    difference: str
    source: int
    target: int
    text: str
    target_trait: str


def trait_of(item: Item, difference: str) -> str:
    """Return an item's value of one trait; empty if there is none, or several."""
    text = f"{item.title} {item.description}".lower().replace("-", " ")
    facts = {name: value.lower() for name, value in item.attributes.items()}
    if difference == "colour":
        family = facts.get("colour family", "")
        return family if family in COLOURS else ""
    if difference == "pattern":
        return facts.get("pattern", "")
    if difference == "shade":
        shade = facts.get("shade", "")
        return "darker" if shade == "dark" else "lighter" if shade in ("light", "dusty light") else ""
    table = SLEEVES if difference == "sleeves" else LENGTHS
    values = [
        value for value, words in table.items() if any(word.replace("-", " ") in text for word in words)
    ]
    return values[0] if len(values) == 1 else ""


def type_of(item: Item) -> str:
    return item.attributes.get("type", "")


def pairs_of(items: Sequence[Item], count: int, seed: int) -> list[Pair]:
    """Build up to `count` pairs of each kind of difference; each A at most once per kind."""
    rng = np.random.default_rng(seed)
    pairs: list[Pair] = []
    for difference in TEMPLATES:
        traits = [trait_of(item, difference) for item in items]
        by_context = defaultdict(list)
        for position, item in enumerate(items):
            if traits[position]:
                by_context[_context_of(item, difference)].append(position)
        pairs_of_difference = []
        for source in rng.permutation(len(items)).tolist():
            candidates = [
                candidate
                for candidate in by_context.get(_context_of(items[source], difference), [])
                if traits[source]
                and traits[candidate] != traits[source]
                and _has_phrase(difference, traits[candidate])
            ]
            if candidates and len(pairs_of_difference) < count:
                target = int(candidates[rng.integers(len(candidates))])
                pairs_of_difference.append(_make_pair(difference, source, target, traits, rng))
        pairs += pairs_of_difference
    return pairs


def _has_phrase(difference: str, value: str) -> bool:
    return difference != "pattern" or value in PATTERNS


def _context_of(item: Item, difference: str) -> tuple[str, ...]:
    """Return the facts that A and B must share."""
    shared_facts = {"colour": ("pattern",), "shade": ("colour family", "pattern")}.get(
        difference, ("colour family",)
    )
    return (
        type_of(item),
        item.category[0] if item.category else "",
        *(item.attributes.get(n, "") for n in shared_facts),
    )


def _make_pair(
    difference: str, source: int, target: int, traits: Sequence[str], rng: np.random.Generator
) -> Pair:
    new_trait, old_trait = traits[target], traits[source]
    phrase = {
        "pattern": PATTERNS.get(new_trait, new_trait),
        "sleeves": f"{new_trait}er sleeves",
        "length": f"{new_trait}er",
    }.get(difference, new_trait)
    template = TEMPLATES[difference][int(rng.integers(len(TEMPLATES[difference])))]
    return Pair(difference, source, target, template.format(new=phrase, old=old_trait), new_trait)

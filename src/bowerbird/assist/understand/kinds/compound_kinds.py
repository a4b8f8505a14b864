"""Compounds that are another thing than their last word: "a bean bag", "a salt and pepper mill"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import reduce

from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import stem_phrase, word_set

_COMPOUNDS = re.compile(
    r"\b(?:(?:bean|sleeping|tea|punching|golf|bin|vacuum|air) bags?|(?:wheel|high|electric) chairs?|"
    r"(?:wing|side|rear|hand) mirrors?|(?:heat|lava|nail) lamps?|table tennis|picnic rugs?|"
    r"mouse (?:mats?|pads?)|"
    r"shower (?:curtains?|caps?)|seat belts?|life jackets?|straight jackets?|hub caps?|test tubes?)\b"
)
"""A shop that has one mentions its first word."""
_PAIRS = re.compile(
    r"(?:^|\b(?:an?|any|some|the|your|have|got|sell|stock|need|want|for|find|see) )(?:[a-z]+ )??"
    r"(?P<pair>[a-z]{3,} (?:&|and|'?n'?) [a-z]{3,} (?:sets?|mills?|grinders?|shakers?|cellars?|kits?|"
    r"holders?|racks?|box(?:es)?|boards?|bowls?|dish(?:es)?|games?|cases?|stands?|makers?|machines?|pots?|"
    r"brush(?:es)?|pans?|trays?|dispensers?|cruets?))\b"
)
"""A thing for two: a shop that has one mentions both."""
_JOINTS = word_set("& and n")
_HEADS = word_set("set case kit box")
"""Last words that say little of what the thing is."""


def unknown_compound(text: str, vocabulary: Vocabulary, texts: Mapping[str, object]) -> str:
    """The compound that a text names and no item's text does; empty where there is none.

    `texts` has the positions of the items that use a stem.
    """
    compound = _COMPOUNDS.search(text)
    if compound and stem_phrase(compound.group())[0] not in texts:
        return compound.group()
    pair = _PAIRS.search(text)
    if pair is None:
        return ""
    stems = [stem for stem in stem_phrase(pair["pair"]) if stem not in _JOINTS]
    first, second, head = stems[0], stems[1], stems[-1]
    if not vocabulary.value_stems.isdisjoint((first, second)):
        return ""
    wanted = [first, second, *([] if head in _HEADS else [head])]
    users = [set(_positions(texts.get(stem, ()))) for stem in wanted]
    return "" if reduce(set.intersection, users) else pair["pair"].replace(" & ", " and ")


def _positions(items: object) -> list[int]:
    return [int(item) for item in items] if isinstance(items, Iterable) else []

"""Whether an item comes in another colour, size or material: answered from the variants of its article."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from bowerbird.assist.needs import join_words
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.data.items import Item
from bowerbird.text.facets import facet_name, facet_values
from bowerbird.text.words import normalize_text

_WHICH = re.compile(
    r"\b(?:(?P<other>other|different|another|any more|more)|what|which|how many|all(?: the)?) "
    r"(?P<facet>colou?r|size|material|pattern|fabric)s?\b"
)
_IN_A_VALUE = re.compile(
    r"\b(?:comes?|coming|available|(?:have|got|get) (?:it|this|that|them|one)|exists?|sold|there) "
    r"(?:it |this |that )?in (?:an? |the )?(?:size )?([\w./-]+)"
    r"|\bsize ([\w./-]+)"
)
_NO_VALUES = frozenset(("stock", "other", "different", "any", "another", "more", "time", "your", "store"))
_MAX_SHORT = 3
"""Letters: shorter values ("S", "42") count after "in" or "size" only, since "it's" holds an "s"."""


def answer_variants(turn: Turn, position: int) -> str:
    """The answer to a question about the variants of an item's article; empty where it asks for none."""
    catalogue = turn.parts.catalogue
    item = catalogue.item(position)
    variants = catalogue.articles.variants_of(position)
    variants = variants[catalogue.available[variants] & (variants != position)]
    others = catalogue.items_at(variants) if len(variants) else []
    if match := _WHICH.search(turn.plain):
        return _list_values(
            turn, item, others, facet_name(match["facet"]), is_other=match["other"] is not None
        )
    return _answer_value(turn, item, others) if others else ""


def _list_values(turn: Turn, item: Item, others: Sequence[Item], facet: str, *, is_other: bool) -> str:
    """All values of a facet, or those of the other variants where it asks for others."""
    own, values = _values_of([item], facet), _values_of(others, facet)
    differing = [value for value in values if value not in own]
    if not differing and not is_other:
        return ""  # a question about the item alone
    if not own and not differing:
        return turn.say("fact_unknown", title=item.title)
    key = "variants" if differing else "no_variants"
    text = turn.say(key, title=item.title, values=_in_words(turn, facet, differing or own))
    if is_other or not own:
        return text
    name, words = turn.language.facet(facet), _in_words(turn, facet, own)
    return f"{turn.say('fact_facet', title=item.title, facet=name, values=words)} {text}"


def _answer_value(turn: Turn, item: Item, others: Sequence[Item]) -> str:
    """Whether the article comes in the value that the message names: "in blue?", "in XL?"."""
    mentioned = mentions_of(turn.plain, turn.parts.vocabulary, {}).facets
    match = _IN_A_VALUE.search(turn.plain)
    word = (match[1] or match[2] or "") if match else ""
    for facet in dict.fromkeys(name for variant in others for name, _ in facet_values(variant)):
        own, values = _values_of([item], facet), _values_of(others, facet)
        differing = [value for value in values if value not in own]
        if hits := [value for value in differing if _is_named(value, facet, turn.plain, mentioned)]:
            return turn.say("variants", title=item.title, values=_in_words(turn, facet, hits))
        is_asked = facet in mentioned or (
            facet == "size" and word and word not in _NO_VALUES and not mentioned
        )
        if differing and is_asked and not any(_is_named(each, facet, turn.plain, mentioned) for each in own):
            values = list(dict.fromkeys([*own, *differing]))
            return turn.say("no_variants", title=item.title, values=_in_words(turn, facet, values))
    return ""


def _values_of(items: Iterable[Item], facet: str) -> list[str]:
    values = (value for item in items for name, value in facet_values(item) if name == facet)
    return list(dict.fromkeys(values))


def _is_named(value: str, facet: str, text: str, values_by_facet: Mapping[str, set[str]]) -> bool:
    if any(value.casefold() == each.casefold() for each in values_by_facet.get(facet, ())):
        return True
    words = re.escape(normalize_text(value, 60))
    before = r"\b(?:in|size) (?:an? |the )?(?:size )?" if len(value) <= _MAX_SHORT else r"\b"
    return bool(words) and re.search(rf"{before}{words}\b", text) is not None


def _in_words(turn: Turn, facet: str, values: Sequence[str]) -> str:
    words = [value if facet == "size" else turn.language.value_for(facet, value.lower()) for value in values]
    return join_words(words, turn.say("and"))

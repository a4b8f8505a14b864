"""State of the parser of edits, and the rules that read no words of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bowerbird.embed.search.edits.catalogue_facts import CatalogueWords
from bowerbird.embed.search.edits.edit import AttributeEdit
from bowerbird.embed.search.edits.edit_words import (
    CHEAPER,
    DIFFERENT,
    FACETS,
    FILLER,
    KEEPS_NEGATION,
    MORE_EXPENSIVE,
    NEGATORS,
    PART_MARKERS,
    SAME,
)


@dataclass
class ParserState:
    """The state of the parser, which reads from left to right."""

    words: list[str]
    stems: list[str]
    catalogue_words: CatalogueWords
    at: int = 0
    is_negated: bool = False
    in_part: bool = False
    edits: list[AttributeEdit] = field(default_factory=list)
    different: set[str] = field(default_factory=set)
    price_direction: int = 0
    unknown_words: list[str] = field(default_factory=list)


def add_edit(state: ParserState, edit: AttributeEdit) -> None:
    """Add an edit to those found so far."""
    if state.is_negated:
        edit = replace(edit, wanted=edit.unwanted, unwanted=edit.wanted, loose=frozenset())
        following: Sequence[str] = state.words[state.at + 1 : state.at + 3]
        state.is_negated = any(word in ("or", "nor") for word in following)  # "no red or blue"
    if edit.wanted or edit.unwanted:
        state.edits.append(edit)


def parse_punctuation(state: ParserState) -> int:
    """Take a punctuation mark, which ends a negation; return the number of words taken."""
    if state.words[state.at][0].isalnum():
        return 0
    state.is_negated = state.in_part = False
    return 1


def parse_negation(state: ParserState) -> int:
    """Take a negating word; return the number of words taken."""
    word, previous = state.words[state.at], state.words[max(0, state.at - 1)]
    is_instead_of = (previous, word) in (("instead", "of"), ("rather", "than"), ("other", "than"))
    if word not in NEGATORS and not word.endswith("n't") and not is_instead_of:
        return 0
    state.is_negated = True
    return 1


def parse_price(state: ParserState) -> int:
    """Take a wish for another price; return the number of words taken."""
    word, following = state.words[state.at], state.words[state.at + 1 : state.at + 2]
    sign = -1 if word in CHEAPER or word == "cheap" else 1 if word in (*MORE_EXPENSIVE, "expensive") else 0
    if not sign or following == ["looking"]:
        return 0
    state.price_direction = -sign if state.is_negated else sign
    state.is_negated = False
    return 1


def parse_different_facet(state: ParserState) -> int:
    """Parse "a different pattern", "another colour"; and "the same colour", which changes nothing."""
    word, at = state.words[state.at], state.at
    if word not in DIFFERENT and word not in SAME:
        return 0
    for size, following in enumerate(state.stems[at + 1 : at + 3], 2):
        if following in FACETS:
            facet = FACETS[following]
            if (
                word in DIFFERENT
            ) != state.is_negated and facet in state.catalogue_words.vocabulary.positions:
                state.different.add(facet)
            state.is_negated = False
            return size
    return 1


def parse_filler(state: ParserState) -> int:
    """Take a word without a meaning of its own; return the number of words taken."""
    word, at = state.words[state.at], state.at
    if word in PART_MARKERS or word == "is":
        state.in_part = word != "is"
    if word not in FILLER and state.stems[at] not in FILLER and word not in KEEPS_NEGATION:
        return 0
    if word not in KEEPS_NEGATION and word not in ("and", "or", "nor"):
        state.is_negated = state.is_negated and word in FILLER
    return 1

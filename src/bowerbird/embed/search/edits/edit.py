"""Edits of a query: values of a facet or words of texts that an item should have, or should not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bowerbird.embed.search.edits.catalogue_facts import ItemFacts, Phrase

LOOSE_MATCH = 0.8
"""Match of a value that only ends in the word ("blue": Dark Blue); the value itself has 1."""


@dataclass(frozen=True)
class AttributeEdit:
    """One requested change: values of a facet or, without a facet, phrases of an item's texts."""

    text: str
    """The words of the request."""
    facet: str | None
    wanted: frozenset[Phrase] = frozenset()
    unwanted: frozenset[Phrase] = frozenset()
    loose: frozenset[Phrase] = frozenset()
    """Phrases of `wanted` that match only loosely."""

    def match(self, facts: ItemFacts) -> float:
        """Match an item: 1 if its facts satisfy the edit, -1 if they contradict it, 0 if they do not tell."""
        if self.facet is not None:
            return self._match_value(facts.values.get(self.facet, frozenset()))
        has_wanted, has_unwanted = facts.mentions(self.wanted), facts.mentions(self.unwanted)
        return float(has_wanted) - float(has_unwanted)

    def _match_value(self, values: frozenset[Phrase]) -> float:
        if not values:
            return 0.0
        if not self.wanted:
            return -1.0 if values & self.unwanted else 1.0
        if values & (self.wanted - self.loose):
            return 1.0
        return LOOSE_MATCH if values & self.wanted else -1.0


@dataclass(frozen=True)
class Modification:
    """A text parsed as edits of a query."""

    edits: tuple[AttributeEdit, ...] = ()
    different: frozenset[str] = frozenset()
    """Facets whose value shall be another than the query's."""
    price_direction: int = 0
    """-1 for cheaper, 1 for more expensive."""
    unknown_words: tuple[str, ...] = ()
    """Words that the catalogue does not use."""

    def __bool__(self) -> bool:
        return bool(self.edits or self.different or self.price_direction)


def merge_edits(edits: Sequence[AttributeEdit]) -> list[AttributeEdit]:
    """Merge edits of one facet: its values are alternatives, "black and white" may be either."""
    by_facet: dict[str, AttributeEdit] = {}
    word_edits: list[AttributeEdit] = []
    for edit in edits:
        earlier = by_facet.get(edit.facet or "")
        if edit.facet is None:
            if not any(
                (other.wanted, other.unwanted) == (edit.wanted, edit.unwanted) for other in word_edits
            ):
                word_edits.append(edit)
        elif earlier is None:
            by_facet[edit.facet] = edit
        else:
            by_facet[edit.facet] = AttributeEdit(
                f"{earlier.text}, {edit.text}",
                edit.facet,
                (earlier.wanted | edit.wanted) - earlier.unwanted - edit.unwanted,
                earlier.unwanted | edit.unwanted,
                earlier.loose | edit.loose,
            )
    return [*by_facet.values(), *word_edits]

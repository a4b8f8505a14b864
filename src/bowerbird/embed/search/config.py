"""Hyper-parameters of search: of re-ranking by facts, and of the edits that words make to a query."""

from __future__ import annotations

from dataclasses import dataclass

from bowerbird.config import setting


@dataclass(frozen=True)
class TypeVoteConfig:
    """The item type of a picture, by a vote of the catalogue's most similar pictures (see `type_votes`)."""

    max_voters: int = setting(10_000, "Pictures that vote: a random sample of a larger catalogue", "pictures")
    nearest: int = setting(100, "Pictures nearest to a query that vote", "pictures")
    sharpness: float = setting(20.0, "A picture whose cosine is lower by 1 / sharpness has 1 / e of a vote")


@dataclass(frozen=True)
class CompositionConfig:
    """Directions of edits, learned from a catalogue's facts (see `edits.composing`)."""

    min_items_per_type: int = setting(5, "Items of a type; for rarer ones the mean of all is used", "items")
    nearest: int = setting(25, "Nearest items whose types give the type mean of a query", "items")
    min_examples: int = setting(
        5, "Items that must satisfy an edit, and that must contradict it, before it is learned", "items"
    )
    ridge: float = setting(
        0.1, "Added to all directions: few items make a noisy discriminant", "share of the mean variance"
    )
    strength: float = setting(
        2.0, "How far a query is moved", "× its distance to the items that satisfy the edit"
    )
    unstated_weight: float = setting(
        0.5, "Weight of the discriminant for an item that does not state the attribute"
    )


@dataclass(frozen=True)
class SearchConfig:
    """Re-ranking of the items nearest to a query (see `reranking`)."""

    candidates: int = setting(1000, "Nearest items that are re-ranked", "items")
    type_weight: float = setting(0.5, "Added to the cosine of an item of whose type all pictures nearby are")
    edit_weight: float = setting(0.3, "Added to the cosine of an item that satisfies an edit")
    text_weight: float = setting(
        0.3, "Weight of the text's own vector in an edited query, for words that the catalogue does not use"
    )
    similar_items: int = setting(
        15, "Items nearest to a picture whose facts stand for those of the picture", "items"
    )
    type_votes: TypeVoteConfig = TypeVoteConfig()
    composition: CompositionConfig = CompositionConfig()


SEARCH_DEFAULTS = SearchConfig()

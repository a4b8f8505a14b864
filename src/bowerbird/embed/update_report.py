"""What an update of the vectors reports: items, likes, unknown words, movement, recall of old states."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ItemCounts:
    """Items of an update."""

    new: int
    changed: int
    removed: int


@dataclass(frozen=True)
class LikeCounts:
    """Likes of an update."""

    new: int
    """Later than those trained on before."""
    earlier: int
    """Late arrivals, less those that are gone."""


@dataclass(frozen=True)
class UnknownWords:
    """Shares of words that the word encoder does not know; None where there are no words."""

    new: float | None
    """Of new and changed items."""
    others: float | None


@dataclass(frozen=True)
class Movement:
    """Cosines of the same items' vectors in two versions."""

    mean_cosine: float
    lowest_twentieth: float
    """5th percentile."""


@dataclass(frozen=True)
class RecallRatio:
    """Mean recall of user states from old and from new vectors; the ratio old / new and its 95 % interval."""

    old: float | None = None
    new: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class OldStateRecall:
    """Recall@k among new vectors, by user states of two kinds."""

    users: int
    k: int
    mean: RecallRatio
    """States are decayed means of the likes."""
    medoids: RecallRatio
    """States are the latest likes, the nearest of which counts."""


@dataclass(frozen=True)
class UpdateReport:
    """What an update changed, and what it costs where old vectors are still used."""

    items: ItemCounts
    likes: LikeCounts
    unknown_words: UnknownWords
    moved: Movement | None
    moved_before_alignment: Movement | None
    old_state: OldStateRecall

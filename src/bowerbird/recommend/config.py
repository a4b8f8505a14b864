"""Hyper-parameters of the recommender, one frozen dataclass per component; saved in the ranker's `meta.json`.

What training chooses on validation examples (`ridge`, `content_weight`, `session_weight`, `young_share`) is
saved with the chosen value.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bowerbird.config import setting
from bowerbird.recommend.models.config import SourceConfig


@dataclass(frozen=True)
class SessionConfig:
    """A session that goes on; see `rerank.session`."""

    seconds: int = setting(1_800, "How long a like counts for its session", "seconds")
    max_likes: int = setting(5, "Latest likes of a session that count", "likes")


@dataclass(frozen=True)
class ListConfig:
    """From ranked candidates to a list; see `recommender`."""

    pool: int = setting(100, "Best candidates that diversity chooses from; at least twice the list", "items")
    candidates_per_item: int = setting(4, "Candidates of each source for an item of a long list", "items")
    interest_boost: float = setting(
        0.25, "Added to a relevance of 0 to 1 in an interest that the user boosted"
    )
    outcome_weight: float = setting(0.25, "Of the target outcome's order, next to 1 for that by relevance")
    temperature: float = setting(0.2, "Of the softmax at full exploration, where values lie between 0 and 1")


@dataclass(frozen=True)
class TrainingConfig:
    """How the ranker is trained and what it chooses from; see `ranker.training`."""

    max_examples: int = setting(1500, "Training examples in all", "examples")
    moments: tuple[float, ...] = setting(
        (4 / 7, 5 / 7, 6 / 7), "Moments after which all users are asked", "shares of the likes before them"
    )
    user_folds: int = setting(4, "Parts of the users, each seen once as new users", "folds")
    new_user_shares: tuple[float, ...] = setting((0.8, 0.5), "Of a new user's likes, given", "shares")
    new_user_counts: tuple[int, ...] = setting((1, 5), "Of a new user's likes, given as well", "likes")
    min_examples: int = setting(100, "With fewer the plain fusion orders", "examples")
    validation_every: int = setting(4, "One example in so many is for validation", "examples")
    max_negatives: int = setting(100, "Candidates of an example that were not liked", "candidates")
    ridges: tuple[float, ...] = setting((30.0, 100.0, 300.0, 1000.0), "Choices of the L2 penalty λ")
    ridge_examples: int = setting(300, "Examples of a fold that choose λ", "examples")
    content_weights: tuple[float, ...] = setting((0.1, 0.3, 1.0, 3.0), "Choices of the weight of content")
    session_weights: tuple[float, ...] = setting((0.0, 0.1, 0.25, 0.5), "Choices of the session's weight")
    young_shares: tuple[float, ...] = setting(
        (0.0, 0.05, 0.1, 0.15, 0.2), "Choices of the share of ranks reserved for young items"
    )
    young_value: float = setting(
        5.0, "Value of a like of a young item next to 1: its first likes make an item known"
    )
    young_cost: float = setting(0.02, "nDCG that ranks for young items may cost", "share of nDCG")
    min_in_group: int = setting(20, "With fewer validation examples nothing is chosen by them", "examples")
    cutoff: int = setting(20, "Of nDCG and recall on validation examples", "items")
    learning_rate: float = setting(0.05, "Of gradient boosting")
    num_leaves: int = setting(15, "Of a tree, at most", "leaves")
    min_data_in_leaf: int = setting(100, "Rows of a leaf, at least", "rows")
    lambda_l2: float = setting(10.0, "L2 penalty of the leaves")
    truncation: int = setting(30, "LambdaRank learns from pairs with one item above this rank", "items")
    rounds: int = setting(150, "Trees", "trees")


@dataclass(frozen=True)
class OutcomeConfig:
    """Probabilities of outcomes; see `outcomes`."""

    shown_days: float = setting(
        1.0, "An outcome counts for the impression before it within this time", "days"
    )
    session_days: float = setting(
        7.0, "An outcome counts for a session within this time of its start", "days"
    )
    list_seconds: float = setting(
        60.0, "A user's impressions within this time of the first form one list", "seconds"
    )
    break_hours: float = setting(6.0, "A session begins after this time without an event", "hours")
    min_outcomes: int = setting(
        20, "An outcome needs as many in the training rows, and again in those for calibration", "outcomes"
    )
    max_lists: int = setting(1500, "Lists sampled from each period", "lists")
    max_sessions: int = setting(
        300, "Sessions sampled from each period, where no lists are logged", "sessions"
    )
    max_offered: int = setting(100, "Items offered to a session; a logged list has about a dozen", "items")
    learning_rate: float = setting(0.05, "Of gradient boosting")
    num_leaves: int = setting(7, "Of a tree, at most", "leaves")
    min_data_in_leaf: int = setting(100, "Rows of a leaf, at least", "rows")
    lambda_l2: float = setting(10.0, "L2 penalty of the leaves")
    rounds: int = setting(100, "Trees of a model", "trees")


@dataclass(frozen=True)
class CompletionConfig:
    """Completion of sets; see `completion`."""

    candidates_per_item: int = setting(4, "Candidates of each source for an item of a long list", "items")
    folds: int = setting(4, "Parts of the sets, each hidden once from the sources", "folds")
    max_examples: int = setting(2_000, "Training examples in all", "examples")


@dataclass(frozen=True)
class RankerConfig:
    """The ranker and everything that it is made of."""

    per_source: int = setting(200, "Candidates of each source", "items")
    learned_weight: float = setting(3.0, "Of the learned order, next to 1 for the plain fusion")
    content_weight: float = setting(1.0, "Of content in the plain fusion, chosen in training")
    session_weight: float = setting(0.0, "Of a session's likes next to 1 for the ranker, chosen in training")
    young_share: float = setting(0.0, "Of a list's ranks, reserved for young items, chosen in training")
    source: SourceConfig = field(default_factory=SourceConfig)
    session: SessionConfig = field(default_factory=SessionConfig)
    lists: ListConfig = field(default_factory=ListConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    outcomes: OutcomeConfig = field(default_factory=OutcomeConfig)

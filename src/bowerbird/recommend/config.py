"""Hyper-parameters of the recommender, one frozen dataclass per component; saved in the ranker's `meta.json`.

What training chooses on validation examples (`ridge`, `content_weight`, `session_weight`, `young_share`) is
saved with the chosen value.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bowerbird.config import setting


@dataclass(frozen=True)
class PopularityConfig:
    """Popularity as of a moment; see `models.popularity`."""

    trend_share: float = setting(0.1, "Half-life of the trend", "share of the log's span")
    month: float = setting(30.0, "Half-life of what was liked in the last weeks", "days")
    year: float = setting(300.0, "Half-life of what was liked in the last year", "days")
    steps: int = setting(16, "Moments are rounded down to this fraction of a half-life", "per half-life")
    max_age: int = setting(6, "Age after which a like no longer counts", "half-lives")
    prior_events: float = setting(
        5.0, "Events by which the overall share of likes counts in approval", "events"
    )
    beginner_likes: float = setting(10.0, "The k-th like counts 1/(1 + k/this) as a beginner's like", "likes")
    min_density: float = setting(1e-2, "Added to the density of likes around an id before its logarithm")


@dataclass(frozen=True)
class CoEngagementConfig:
    """Ridge regression of items on items; see `models.coengagement`."""

    ridge: float = setting(100.0, "L2 penalty λ, chosen in training")
    max_users: int = setting(4000, "The most active users, who are fitted on: 64 MB", "users")


@dataclass(frozen=True)
class AffinityConfig:
    """Preferences for attribute values; see `models.attribute_affinity`."""

    max_facets: int = setting(16, "The most frequent facets", "facets")
    min_share: float = setting(0.02, "Items that a facet must have", "share of the catalogue")
    depths: int = setting(4, "Levels of the category path", "levels")
    prior: float = setting(3.0, "Likes by which all users' share counts, next to the user's own", "likes")
    min_likes: float = setting(
        0.5, "Added to every value: not yet liked is unlikely, not impossible", "likes"
    )


@dataclass(frozen=True)
class LatentFactorConfig:
    """Truncated SVD of the likes; see `models.latent_factors`."""

    rank: int = setting(32, "Directions", "factors")
    user_power: float = setting(0.5, "Likes are divided by this power of the user's number of likes")
    item_power: float = setting(0.3, "Likes are divided by this power of the item's number of likes")


@dataclass(frozen=True)
class TransitionConfig:
    """Likes after likes; see `models.transitions`."""

    reach: int = setting(30, "Maximal distance of two likes in one user's history", "likes")
    window: int = setting(365, "Maximal time between them", "days")
    max_likes: int = setting(300_000, "The latest likes, which are fitted on", "likes")
    backwards: float = setting(0.5, "Weight of the reverse order")
    shrink: float = setting(5.0, "Added to an item's likes in the normalisation", "likes")
    latest: int = setting(20, "Latest likes of a user that count", "likes")


@dataclass(frozen=True)
class IdNeighbourhoodConfig:
    """Likes of items with neighbouring ids; see `models.id_neighbourhood`."""

    width: int = setting(100, "Standard deviation of the kernel", "items")
    narrow: int = setting(30, "Standard deviation of the narrow kernel, which separates collections", "items")
    reach: int = setting(3, "Ids to either side of a liked item that are its neighbours", "items")
    weight: float = setting(0.05, "Of the neighbourhood of a cold item, added to its similarity")


@dataclass(frozen=True)
class ContentConfig:
    """Similarity by vectors; see `sources.content`."""

    lookups: int = setting(16, "Latest likes whose neighbours an index is asked for, .3 ms each", "likes")
    lookup_depth: int = setting(48, "Neighbours of each", "items")
    cold_lookups: int = setting(4, "Likes whose cold neighbours it is asked for if there are few", "likes")


@dataclass(frozen=True)
class WalkConfig:
    """Random walks over users and items; see `sources.walks`."""

    steps: int = setting(2_000, "Length of all walks of a request", "steps")
    max_proposals: int = setting(100, "Most visited items that become candidates", "items")


@dataclass(frozen=True)
class QueryConfig:
    """What a user's recent likes are; see `query`."""

    recent: int = setting(40, "Latest liked items whose vectors represent a user", "items")
    half_life: float = setting(30.0, "Of their weights, before the user's last event", "days")


@dataclass(frozen=True)
class SourceConfig:
    """All candidate sources."""

    popularity: PopularityConfig = field(default_factory=PopularityConfig)
    coengagement: CoEngagementConfig = field(default_factory=CoEngagementConfig)
    affinity: AffinityConfig = field(default_factory=AffinityConfig)
    latent_factors: LatentFactorConfig = field(default_factory=LatentFactorConfig)
    transitions: TransitionConfig = field(default_factory=TransitionConfig)
    ids: IdNeighbourhoodConfig = field(default_factory=IdNeighbourhoodConfig)
    content: ContentConfig = field(default_factory=ContentConfig)
    walks: WalkConfig = field(default_factory=WalkConfig)
    query: QueryConfig = field(default_factory=QueryConfig)


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

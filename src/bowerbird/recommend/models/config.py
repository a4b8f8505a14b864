"""Hyper-parameters of candidate sources and of their models, one frozen dataclass each."""

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

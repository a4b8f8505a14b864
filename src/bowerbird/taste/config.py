"""Hyper-parameters of the taste graph."""

from __future__ import annotations

from dataclasses import dataclass

from bowerbird.config import setting
from bowerbird.data.versions.meta import VersionMeta


@dataclass(frozen=True)
class ClusteringConfig:
    """Groups of items: fine centres by spherical k-means, joined by Ward's method."""

    iterations: int = setting(12, "Iterations of k-means")
    fine_per_group: int = setting(8, "Centres of k-means for each group, before they are joined")
    max_fine: int = setting(800, "Maximum number of these centres")
    sample: int = setting(20_000, "Rows that the centres are fitted on", "items")


@dataclass(frozen=True)
class NamingConfig:
    """Names of groups, from the values that set them apart."""

    max_sampled: int = setting(100_000, "Items whose attributes are read, evenly spaced", "items")
    min_share: float = setting(0.34, "Share of a group's items that have a value, from which it names them")
    min_lift: float = setting(1.2, "How much more frequent a value is there than in the catalogue", "×")
    max_words: int = setting(3, "Values in a name")


@dataclass(frozen=True)
class InterestConfig:
    """Interests: groups of items that lie close together in the vector space."""

    min_groups: int = setting(4, "Minimum number of interests")
    max_groups: int = setting(2_000, "Maximum number of interests")
    items_per_group: int = setting(12, "Mean size in catalogues below 400 items", "items")
    groups_per_root: float = setting(1.5, "Interests of a larger catalogue", "× √items")
    same_group: float = setting(0.3, "Jaccard similarity of items from which a group keeps a former id")
    clustering: ClusteringConfig = ClusteringConfig()
    naming: NamingConfig = NamingConfig()


@dataclass(frozen=True, kw_only=True)
class InterestsMeta(VersionMeta):
    """Interests of the items of one version of the vectors."""

    KIND = "interests"

    config: InterestConfig = InterestConfig()
    vectors: str
    """Version of the vectors that they were made from."""
    interests: int
    themes: int


@dataclass(frozen=True)
class DriftConfig:
    """Detection of a change of taste by a likelihood ratio."""

    sharpness: float = setting(8.0, "s of the kernel exp(s · cosine)")
    chance_share: float = setting(0.2, "Share of likes that nothing explains")
    min_sessions_before: int = setting(3, "Sessions before a change", "sessions")
    max_sessions_back: int = setting(4, "How long ago a change may have begun", "sessions")
    max_age_days: float = setting(30.0, "How long ago a change may have begun", "days")
    perhaps_evidence: float = setting(2.6, 'Evidence from which a change is reported with "perhaps"', "nats")
    clear_evidence: float = setting(5.3, 'Evidence from which a change is reported without "perhaps"', "nats")


@dataclass(frozen=True)
class WalkConfig:
    """Random walks with restart over users and items."""

    steps: int = setting(10_000, "Steps of all walks of a user", "steps")
    starts: int = setting(32, "Latest liked items from which walks start", "items")
    restart: float = setting(0.5, "Probability of going back to the start after a step")
    min_steps: int = setting(20, "Steps of a start, below which it does not walk", "steps")


@dataclass(frozen=True)
class SimilarUsersConfig:
    """What is shown of users with a similar taste, k-anonymous."""

    k: int = setting(20, "Users who must share what is shown", "users")
    rounding: int = setting(5, "Counts are rounded down to multiples of this", "users")
    min_similarity: float = setting(0.5, "Cosine of two users' interest weights")
    max_shown: int = setting(10, "Interests and items shown")


@dataclass(frozen=True)
class ProfileConfig:
    """What is shown of one user."""

    max_recent: int = setting(12, "Latest events", "events")
    max_examples: int = setting(3, "The user's items for each interest", "items")
    timeline_moments: int = setting(60, "Moments of the timeline")
    timeline_interests: int = setting(12, "Interests of the timeline")
    max_users: int = setting(20_000, "Most active users who are compared with one", "users")
    sample: int = setting(2_000, "Items that similarity is measured against", "items")
    boost: float = setting(2.0, "Factor on the weight of a boosted interest", "×")


@dataclass(frozen=True)
class TasteConfig:
    """All of them that no version is made by."""

    drift: DriftConfig = DriftConfig()
    walks: WalkConfig = WalkConfig()
    similar_users: SimilarUsersConfig = SimilarUsersConfig()
    profile: ProfileConfig = ProfileConfig()


TASTE_CONFIG = TasteConfig()

"""Candidate sources, each in its own file. The order of this list is the order of the ranker's features."""

from bowerbird.recommend.sources.affinity import AffinitySource
from bowerbird.recommend.sources.coengagement import CoEngagementSource
from bowerbird.recommend.sources.content import ColdItemSource, SimilarSource, TasteCentreSource
from bowerbird.recommend.sources.id_neighbourhood import IdNeighbourhoodSource
from bowerbird.recommend.sources.latent_factors import LatentFactorSource
from bowerbird.recommend.sources.popularity import PopularSource, TrendingSource
from bowerbird.recommend.sources.source import Source
from bowerbird.recommend.sources.transitions import TransitionSource
from bowerbird.recommend.sources.walks import WalkSource

SOURCES: tuple[type[Source], ...] = (
    CoEngagementSource,
    LatentFactorSource,
    TransitionSource,
    SimilarSource,
    TasteCentreSource,
    ColdItemSource,
    AffinitySource,
    IdNeighbourhoodSource,
    WalkSource,
    TrendingSource,
    PopularSource,
)

__all__ = ["SOURCES", "Source"]

"""Recommenders that ours is judged beside, each a `bowerbird.data.ranker.Ranker`."""

from bowerbird.evaluate.baselines.ease import EASE
from bowerbird.evaluate.baselines.generic import GenericMax, GenericMean
from bowerbird.evaluate.baselines.ials import IALS
from bowerbird.evaluate.baselines.itemknn import ItemKNN
from bowerbird.evaluate.baselines.popularity import Popularity, RecentPopularity
from bowerbird.evaluate.baselines.tuning import Tuned, classical_baselines

__all__ = [
    "EASE",
    "IALS",
    "GenericMax",
    "GenericMean",
    "ItemKNN",
    "Popularity",
    "RecentPopularity",
    "Tuned",
    "classical_baselines",
]

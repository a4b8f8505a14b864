"""Baselines that bowerbird is compared with, each a `bowerbird.evaluate.ranker.Ranker`."""

from bowerbird.evaluate.baselines.bpr import BPR
from bowerbird.evaluate.baselines.ease import EASE
from bowerbird.evaluate.baselines.generic import GenericMax, GenericMean
from bowerbird.evaluate.baselines.ials import IALS
from bowerbird.evaluate.baselines.itemknn import ItemKNN
from bowerbird.evaluate.baselines.popularity import Popularity, RecentPopularity
from bowerbird.evaluate.baselines.standard import Effort, standard_baselines
from bowerbird.evaluate.baselines.tuning import Tuned

__all__ = [
    "BPR",
    "EASE",
    "IALS",
    "Effort",
    "GenericMax",
    "GenericMean",
    "ItemKNN",
    "Popularity",
    "RecentPopularity",
    "Tuned",
    "standard_baselines",
]

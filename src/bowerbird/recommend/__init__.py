"""What to show: candidates with reasons, an outcome ranker, diversity."""

from bowerbird.recommend.ranking import OurRanker

__all__ = ["OurRanker"]

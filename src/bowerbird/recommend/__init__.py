"""What to show: candidates with reasons, a learnt order, chances of outcomes, diversity."""

from bowerbird.recommend.ranking import OurRanker

__all__ = ["OurRanker"]

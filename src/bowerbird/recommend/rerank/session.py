"""Session-based reranking: a running session's likes say more about the next one than a long history.

The weights of a history decay over weeks, as tastes do; a session has one goal. While it lasts, candidates
near its likes move up: one more ranking in the reciprocal-rank fusion, next to the ranker's own. Outside of
a session nothing changes.
"""

from __future__ import annotations

from bowerbird.data.arrays import IntArray, RealArray
from bowerbird.data.interactions import History
from bowerbird.data.ranks import fuse_ranks, ranks_of
from bowerbird.data.times import SECOND
from bowerbird.recommend.config import SessionConfig
from bowerbird.recommend.context import Matrix
from bowerbird.recommend.query import latest


def session_likes(liked: History, now: int, config: SessionConfig) -> History:
    """Return the likes of the session running at `now` (microseconds), each item once, oldest first."""
    is_in_session = (liked.at >= now - config.seconds * SECOND) & (liked.at <= now)
    return latest(liked.where(is_in_session), config.max_likes)


def session_ranks(
    positions: IntArray, liked: History, now: int, vectors: Matrix, config: SessionConfig
) -> IntArray | None:
    """Rank candidates (C,) by similarity to the nearest like of a session, (C,); None outside of one."""
    session = session_likes(liked, now, config)
    if not len(session) or not len(positions):
        return None
    return ranks_of((vectors[session.items] @ vectors[positions].T).max(axis=0))


def rerank_by_session(scores: RealArray, ranks: IntArray | None, weight: float) -> RealArray:
    """Adapt the scores of candidates (C,) to a session, by its ranks (C,); unchanged outside of one.

    `weight` is the weight of the session's ranking; the ranker's has weight 1.
    """
    if ranks is None or weight == 0:
        return scores
    return fuse_ranks([(1.0, ranks_of(scores)), (weight, ranks)])

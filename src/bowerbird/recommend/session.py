"""What somebody is after just now: the likes of a visit that goes on say more of its next one.

A history's weights decay over weeks, as tastes do; a visit has one errand. While it lasts, candidates near
its likes move up: one more order in the fusion by reciprocal ranks, beside the ranker's own. Outside of a
visit nothing changes.
"""

from __future__ import annotations

import numpy as np

from bowerbird.data.interactions import History
from bowerbird.recommend.features import World, latest
from bowerbird.taste.state import SECOND

VISIT_SECONDS = 1_800
"""A like speaks for a visit for so long."""
SPEAKING = 5  # latest likes of the visit
VISIT_SAY = 0.25
"""Of the order by a visit, beside 1 for the ranker's; see docs/log.md."""


def visit_of(liked: History, now: int) -> History:
    """The likes of a visit that goes on at `now` (microseconds), each item once, oldest first."""
    return latest(liked.where(liked.at >= now - VISIT_SECONDS * SECOND), SPEAKING)


def near_visit(candidates: np.ndarray, visit: History, world: World) -> np.ndarray:
    """The highest similarity of each candidate (C,) to one of a visit's likes, (C,) float32."""
    nearest: np.ndarray = (world.matrix[visit.items] @ world.matrix[candidates].T).max(axis=0)
    return nearest

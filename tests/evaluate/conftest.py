"""Interactions with a known answer, and random ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import Interactions

DAY_US = 86_400_000_000


def interactions_of(
    pairs: Sequence[tuple[int, int]], n_items: int, action: Action = Action.CLICK
) -> Interactions:
    """One event per day, in the given order; users are named u0, u1, …"""
    user, item = np.array(pairs, np.int64).reshape(-1, 2).T
    users = [f"u{k}" for k in range(int(user.max(initial=-1)) + 1)]
    code = np.full(len(user), ACTION_CODE[action], np.int8)
    return Interactions(users, user, item, code, np.arange(len(user)) * DAY_US, n_items)


@pytest.fixture
def two_groups() -> Interactions:
    """Even users like even items, odd users odd ones; the only unseen item of user k's group is item k."""
    return interactions_of([(k, i) for k in range(20) for i in range(k % 2, 20, 2) if i != k], n_items=20)


@pytest.fixture
def random_likes() -> Interactions:
    """40 users, 20 items, likes sampled by popularity and three interests, some twice."""
    rng = np.random.default_rng(0)
    weight = (np.arange(20)[None] % 3 == np.arange(40)[:, None] % 3) * 3.0 + 1.0
    weight = weight / np.arange(1, 21)[None]
    likes = [(u, int(i)) for u in range(40) for i in rng.choice(20, 8, p=weight[u] / weight[u].sum())]
    return interactions_of([likes[k] for k in rng.permutation(len(likes))], n_items=20)

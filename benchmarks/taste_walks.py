"""Speed of walks over the live graph, compared with the same walk over plain arrays.

All arms walk the same graph, as stored in the ring buffers, from the same starts, alternating over five
rounds:

- bowerbird: the live ring buffers, recording each item's best start and path, boosting items of several
  starts, best first;
- plain numba: the same steps over two CSR matrices, counting visits only;
- scipy.sparse: the same steps by the matrices' `indptr` and `indices`, all walks of a user concurrently
  (numpy);
- scipy power: no walk, but the chain itself: ten products of a vector with the two matrices, which is exact.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numba import njit

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.times import DAY, SECOND
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.walk_kernel import RESTART
from bowerbird.taste.state.walks import STARTS, STEPS

USERS, ITEMS, EVENTS = 100_000, 25_000, 3_000_000
ROUNDS, WALKS = 5, 100
CONCURRENT_WALKS = 320  # walks of one user that numpy advances together, `STEPS` steps in all


def measure_walks() -> dict[str, Any]:
    user_states = _simulate_states()
    likes = _likes_matrix(user_states)
    users_of_items, items_of_users = likes.T.tocsr(), likes.tocsr()  # item → users, user → items
    graph = (users_of_items.indptr, users_of_items.indices, items_of_users.indptr, items_of_users.indices)
    rng = np.random.default_rng(1)
    start_sets = [np.unique(rng.choice(ITEMS, STARTS, p=_shares(ITEMS))) for _ in range(WALKS)]
    visits = np.zeros(ITEMS, np.int32)
    arms: dict[str, Callable[[np.ndarray, int], object]] = {
        "bowerbird": lambda starts, seed: user_states.walk(
            "nobody", starts, np.ones(len(starts)), STEPS, seed
        ),
        "plain numba": lambda starts, seed: plain_walk(*graph, starts, STEPS, RESTART, seed, visits),
        "scipy.sparse": lambda starts, seed: stepwise_walk(*graph, starts, seed),
        "scipy power": lambda starts, seed: power_iteration(users_of_items, items_of_users, starts),
    }
    seconds_by_arm: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(ROUNDS + 1):  # the first one is a warm-up and compiles
        for name, walk in arms.items():
            start_sets_used = start_sets if name != "scipy power" else start_sets[:5]
            start_time = time.perf_counter()
            for seed, starts in enumerate(start_sets_used):
                walk(starts, 1 + seed)
            if turn:
                seconds_by_arm[name].append((time.perf_counter() - start_time) / len(start_sets_used))
    medians = {name: float(np.median(seconds)) for name, seconds in seconds_by_arm.items()}
    result: dict[str, Any] = {
        "graph": f"{USERS:,} users, {ITEMS:,} items, {likes.nnz:,} likes in users' ring buffers",
        "walks_per_s": {name: round(1 / seconds) for name, seconds in medians.items()},
        "steps_per_s": {
            name: round(STEPS / seconds) for name, seconds in medians.items() if name != "scipy power"
        },
    }
    for name in ("plain numba", "scipy.sparse", "scipy power"):
        ratios = sorted(
            other_seconds / own_seconds
            for own_seconds, other_seconds in zip(
                seconds_by_arm["bowerbird"], seconds_by_arm[name], strict=True
            )
        )
        result[f"bowerbird over {name} [median, min, max]"] = [
            round(ratios[k], 2) for k in (len(ratios) // 2, 0, -1)
        ]
    return result


def _simulate_states() -> UserStates:
    """Simulate users with about thirty likes each, a few more active; a few items get most likes."""
    rng = np.random.default_rng(0)
    user_states = UserStates(np.zeros(ITEMS, np.int64))
    rows = user_states.rows_of([f"user-{k:07d}" for k in range(USERS)])
    for start in range(0, EVENTS, 100_000):
        count = min(100_000, EVENTS - start)
        user_rows = rows[(USERS * rng.random(count) ** 1.5).astype(np.int64)]
        item_numbers = rng.choice(ITEMS, count, p=_shares(ITEMS))
        at = 20_000 * DAY + (start + np.arange(count)) * SECOND
        user_states.learn(user_rows, at, item_numbers, np.full(count, ACTION_CODE["click"], np.int8))
    return user_states


def _shares(count: int) -> np.ndarray:
    weights = 1 / (np.arange(count) + 50.0)
    shares: np.ndarray = weights / weights.sum()
    return shares


def _likes_matrix(user_states: UserStates) -> Any:
    """Build the matrix of likes in users' ring buffers, sparse (users, items)."""
    item, _, count = user_states.table.arrays
    liked_by_row = [(row, item[row, : count[row]]) for row in range(USERS)]
    rows = np.repeat(np.arange(USERS), [len(liked_items) for _, liked_items in liked_by_row])
    return sparse.csr_matrix(
        (
            np.ones(len(rows), np.float32),
            (rows, np.concatenate([liked_items for _, liked_items in liked_by_row])),
        )
    )


@njit(cache=True, nogil=True)
def plain_walk(user_starts, users, item_starts, items, starts, steps, restart, seed, visits):  # type: ignore[no-untyped-def]
    """Walk from each start in turn over CSR arrays; return the most visited item."""
    visits[:] = 0
    np.random.seed(seed)
    steps_per_start = steps // len(starts)
    for start in starts:
        item = start
        for _ in range(steps_per_start):
            begin, end = user_starts[item], user_starts[item + 1]
            if begin == end:
                break
            user = users[begin + np.random.randint(end - begin)]
            begin, end = item_starts[user], item_starts[user + 1]
            next_item = items[begin + np.random.randint(end - begin)]
            visits[next_item] += 1
            item = start if np.random.random() < restart else next_item
    return visits.argmax()


def stepwise_walk(
    user_starts: np.ndarray,
    users: np.ndarray,
    item_starts: np.ndarray,
    items: np.ndarray,
    starts: np.ndarray,
    seed: int,
) -> int:
    """Walk as `plain_walk` does, `CONCURRENT_WALKS` walks together."""
    rng = np.random.default_rng(seed)
    origin = np.resize(starts, CONCURRENT_WALKS)
    current, visits = origin.copy(), np.zeros(ITEMS, np.int64)
    for _ in range(STEPS // CONCURRENT_WALKS):
        degrees = user_starts[current + 1] - user_starts[current]
        walk_users = users[user_starts[current] + (rng.random(CONCURRENT_WALKS) * degrees).astype(np.int64)]
        degrees = item_starts[walk_users + 1] - item_starts[walk_users]
        current = items[item_starts[walk_users] + (rng.random(CONCURRENT_WALKS) * degrees).astype(np.int64)]
        visits += np.bincount(current, minlength=ITEMS)
        current = np.where(rng.random(CONCURRENT_WALKS) < RESTART, origin, current)
    return int(visits.argmax())


def power_iteration(users_of_items: Any, items_of_users: Any, starts: np.ndarray) -> int:
    """Compute the walk's Markov chain exactly, by ten steps of power iteration."""
    likers_per_item = np.maximum(np.diff(users_of_items.indptr), 1)
    likes_per_user = np.maximum(np.diff(items_of_users.indptr), 1)
    origin = np.zeros(ITEMS, np.float32)
    origin[starts] = 1 / len(starts)
    distribution, visits = origin, np.zeros(ITEMS, np.float32)
    for _ in range(10):
        next_distribution = items_of_users.T @ (
            (users_of_items.T @ (distribution / likers_per_item)) / likes_per_user
        )
        visits += next_distribution
        distribution = RESTART * origin + (1 - RESTART) * next_distribution
    return int(visits.argmax())

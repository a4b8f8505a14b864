"""How fast walks over the live graph are, beside the same walk over arrays made for nothing else.

All arms walk the same graph, as the rings hold it, from the same starts, in turn, over five rounds:

- ours: the live rings, with each item's best start and way kept, items of several starts boosted, best first;
- plain numba: the same steps over two CSR matrices, counting visits and nothing else;
- scipy.sparse: the same steps by the matrices' `indptr` and `indices`, all walks of a person at once (numpy);
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
from bowerbird.taste.state.user_state import DAY, SECOND
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.walks import RESTART, STARTS, STEPS

PEOPLE, ITEMS, EVENTS = 100_000, 25_000, 3_000_000
ROUNDS, WALKS = 5, 100
AT_ONCE = 320  # walks of one person that numpy takes in step: as many steps each as make `STEPS`


def walks() -> dict[str, Any]:
    everyone = _grown()
    likes = _likes(everyone)
    to_people, to_items = likes.T.tocsr(), likes.tocsr()  # item → people, person → items
    graph = (to_people.indptr, to_people.indices, to_items.indptr, to_items.indices)
    rng = np.random.default_rng(1)
    asked = [np.unique(rng.choice(ITEMS, STARTS, p=_shares(ITEMS))) for _ in range(WALKS)]
    visits = np.zeros(ITEMS, np.int32)
    arms: dict[str, Callable[[np.ndarray, int], object]] = {
        "ours": lambda starts, seed: everyone.walk("nobody", starts, np.ones(len(starts)), STEPS, seed),
        "plain numba": lambda starts, seed: plain_walk(*graph, starts, STEPS, RESTART, seed, visits),
        "scipy.sparse": lambda starts, seed: stepwise_walk(*graph, starts, seed),
        "scipy power": lambda starts, seed: powers(to_people, to_items, starts),
    }
    spent: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(ROUNDS + 1):  # the first one compiles and warms
        for name, walk in arms.items():
            some = asked if name != "scipy power" else asked[:5]
            started = time.perf_counter()
            for seed, starts in enumerate(some):
                walk(starts, 1 + seed)
            if turn:
                spent[name].append((time.perf_counter() - started) / len(some))
    middle = {name: float(np.median(one)) for name, one in spent.items()}
    told: dict[str, Any] = {
        "graph": f"{PEOPLE:,} people, {ITEMS:,} items, {likes.nnz:,} likes in people's rings",
        "walks_per_s": {name: round(1 / one) for name, one in middle.items()},
        "steps_per_s": {name: round(STEPS / one) for name, one in middle.items() if name != "scipy power"},
    }
    for name in ("plain numba", "scipy.sparse", "scipy power"):
        ratios = sorted(theirs / ours for ours, theirs in zip(spent["ours"], spent[name], strict=True))
        told[f"ours over {name} [median, least, most]"] = [
            round(ratios[k], 2) for k in (len(ratios) // 2, 0, -1)
        ]
    return told


def _grown() -> UserStates:
    """People with some thirty likes each, a few busier; a few items are liked most."""
    rng = np.random.default_rng(0)
    everyone = UserStates(np.zeros(ITEMS, np.int64))
    rows = everyone.rows_of([f"person-{k:07d}" for k in range(PEOPLE)])
    for start in range(0, EVENTS, 100_000):
        count = min(100_000, EVENTS - start)
        who = rows[(PEOPLE * rng.random(count) ** 1.5).astype(np.int64)]
        what = rng.choice(ITEMS, count, p=_shares(ITEMS))
        at = 20_000 * DAY + (start + np.arange(count)) * SECOND
        everyone.learn(who, at, what, np.full(count, ACTION_CODE["click"], np.int8))
    return everyone


def _shares(count: int) -> np.ndarray:
    weights = 1 / (np.arange(count) + 50.0)
    shares: np.ndarray = weights / weights.sum()
    return shares


def _likes(everyone: UserStates) -> Any:
    """Which likes the rings of items and people both hold, sparse (people, items)."""
    item, _, count = everyone.table.arrays
    held = [(row, item[row, : count[row]]) for row in range(PEOPLE)]
    rows = np.repeat(np.arange(PEOPLE), [len(one) for _, one in held])
    return sparse.csr_matrix(
        (np.ones(len(rows), np.float32), (rows, np.concatenate([one for _, one in held])))
    )


@njit(cache=True, nogil=True)
def plain_walk(people_at, people, items_at, items, starts, steps, restart, seed, visits):  # type: ignore[no-untyped-def]
    """Steps from each start in turn over CSR arrays; gives what was visited most."""
    visits[:] = 0
    np.random.seed(seed)
    each = steps // len(starts)
    for start in starts:
        here = start
        for _ in range(each):
            first, end = people_at[here], people_at[here + 1]
            if first == end:
                break
            person = people[first + np.random.randint(end - first)]
            first, end = items_at[person], items_at[person + 1]
            after = items[first + np.random.randint(end - first)]
            visits[after] += 1
            here = start if np.random.random() < restart else after
    return visits.argmax()


def stepwise_walk(
    people_at: np.ndarray,
    people: np.ndarray,
    items_at: np.ndarray,
    items: np.ndarray,
    starts: np.ndarray,
    seed: int,
) -> int:
    """As `plain_walk`, `AT_ONCE` walks in step."""
    rng = np.random.default_rng(seed)
    origin = np.resize(starts, AT_ONCE)
    here, visits = origin.copy(), np.zeros(ITEMS, np.int64)
    for _ in range(STEPS // AT_ONCE):
        wide = people_at[here + 1] - people_at[here]
        person = people[people_at[here] + (rng.random(AT_ONCE) * wide).astype(np.int64)]
        wide = items_at[person + 1] - items_at[person]
        here = items[items_at[person] + (rng.random(AT_ONCE) * wide).astype(np.int64)]
        visits += np.bincount(here, minlength=ITEMS)
        here = np.where(rng.random(AT_ONCE) < RESTART, origin, here)
    return int(visits.argmax())


def powers(to_people: Any, to_items: Any, starts: np.ndarray) -> int:
    """The chain of the walk by ten steps of its matrix."""
    likers = np.maximum(np.diff(to_people.indptr), 1)
    liked = np.maximum(np.diff(to_items.indptr), 1)
    origin = np.zeros(ITEMS, np.float32)
    origin[starts] = 1 / len(starts)
    here, visits = origin, np.zeros(ITEMS, np.float32)
    for _ in range(10):
        after = to_items.T @ ((to_people.T @ (here / likers)) / liked)
        visits += after
        here = RESTART * origin + (1 - RESTART) * after
    return int(visits.argmax())

"""Places for young items: as many as the share says at every length, and nothing else changes."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.recommend.rerank.diversity import diversify
from bowerbird.recommend.rerank.reserve import Reserve

from .test_diversity import pool

LISTS = st.lists(st.booleans(), max_size=40)
SHARES = st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 1.0])


def slow(is_young: np.ndarray, order: list[int], share: float, n: int) -> list[int]:
    """The definition, rank by rank: the best that is left, or the best young one if the share is not met."""
    chosen: list[int] = []
    left = list(order)
    while left and len(chosen) < n:
        behind = sum(is_young[row] for row in chosen) < int(share * (len(chosen) + 1) + 1e-9)
        young = [row for row in left if is_young[row]]
        chosen.append(young[0] if behind and young else left[0])
        left.remove(chosen[-1])
    return chosen


@given(LISTS, SHARES, st.integers(0, 50), st.randoms(use_true_random=False))
def test_it_is_the_definition(young: list[bool], share: float, n: int, random: Random) -> None:
    order = random.sample(range(len(young)), len(young))
    is_young = np.array(young, bool)
    chosen = Reserve(is_young, share).choose(np.array(order, np.int64), n)
    assert chosen.tolist() == slow(is_young, order, share, n)


@given(LISTS, SHARES)
def test_every_beginning_holds_its_share_and_both_kinds_stay_in_order(
    young: list[bool], share: float
) -> None:
    is_young = np.array(young, bool)
    chosen = Reserve(is_young, share).choose(np.arange(len(young)), len(young))
    for k in range(1, len(young) + 1):
        assert is_young[chosen[:k]].sum() >= min(int(share * k + 1e-9), is_young.sum())
    for kind in (is_young, ~is_young):
        assert chosen[kind[chosen]].tolist() == np.flatnonzero(kind).tolist()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("exploration", [0.0, 0.5])
def test_a_diverse_list_holds_the_share_too(seed: int, share: float, exploration: float) -> None:
    """Without diversity and exploration it is the order itself with its reserved places."""
    relevance, vectors = pool(seed)
    order = np.argsort(-relevance)
    is_young = np.isin(np.arange(40), order[-8:])  # the least relevant of all
    reserve = Reserve(is_young, share)
    rng = np.random.default_rng(seed)
    for diversity in (0.0, 0.4):
        chosen, chances = diversify(relevance, vectors, 12, diversity, exploration, rng, reserve)
        assert len(set(chosen.tolist())) == 12 and ((chances > 0) & (chances <= 1)).all()
        assert (np.cumsum(is_young[chosen]) >= reserve.quota(12)).all()
        if diversity == exploration == 0:
            assert chosen.tolist() == reserve.choose(order, 12).tolist()
        if share == exploration == 0:
            assert chosen.tolist() == diversify(relevance, vectors, 12, diversity)[0].tolist()


def test_the_pool_holds_the_young_ones_that_a_list_needs() -> None:
    """Of 100 rows the last five are young: a list of 20 needs two of them, the first two."""
    is_young, order = np.arange(100) >= 95, np.arange(100)
    assert Reserve(is_young, 0.1).pool(order, 50, 20).tolist() == [*range(50), 95, 96]
    assert Reserve(is_young, 0.0).pool(order, 50, 20).tolist() == list(range(50))
    assert Reserve(is_young, 0.1).pool(order, 96, 20).tolist() == [*range(96), 96, 97], "at most two more"

"""What walks promise: whom they join, and that they end at hubs."""

from __future__ import annotations

import numpy as np

from bowerbird.embed.train.negatives import SameCategory
from bowerbird.embed.train.neighbours import Strings


def of_people(*likes: list[int]) -> Strings:
    owner = np.repeat(np.arange(len(likes)), [len(one) for one in likes])
    return Strings(np.concatenate([np.array(one) for one in likes]), owner, np.arange(len(owner)))


def joined(strings: Strings, epochs: int = 300) -> set[tuple[int, int]]:
    rng = np.random.default_rng(0)
    return {(min(pair), max(pair)) for _ in range(epochs) for pair in strings.pairs(rng).tolist()}


def test_a_walk_joins_what_nobody_liked_together() -> None:
    # 8 and 9 are hubs: together a fifth of the likes and more.
    chain = of_people([0, 1], [1, 2], [2, 3], [8, 9], [9, 8], [8, 9])
    assert joined(chain) == {(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3), (8, 9)}


def test_a_walk_ends_at_a_hub() -> None:
    assert joined(of_people([0, 5], [5, 1], [5, 2], [5, 3], [6, 7])) == {
        *((0, 5), (1, 5), (2, 5), (3, 5)),
        (6, 7),
    }


def test_most_walks_are_one_step_long() -> None:
    ring = of_people(*([k, (k + 1) % 40] for k in range(40)))
    rng = np.random.default_rng(1)
    pairs = np.concatenate([ring.pairs(rng) for _ in range(100)])
    apart = np.abs(pairs[:, 0] - pairs[:, 1])
    apart = np.minimum(apart, 40 - apart)
    assert apart.max() == 3 and 0.5 < (apart == 1).mean() < 0.9


def test_hard_negatives_are_liked_and_of_the_same_category() -> None:
    likes = of_people([0, 1, 2, 3, 4, 4, 4])
    categories = np.array([7, 7, 7, 1, 1, 2, 7])  # nobody liked 5 and 6
    drawn = SameCategory(likes, categories).draw(np.repeat([0, 3], 3000), np.random.default_rng(0))
    first, second = np.bincount(drawn[:3000], minlength=7), np.bincount(drawn[3000:], minlength=7)
    np.testing.assert_allclose(first / 3000, [1 / 3, 1 / 3, 1 / 3, 0, 0, 0, 0], atol=0.04)
    np.testing.assert_allclose(second / 3000, [0, 0, 0, 1 / 4, 3 / 4, 0, 0], atol=0.04)

"""Random walks: which items they connect, and that they end at hubs."""

from __future__ import annotations

import numpy as np

from bowerbird.embed.train.negatives import SameCategoryNegatives
from bowerbird.embed.train.neighbours import InteractionSequences


def sequences_of_users(*likes: list[int]) -> InteractionSequences:
    owner = np.repeat(np.arange(len(likes)), [len(items) for items in likes])
    return InteractionSequences(
        np.concatenate([np.array(items) for items in likes]), owner, np.arange(len(owner))
    )


def sample_unordered_pairs(sequences: InteractionSequences, epochs: int = 300) -> set[tuple[int, int]]:
    rng = np.random.default_rng(0)
    return {(min(pair), max(pair)) for _ in range(epochs) for pair in sequences.sample_pairs(rng).tolist()}


def test_a_walk_connects_items_that_no_user_liked_together() -> None:
    # 8 and 9 are hubs: together a fifth of the likes and more.
    chain = sequences_of_users([0, 1], [1, 2], [2, 3], [8, 9], [9, 8], [8, 9])
    assert sample_unordered_pairs(chain) == {(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3), (8, 9)}


def test_a_walk_ends_at_a_hub() -> None:
    assert sample_unordered_pairs(sequences_of_users([0, 5], [5, 1], [5, 2], [5, 3], [6, 7])) == {
        *((0, 5), (1, 5), (2, 5), (3, 5)),
        (6, 7),
    }


def test_most_walks_are_one_step_long() -> None:
    ring = sequences_of_users(*([k, (k + 1) % 40] for k in range(40)))
    rng = np.random.default_rng(1)
    pairs = np.concatenate([ring.sample_pairs(rng) for _ in range(100)])
    distance = np.abs(pairs[:, 0] - pairs[:, 1])
    distance = np.minimum(distance, 40 - distance)
    assert distance.max() == 3 and 0.5 < (distance == 1).mean() < 0.9


def test_hard_negatives_are_liked_and_of_the_same_category() -> None:
    likes = sequences_of_users([0, 1, 2, 3, 4, 4, 4])
    categories = np.array([7, 7, 7, 1, 1, 2, 7])  # 5 and 6 have no likes
    sampled = SameCategoryNegatives(likes, categories).sample(
        np.repeat([0, 3], 3000), np.random.default_rng(0)
    )
    first, second = np.bincount(sampled[:3000], minlength=7), np.bincount(sampled[3000:], minlength=7)
    np.testing.assert_allclose(first / 3000, [1 / 3, 1 / 3, 1 / 3, 0, 0, 0, 0], atol=0.04)
    np.testing.assert_allclose(second / 3000, [0, 0, 0, 1 / 4, 3 / 4, 0, 0], atol=0.04)

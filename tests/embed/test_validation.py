"""The validation set of training, and its metrics of vectors with a known answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bowerbird.embed.meta import Quality
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.validation import HashSplit, Validator


def likes_and_split(items: int = 1200) -> tuple[InteractionSequences, HashSplit]:
    owner = np.repeat(np.arange(40), 10)
    item = np.random.default_rng(0).integers(items, size=400)
    return InteractionSequences(item, owner, np.arange(400)), HashSplit.of(
        [f"p{number}" for number in range(40)], [f"i{number}" for number in range(items)], 0
    )


def test_texts_and_pictures_find_each_other() -> None:
    likes, split = likes_and_split()
    has_both = np.arange(1200) % 2 == 0
    validator = Validator(likes, split, has_both=has_both)
    assert 20 <= len(validator.cross_modal_items) <= 100 and has_both[validator.cross_modal_items].all()
    assert (
        split.items[validator.cross_modal_items].max()
        < split.items[np.setdiff1d(np.flatnonzero(has_both), validator.cross_modal_items)].min()
    )
    vectors, own = np.eye(1200, dtype=np.float32), np.eye(1200, dtype=np.float32)[validator.cross_modal_items]
    assert validator.quality(vectors, own, own).across == 1.0
    # Shifted by one, everything finds another's: its own ties with all the others for the last place.
    n = len(own)
    assert validator.quality(vectors, own, np.roll(own, 1, 0)).across == pytest.approx(1 / math.log2(1 + n))
    assert validator.quality(vectors).across is None


def test_few_items_are_all_trained_on() -> None:
    likes, split = likes_and_split(100)
    assert not len(Validator(likes, split, has_both=np.ones(100, bool)).cross_modal_items)


def test_the_score_is_the_geometric_mean_of_the_gains() -> None:
    assert Quality(0.2, 0.2, 0.5, 0.2).score == pytest.approx(0.2)
    assert Quality(0.4, 0.1, 0.5).score == pytest.approx(0.2)
    assert Quality(0.4, None, 0.5).score == pytest.approx(0.4)

"""The judge: what it keeps to itself, and what it says of vectors with a known answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bowerbird.embed.train.neighbours import Strings
from bowerbird.embed.train.validation import Judge, Lots, Quality


def likes_and_lots(items: int = 1200) -> tuple[Strings, Lots]:
    owner = np.repeat(np.arange(40), 10)
    item = np.random.default_rng(0).integers(items, size=400)
    return Strings(item, owner, np.arange(400)), Lots.of(
        [f"p{k}" for k in range(40)], [f"i{k}" for k in range(items)], 0
    )


def test_a_text_must_find_its_picture_among_items_with_both_sides() -> None:
    likes, lots = likes_and_lots()
    both = np.arange(1200) % 2 == 0
    judge = Judge(likes, lots, both_sides=both)
    assert 20 <= len(judge.across) <= 100 and both[judge.across].all()
    assert lots.items[judge.across].max() < lots.items[np.setdiff1d(np.flatnonzero(both), judge.across)].min()
    vectors, own = np.eye(1200, dtype=np.float32), np.eye(1200, dtype=np.float32)[judge.across]
    assert judge.quality(vectors, own, own).across == 1.0
    # Shifted by one, everything finds another's: its own ties with all the others for the last place.
    n = len(own)
    assert judge.quality(vectors, own, np.roll(own, 1, 0)).across == pytest.approx(1 / math.log2(1 + n))
    assert math.isnan(judge.quality(vectors).across)


def test_few_items_are_all_learned_from() -> None:
    likes, lots = likes_and_lots(100)
    assert not len(Judge(likes, lots, both_sides=np.ones(100, bool)).across)


def test_the_score_is_a_geometric_mean_of_what_is_there() -> None:
    assert Quality(0.2, 0.2, 0.5, 0.2).score == pytest.approx(0.2)
    assert Quality(0.4, 0.1, 0.5).score == pytest.approx(0.2)
    assert Quality(0.4, math.nan, 0.5).score == pytest.approx(0.4)

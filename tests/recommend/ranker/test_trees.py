"""Compiled trees against LightGBM itself."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest

from bowerbird.recommend.ranker.trees import Trees


def fit(leaves: int, lacking: float) -> tuple[Any, np.ndarray]:
    """A model of whole and broken numbers, some of them missing, and rows with twice as many missing."""
    rng = np.random.default_rng(leaves)
    rows = rng.normal(size=(1200, 6)).astype(np.float32)
    rows[:, 0] = np.round(rows[:, 0])
    wanted = (np.nan_to_num(rows[:, 0]) * rows[:, 1] + rows[:, 2] > 0.3).astype(int)
    rows[rng.random(rows.shape) < lacking] = np.nan
    settings = {"objective": "binary", "num_leaves": leaves, "min_data_in_leaf": 5, "verbosity": -1}
    booster = lightgbm.train(settings, lightgbm.Dataset(rows, wanted), num_boost_round=25)
    others = rng.normal(size=(700, 6)).astype(np.float32)
    others[:, 0] = np.round(others[:, 0])
    others[rng.random(others.shape) < 2 * lacking + 0.01] = np.nan
    return booster, np.concatenate([rows, others])


@pytest.mark.parametrize(("leaves", "lacking"), [(2, 0.1), (7, 0.0), (15, 0.1), (32, 0.2)])
def test_trees_are_the_boosters_to_the_bit(leaves: int, lacking: float) -> None:
    booster, rows = fit(leaves, lacking)
    scores = Trees.of(booster)(rows)
    assert len(set(scores.tolist())) >= 3 * leaves, "the answer is trivial: change the seed"
    np.testing.assert_array_equal(scores, booster.predict(rows, raw_score=True))


def test_a_value_on_the_threshold_goes_where_lightgbm_sends_it() -> None:
    booster, rows = fit(15, 0.0)
    tree = booster.dump_model()["tree_info"][0]["tree_structure"]
    at = np.nextafter(np.float32(tree["threshold"]), np.float32([-np.inf, np.inf]))
    edge = np.repeat(rows[:1], 3, axis=0)
    edge[:, tree["split_feature"]] = [at[0], np.float32(tree["threshold"]), at[1]]
    np.testing.assert_array_equal(Trees.of(booster)(edge), booster.predict(edge, raw_score=True))


def test_no_rows_and_a_text_that_is_no_model() -> None:
    booster, rows = fit(7, 0.1)
    trees = Trees.of(booster)
    assert trees(rows[:0]).shape == (0,)
    with pytest.raises(ValueError, match="no LightGBM model"):
        Trees(trees.text[: len(trees.text) // 2])
    with pytest.raises(ValueError, match="40 leaves"):
        Trees.of(fit(40, 0.0)[0])

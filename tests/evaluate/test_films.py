"""On real ratings the baselines reach known values: one that is too weak would flatter bowerbird."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.evaluate import Split, build_task
from bowerbird.evaluate.baselines import EASE, ItemKNN, Popularity
from bowerbird.evaluate.metrics import recall_at
from bowerbird.evaluate.ranker import Ranker

RATINGS = Path(os.environ.get("BOWERBIRD_DATA", "../shared/data")) / "movies" / "ratings.parquet"
pytestmark = pytest.mark.skipif(not RATINGS.exists(), reason=f"no ratings at {RATINGS}")


@pytest.fixture(scope="module")
def films() -> Interactions:
    """Ratings of at least 3.5 are likes, others views."""
    table = pq.read_table(RATINGS).sort_by("timestamp")
    users, items = (pc.dictionary_encode(table[name]).combine_chunks() for name in ("userId", "movieId"))
    liked = table["rating"].to_numpy() >= 3.5
    codes = np.where(liked, ACTION_CODE[Action.SAVE], ACTION_CODE[Action.VIEW]).astype(np.int8)
    user, item = (column.indices.to_numpy().astype(np.int64) for column in (users, items))
    at = table["timestamp"].to_numpy() * 1_000_000
    return Interactions(users.dictionary.to_pylist(), user, item, codes, at, len(items.dictionary))


@pytest.mark.parametrize(
    ("ranker", "min_recall"),
    [(Popularity(), 0.07), (ItemKNN(), 0.13), (EASE(), 0.145)],
    ids=["popularity", "ItemKNN", "EASE"],
)
def test_recall_of_new_users_reaches_known_values(
    films: Interactions, ranker: Ranker, min_recall: float
) -> None:
    """Three samples of a tenth of the users: the split hashes the name, so new names give another sample."""
    recalls = []
    for sample in range(3):
        renamed = replace(films, users=[f"{sample}-{user}" for user in films.users])
        task = build_task(renamed, Holdout(None, 0.1), Split.NEW_USERS)
        ranker.fit(task.training)
        recalls.append(np.mean(recall_at(ranker.rank(task.histories, 20), task.targets, 20)))
    assert np.mean(recalls) >= min_recall

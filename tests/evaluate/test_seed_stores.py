"""The benchmark over seeds trains nothing twice, and nothing in the store itself."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.evaluate import Split, Task, build_task
from bowerbird.evaluate.baselines import BPR, ItemKNN, Tuned
from bowerbird.evaluate.metrics import recall_at
from factories import publish_vectors

HOLDOUT = Holdout(None, 0.2)


@pytest.fixture(scope="module")
def seed_stores() -> ModuleType:
    pytest.importorskip("torch")
    path = Path(__file__).parents[2] / "benchmarks" / "seed_stores.py"
    spec = importlib.util.spec_from_file_location("seed_stores", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["seed_stores"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def task(random_likes: Interactions) -> Task:
    return build_task(random_likes, HOLDOUT, Split.NEW_USERS)


class FitCounter(ItemKNN):
    """Counts its fits."""

    fits = 0

    def fit(self, events: Interactions) -> None:
        FitCounter.fits += 1
        super().fit(events)


def test_a_baseline_is_fitted_once_for_the_same_inputs(
    seed_stores: ModuleType, task: Task, tmp_path: Path
) -> None:
    generic = np.eye(20, dtype=np.float32)
    inputs = seed_stores.inputs_of(task, generic)
    assert inputs == seed_stores.inputs_of(task, generic.copy())
    assert inputs != seed_stores.inputs_of(task, generic[::-1])

    def shown(inputs: str) -> Any:
        return seed_stores.rank_with_baseline(FitCounter(), task, 5, 3, tmp_path, inputs)

    FitCounter.fits = 0
    first, again = shown(inputs), shown(inputs)
    assert FitCounter.fits == 1
    assert first.rankings.tolist() == again.rankings.tolist()
    assert first.settings == again.settings
    shown("others")
    assert FitCounter.fits == 2


def test_a_random_baseline_is_fitted_per_seed_and_tuned_once(
    seed_stores: ModuleType, task: Task, tmp_path: Path
) -> None:
    tuned = Tuned(BPR, {"epochs": (5, 30, 100)}, HOLDOUT, Split.NEW_USERS, budget=3)
    rankings = seed_stores.rank_with_baseline(tuned, task, 5, 3, tmp_path, "").rankings
    assert rankings.shape == (3, len(task.users), 5)
    assert len({ranking.tobytes() for ranking in rankings}) > 1
    alone = BPR(epochs=tuned.settings["epochs"], seed=2)
    alone.fit(task.training)
    expected = recall_at(alone.rank(task.histories, 5), task.targets, 5)
    assert recall_at(rankings[2], task.targets, 5).tolist() == expected.tolist()
    deterministic = seed_stores.rank_with_baseline(ItemKNN(), task, 5, 3, tmp_path, "").rankings
    assert len(deterministic) == 1


def test_a_seeds_store_shares_the_data_and_leaves_the_ranker_alone(
    seed_stores: ModuleType, tmp_path: Path
) -> None:
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(Catalogue.of(Item(str(k), f"item {k}") for k in range(3)))
    config = {"dim": 8, "seed": 0, "of an update": 1}
    publish_vectors(store, np.eye(3, 8), holdout=HOLDOUT, seed=0, config=config)
    with store.publishing("ranker", {}):
        pass
    copy = seed_stores.seed_store(store, tmp_path / "scratch", 0)
    assert copy.catalogue().ids == store.catalogue().ids
    published, shared = store.current("vectors"), copy.current("vectors")
    assert published is not None and shared is not None and shared.name == published.name
    assert copy.current("ranker") is None
    assert store.current("ranker") is not None

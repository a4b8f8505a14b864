"""`bowerbird evaluate` on a small store: every ranker in one table, a file per split, clear refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.events import Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.errors import InputError, StoreError
from bowerbird.recommend.evaluation import ABLATIONS, NAME

run = CliRunner().invoke
EVERY_BASELINE = {
    "popularity",
    "recent popularity",
    "ItemKNN",
    "EASE",
    "iALS",
    "BPR",
    "generic, mean of history",
    "generic, max similarity",
}


def clicks() -> Iterator[Event]:
    """40 people of two crowds; even people click even items, odd ones odd, one a day."""
    rng = np.random.default_rng(0)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for k in range(40):
        for step, pick in enumerate(rng.permutation(15)[:9]):
            at = start + timedelta(days=step, minutes=k)
            yield Event(f"u{k}", str(2 * pick + k % 2), Action.CLICK, at)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(Catalogue.of(Item(str(k), f"item {k}") for k in range(30)))
    store.log.append(list(clicks()))
    return store


def with_vectors(store: Store, holdout: Holdout) -> None:
    rng = np.random.default_rng(1)
    crowd = np.eye(2)[np.arange(30) % 2] + rng.normal(0, 0.1, (30, 2))
    with store.publishing("vectors", {"holdout": vars(holdout), "seed": 7}) as folder:
        np.save(folder / "vectors.npy", crowd.astype(np.float16))
        np.save(folder / "generic.npy", rng.normal(size=(30, 4)).astype(np.float32))
        (folder / "ids.json").write_text(json.dumps([str(k) for k in range(30)]))


def test_every_baseline_beside_ours_and_a_file_per_split(store: Store) -> None:
    events = Interactions.of(store.log.read(), store.catalogue())
    with_vectors(store, Holdout.default(events, user_share=0.2))
    said = run(
        app,
        ["evaluate", str(store.path), "--at", "5", "--json", "--baselines", "quick"],
        catch_exceptions=False,
    )
    results = json.loads(said.stdout)
    assert [one["split"] for one in results] == ["global-time", "new-users"]
    for one in results:
        names = {arm["name"] for arm in one["arms"]}
        assert names > EVERY_BASELINE
        ours = [arm["name"] for arm in one["arms"] if arm["ours"]]
        assert ours[0] == NAME and set(ABLATIONS) < set(ours)
        assert one["comparisons"][0]["ours"] == NAME
        assert one["comparisons"][0]["baseline"] in EVERY_BASELINE
        assert json.loads((store.reports / f"evaluation-{one['split']}.json").read_text()) == one
        recall = {arm["name"]: arm["metrics"]["recall@5"]["mean"] for arm in one["arms"]}
        assert recall["ours: vectors only, mean"] > recall["generic, mean of history"]  # it knows the crowds


def test_the_table_names_every_ranker(store: Store) -> None:
    events = Interactions.of(store.log.read(), store.catalogue())
    with_vectors(store, Holdout.default(events))
    said = run(
        app,
        ["evaluate", str(store.path), "--split", "global-time", "--baselines", "quick"],
        env={"COLUMNS": "160"},
    )
    assert said.exit_code == 0
    assert all(name in said.stdout for name in {*EVERY_BASELINE, *ABLATIONS, NAME})


def test_few_items_given_are_a_report_of_their_own(store: Store) -> None:
    events = Interactions.of(store.log.read(), store.catalogue())
    with_vectors(store, Holdout.default(events, user_share=0.2))
    asked = ["evaluate", str(store.path), "--given", "2", "--json", "--baselines", "quick"]
    (one,) = json.loads(run(app, asked, catch_exceptions=False).stdout)
    assert (one["split"], one["given"], one["trained"]["seed"]) == ("new-users", 2, 7)
    assert json.loads((store.reports / "evaluation-new-users-given-2.json").read_text()) == one
    with pytest.raises(InputError, match="--split new-users"):
        run(app, [*asked, "--split", "global-time"], catch_exceptions=False)


def test_without_vectors_it_says_what_to_run(store: Store) -> None:
    with pytest.raises(StoreError, match="bowerbird embed"):
        run(app, ["evaluate", str(store.path)], catch_exceptions=False)


def test_without_a_holdout_it_says_what_to_run(store: Store) -> None:
    with_vectors(store, Holdout(None, 0.0))
    with pytest.raises(InputError, match="no test people"):
        run(app, ["evaluate", str(store.path)], catch_exceptions=False)

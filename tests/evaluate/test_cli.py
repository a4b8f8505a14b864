"""`bowerbird evaluate` on a small store: every ranker in one table, a file per split, clear errors."""

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
from bowerbird.recommend.evaluation.holdout import ABLATIONS, NAME
from factories import group_vectors, publish_vectors

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
    """40 users of two groups; even users click even items, odd users odd ones, one per day."""
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


def publish(store: Store, holdout: Holdout) -> None:
    generic = np.random.default_rng(1).normal(size=(30, 4))
    publish_vectors(store, group_vectors(30, dim=2, noise=0.1), generic, holdout, seed=7)


@pytest.mark.slow
def test_every_system_and_a_file_per_split(store: Store) -> None:
    events = Interactions.of(store.log.read(), store.catalogue())
    publish(store, Holdout.default(events, user_share=0.2))
    output = run(
        app,
        ["evaluate", str(store.path), "--k", "5", "--json", "--baselines", "quick"],
        catch_exceptions=False,
    )
    results = json.loads(output.stdout)
    assert [result["split"] for result in results] == ["global-time", "new-users"]
    for result in results:
        names = {system["name"] for system in result["systems"]}
        assert names > EVERY_BASELINE
        under_test = [system["name"] for system in result["systems"] if system["under_test"]]
        assert under_test[0] == NAME and set(ABLATIONS) < set(under_test)
        assert result["comparisons"][0]["system"] == NAME
        assert result["comparisons"][0]["baseline"] in EVERY_BASELINE
        assert json.loads((store.reports / f"evaluation-{result['split']}.json").read_text()) == result
        recall = {system["name"]: system["metrics"]["recall@5"]["mean"] for system in result["systems"]}
        # The trained vectors separate the groups.
        assert recall["bowerbird: vectors only, mean"] > recall["generic, mean of history"]


def test_the_table_names_every_ranker(store: Store) -> None:
    events = Interactions.of(store.log.read(), store.catalogue())
    publish(store, Holdout.default(events))
    output = run(
        app,
        ["evaluate", str(store.path), "--split", "global-time", "--baselines", "quick"],
        env={"COLUMNS": "160"},
    )
    assert output.exit_code == 0
    assert all(name in output.stdout for name in {*EVERY_BASELINE, *ABLATIONS, NAME})


def test_n_given_has_a_report_of_its_own(store: Store) -> None:
    events = Interactions.of(store.log.read(), store.catalogue())
    publish(store, Holdout.default(events, user_share=0.2))
    command = ["evaluate", str(store.path), "--n-given", "2", "--json", "--baselines", "quick"]
    (result,) = json.loads(run(app, command, catch_exceptions=False).stdout)
    assert (result["split"], result["n_given"], result["trained"]["seeds"]) == ("new-users", 2, [7])
    assert json.loads((store.reports / "evaluation-new-users-given-2.json").read_text()) == result
    with pytest.raises(InputError, match="--split new-users"):
        run(app, [*command, "--split", "global-time"], catch_exceptions=False)


def test_without_vectors_the_error_names_the_command(store: Store) -> None:
    with pytest.raises(StoreError, match="bowerbird embed"):
        run(app, ["evaluate", str(store.path)], catch_exceptions=False)


def test_without_a_holdout_the_error_explains(store: Store) -> None:
    publish(store, Holdout(None, 0.0))
    with pytest.raises(InputError, match="no test users"):
        run(app, ["evaluate", str(store.path)], catch_exceptions=False)

"""The model card states what was measured of this version, and what was not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.events import Action, Event
from bowerbird.data.files.records import record_as_dict, write_record
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.evaluate.bootstrap import Interval
from bowerbird.evaluate.calibration import CalibrationReport, OutcomeReport
from bowerbird.evaluate.cards.building import build_card
from bowerbird.evaluate.cards.card import SeedComparison, SeedResults
from bowerbird.recommend.evaluation.holdout import NAME
from bowerbird.report.model_card import write_card
from factories import group_vectors, publish_vectors

START = datetime(2026, 1, 1, tzinfo=UTC)
LICENCES = {"tiny": "MIT"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """40 users of two groups, 30 items with a price, one click per day."""
    rng = np.random.default_rng(0)
    store = Store.create(tmp_path / "store")
    items = [Item(str(k), "x|y" if k else "<b>", price=float(k), currency="EUR") for k in range(30)]
    store.publish_catalogue(Catalogue.of(items))
    clicks = (
        Event(f"u{k}", str(2 * pick + k % 2), Action.CLICK, START + timedelta(days=step, minutes=k))
        for k in range(40)
        for step, pick in enumerate(rng.permutation(15)[:9])
    )
    store.log.append(list(clicks))
    return store


@pytest.fixture
def train(store: Store) -> Callable[[], str]:
    """Publishes vectors that separate the groups; returns the version's name."""

    def train() -> str:
        events = Interactions.of(store.log.read(), store.catalogue())
        holdout = Holdout.default(events, user_share=0.2)
        generic = np.random.default_rng(1).normal(size=(30, 4))
        backbones = {"text": "tiny", "image": "unheard-of"}
        vectors = group_vectors(30, dim=2, noise=0.1)
        return publish_vectors(store, vectors, generic, holdout, seed=7, backbones=backbones)

    return train


def evaluate(store: Store, *options: str) -> None:
    command = ["evaluate", str(store.path), "--k", "5", "--json", "--baselines", "quick", *options]
    CliRunner().invoke(app, command, catch_exceptions=False)


@pytest.mark.slow
def test_evaluate_writes_a_card_of_its_results(store: Store, train: Callable[[], str]) -> None:
    version = train()
    evaluate(store)
    card = json.loads((store.reports / f"card-{version}.json").read_text())
    markdown = (store.reports / f"card-{version}.md").read_text()
    assert (card["data"]["items"], card["data"]["events"], card["data"]["users"]) == (30, 360, 40)
    assert (card["data"]["first_event"], card["data"]["last_event"]) == ("2026-01-01", "2026-01-09")
    events = Interactions.of(store.log.read(), store.catalogue())
    n_held_out = Holdout.default(events, user_share=0.2).held_out_users(events).sum()
    assert card["data"]["held_out_users"] == n_held_out
    for split in ("global-time", "new-users"):
        evaluation = json.loads((store.reports / f"evaluation-{split}.json").read_text())
        assert evaluation in card["evaluations"]
        recall = {system["name"]: system["metrics"]["recall@5"] for system in evaluation["systems"]}[NAME]
        assert f"{recall['mean']:.3f} [{recall['low']:.3f}, {recall['high']:.3f}]" in markdown
        assert all(test_slice["name"] in markdown for test_slice in evaluation["slices"])
        assert all(system["name"] in markdown for system in evaluation["systems"])
    ranker = store.current("ranker")
    assert ranker is not None  # the ranker that was evaluated is the one that is served
    assert card["ranker"]["version"] == ranker.name


def test_a_card_grows_with_evaluations_and_starts_again_with_a_training(
    store: Store, train: Callable[[], str]
) -> None:
    first = train()
    evaluate(store, "--n-given", "2")
    (evaluation,) = json.loads((store.reports / f"card-{first}.json").read_text())["evaluations"]
    assert (evaluation["split"], evaluation["n_given"]) == ("new-users", 2)
    for name, vectors in (("new-users", first), ("global-time", "another")):
        other = evaluation | {"n_given": None, "trained": {"vectors": vectors}}
        (store.reports / f"evaluation-{name}.json").write_text(json.dumps(other))
    evaluations = build_card(store.snapshot(), LICENCES).evaluations
    assert [report.n_given for report in evaluations] == [2, None]
    second = train()
    write_card(store.snapshot(), LICENCES)
    second_card = json.loads((store.reports / f"card-{second}.json").read_text())
    assert (second_card["evaluations"], second_card["ranker"]) == ([], None)
    assert (store.reports / f"card-{first}.md").exists()


def test_missing_measurements_are_listed(store: Store, train: Callable[[], str]) -> None:
    train()
    markdown = write_card(store.snapshot(), LICENCES).read_text()
    assert "Not evaluated on the split global-time" in markdown
    assert "Trained with one seed" in markdown
    assert "calibration of predicted probabilities was not measured" in markdown
    assert "licence of the backbone unheard-of is unknown" in markdown
    assert "tiny, licence: MIT" in markdown


def test_the_calibration_of_the_ranker_is_shown(store: Store, train: Callable[[], str]) -> None:
    version = train()
    click = CalibrationReport(0.05, 0.9, 0.1, 1200, 60, 0.0123, 0.02, 0.19, 0.2, 0.21, [[0.1, 0.2]])
    report = OutcomeReport("session", 5000, 2400, {"save": "happened 3 times"}, {"click": click})
    meta = {"inputs": {"vectors": version}, "outcomes": record_as_dict(report)}
    with store.publishing("ranker", meta):
        pass
    ranker = build_card(store.snapshot(), LICENCES).ranker
    assert ranker is not None and ranker.outcomes == report
    markdown = write_card(store.snapshot(), LICENCES).read_text()
    assert "- click: rate 0.05, calibration error 0.0123" in markdown and "60 of 1,200 rows" in markdown
    assert "calibration of predicted probabilities was not measured" not in markdown
    too_few = OutcomeReport("session", absent={"click": "happened 3 times"})
    meta["outcomes"] = record_as_dict(too_few)
    with store.publishing("ranker", meta):
        pass
    markdown = write_card(store.snapshot(), LICENCES).read_text()
    assert (
        "happened 3 times" in markdown
        and "calibration of predicted probabilities was not measured" in markdown
    )


def test_seeds_are_shown_only_for_these_vectors(store: Store, train: Callable[[], str]) -> None:
    interval = Interval(0.5, 0.25, 0.75)
    comparison = SeedComparison(
        "new-users", "recall@5", interval, [0.4, 0.6], "best baseline", "EASE", interval, interval
    )
    version = train()
    for vectors, seeds, is_shown in (
        (version, [0, 1], True),
        ("another", [0, 1], False),
        (version, [0], False),
    ):
        write_record(store.reports / "seeds.json", SeedResults(vectors, seeds, [comparison]))
        markdown = write_card(store.snapshot(), LICENCES).read_text()
        assert ("0.400, 0.600" in markdown) is is_shown
        assert ("Trained with one seed" in markdown) is not is_shown


def test_without_vectors_the_error_names_the_command(store: Store) -> None:
    with pytest.raises(StoreError, match="bowerbird embed"):
        write_card(store.snapshot(), LICENCES)

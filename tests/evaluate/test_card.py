"""The model card says what was measured of this version, and warns of what was not."""

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
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.evaluate.card import card_of, write_card

START = datetime(2026, 1, 1, tzinfo=UTC)
LICENCES = {"tiny": "MIT"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """40 people of two crowds, 30 items with a price, one click a day."""
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
    """Publishes vectors that know the crowds; the version's name."""

    def train() -> str:
        events = Interactions.of(store.log.read(), store.catalogue())
        holdout = Holdout.default(events, user_share=0.2)
        rng = np.random.default_rng(1)
        crowd = np.eye(2)[np.arange(30) % 2] + rng.normal(0, 0.1, (30, 2))
        meta = {"holdout": vars(holdout), "seed": 7, "backbones": {"text": "tiny", "image": "unheard-of"}}
        with store.publishing("vectors", meta) as folder:
            np.save(folder / "vectors.npy", crowd.astype(np.float16))
            np.save(folder / "generic.npy", rng.normal(size=(30, 4)).astype(np.float32))
            (folder / "ids.json").write_text(json.dumps([str(k) for k in range(30)]))
        version = store.current("vectors")
        assert version is not None
        return version.name

    return train


def evaluate(store: Store, *more: str) -> None:
    asked = ["evaluate", str(store.path), "--at", "5", "--json", "--baselines", "quick", *more]
    CliRunner().invoke(app, asked, catch_exceptions=False)


def test_evaluate_writes_a_card_of_what_it_measured(store: Store, train: Callable[[], str]) -> None:
    version = train()
    evaluate(store)
    card = json.loads((store.reports / f"card-{version}.json").read_text())
    said = (store.reports / f"card-{version}.md").read_text()
    assert (card["data"]["items"], card["data"]["events"], card["data"]["people"]) == (30, 360, 40)
    assert (card["data"]["from"], card["data"]["to"]) == ("2026-01-01", "2026-01-09")
    events = Interactions.of(store.log.read(), store.catalogue())
    held = Holdout.default(events, user_share=0.2).held_out_users(events).sum()
    assert card["data"]["held_out_people"] == held
    for split in ("global-time", "new-users"):
        one = json.loads((store.reports / f"evaluation-{split}.json").read_text())
        assert one in card["evaluations"]
        ours = next(arm for arm in one["arms"] if arm["name"] == "ours")["metrics"]["recall@5"]
        assert f"{ours['mean']:.3f} [{ours['low']:.3f}, {ours['high']:.3f}]" in said
        assert all(part["name"] in said for part in one["slices"])
        assert all(arm["name"] in said for arm in one["arms"])
    ranker = store.current("ranker")
    assert ranker is not None  # the ranker that was judged is the one that is served
    assert card["ranker"]["version"] == ranker.name


def test_a_card_grows_with_evaluations_and_begins_anew_with_a_training(
    store: Store, train: Callable[[], str]
) -> None:
    first = train()
    evaluate(store, "--given", "2")
    (one,) = json.loads((store.reports / f"card-{first}.json").read_text())["evaluations"]
    assert (one["split"], one["given"]) == ("new-users", 2)
    for name, vectors in (("new-users", first), ("global-time", "another")):
        other = one | {"given": None, "trained": {"vectors": vectors}}
        (store.reports / f"evaluation-{name}.json").write_text(json.dumps(other))
    assert [found["given"] for found in card_of(store.snapshot(), LICENCES)["evaluations"]] == [2, None]
    second = train()
    write_card(store.snapshot(), LICENCES)
    anew = json.loads((store.reports / f"card-{second}.json").read_text())
    assert (anew["evaluations"], anew["ranker"]) == ([], None)
    assert (store.reports / f"card-{first}.md").exists()


def test_what_was_not_measured_is_said(store: Store, train: Callable[[], str]) -> None:
    train()
    said = write_card(store.snapshot(), LICENCES).read_text()
    assert "Not evaluated on the split global-time" in said
    assert "Trained with one seed" in said
    assert "calibration) was not measured" in said
    assert "licence of the backbone unheard-of is not known" in said
    assert "tiny, licence: MIT" in said


def test_a_ranker_that_knows_its_calibration_is_quoted(store: Store, train: Callable[[], str]) -> None:
    version = train()
    click = {"calibration_error": 0.0123, "cases": 1200, "curve": [[0.1, 0.2]]}
    measured = {"given": "visit", "click": click}
    with store.publishing("ranker", {"inputs": {"vectors": version}, "outcomes": measured}):
        pass
    assert card_of(store.snapshot(), LICENCES)["ranker"]["calibration"] == measured
    said = write_card(store.snapshot(), LICENCES).read_text()
    assert "- click: calibration_error 0.0123, cases 1,200" in said
    assert "calibration) was not measured" not in said
    too_few = {"given": "visit", "absent": {"click": "happened 3 times"}}
    with store.publishing("ranker", {"inputs": {"vectors": version}, "outcomes": too_few}):
        pass
    said = write_card(store.snapshot(), LICENCES).read_text()
    assert "happened 3 times" in said and "calibration) was not measured" in said


def test_seeds_count_only_where_they_began_with_these_vectors(store: Store, train: Callable[[], str]) -> None:
    interval = {"mean": 0.5, "low": 0.25, "high": 0.75}
    figure = {"task": "new people", "metric": "recall@5", "ours": interval, "by_seed": [0.4, 0.6]}
    figure |= {"baseline": "EASE", "best": interval, "ratio": interval}
    version = train()
    for vectors, seeds, there in ((version, [0, 1], True), ("another", [0, 1], False), (version, [0], False)):
        found = {"vectors": vectors, "seeds": seeds, "figures": [figure]}
        (store.reports / "seeds.json").write_text(json.dumps(found))
        said = write_card(store.snapshot(), LICENCES).read_text()
        assert ("0.400, 0.600" in said) is there
        assert ("Trained with one seed" in said) is not there


def test_a_store_without_vectors_says_what_to_run(store: Store) -> None:
    with pytest.raises(StoreError, match="bowerbird embed"):
        write_card(store.snapshot(), LICENCES)

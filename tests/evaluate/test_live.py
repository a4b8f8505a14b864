"""`bowerbird evaluate --live`: the served ranker on a taste graph that is told sooner or later."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.events import Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.evaluate.prequential import Arm, compute_target_ranks
from bowerbird.recommend.prequential import (
    FRESHNESS,
    POPULAR,
    Answers,
    PrequentialRecommender,
    Stream,
    replay_log,
)
from bowerbird.recommend.recommender import Recommender

run = CliRunner().invoke
START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE, ITEMS, TURN = 20, 40, 20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Everybody clicks one of two kinds of item, a few on each of 20 days, then turns to the other kind."""
    store = Store.create(tmp_path_factory.mktemp("live") / "store")
    store.publish_catalogue(Catalogue.of(Item(str(k), f"item {k}") for k in range(ITEMS)))
    rng, kinds = np.random.default_rng(0), np.arange(ITEMS) % 2
    events = []
    for person in range(PEOPLE):
        before, after = (
            rng.permutation(np.flatnonzero(kinds == kind)) for kind in (person % 2, 1 - person % 2)
        )
        for k, item in enumerate([*before[:10], *after[:8]]):
            day = 2 * k if k < 10 else TURN + 1 + k // 4
            at = START + timedelta(days=day, hours=12, minutes=20 * k + person)
            events.append(Event(f"u{person}", str(item), Action.CLICK, at))
    store.log.append(events)
    until = int((START + timedelta(days=TURN)).timestamp() * 1e6)
    crowd = np.eye(2)[kinds] + rng.normal(0, 0.1, (ITEMS, 2))
    with store.publishing("vectors", {"holdout": vars(Holdout(until, 0.0)), "seed": 7}) as folder:
        np.save(folder / "vectors.npy", crowd.astype(np.float16))
        np.save(folder / "generic.npy", rng.normal(size=(ITEMS, 4)).astype(np.float32))
        (folder / "ids.json").write_text(json.dumps([str(k) for k in range(ITEMS)]))
    return store


def test_it_reports_arms_parts_and_a_picture(store: Store) -> None:
    said = run(app, ["evaluate", str(store.path), "--live", "--json"], catch_exceptions=False)
    result = json.loads(said.stdout)
    assert json.loads((store.reports / "live.json").read_text()) == result
    whole, *parts = result["parts"]
    assert (whole["name"], whole["asks"], whole["people"]) == ("every event", 8 * PEOPLE, PEOPLE)
    assert list(whole["arms"]) == [*FRESHNESS, POPULAR]
    assert {"the first of a day", "later on the same day"} <= {part["name"] for part in parts}
    recall = {arm: metrics["recall@20"]["mean"] for arm, metrics in whole["arms"].items()}
    assert recall["live"] > recall["daily"] >= recall["frozen"]  # they have turned, and only live sees it
    picture = ElementTree.fromstring((store.reports / "live.svg").read_text())
    assert len(picture.findall("{*}circle")) == sum(len(part["arms"]) for part in result["parts"])


def test_a_table_says_it_to_people(store: Store) -> None:
    said = run(app, ["evaluate", str(store.path), "--live", "--asks", "40"], env={"COLUMNS": "160"})
    assert said.exit_code == 0
    for words in ("40 first likes (of 160", "weekly", "later on the same day", "live.svg"):
        assert words in said.stdout


def test_arms_that_share_answers_answer_as_alone(store: Store) -> None:
    snapshot = store.snapshot()
    recommender, stream = Recommender.open(snapshot), Stream.of(snapshot)
    together = replay_log(recommender, stream)
    for name, freshness in FRESHNESS.items():
        alone = Arm(PrequentialRecommender(recommender, Answers()), freshness)
        places = compute_target_ranks(
            {name: alone}, stream.events, stream.asks, stream.start, stream.launched
        )
        assert places[name].tolist() == together[name].tolist()


def test_a_person_is_read_from_what_was_told(store: Store) -> None:
    """As the store's own taste graph has it when all is told, and unknown when nothing is."""
    recommender = Recommender.open(store.snapshot())
    events = Interactions.of(store.log.read(), recommender.catalogue)
    arm = PrequentialRecommender(recommender, Answers())
    eligible = np.ones(ITEMS, bool)
    now = int(events.at[-1])
    unknown = arm.ask("u3", now, eligible, 5)
    for start in range(0, len(events), 7):
        arm.tell(events.where(np.arange(start, min(start + 7, len(events)))))
    served = recommender.recommend(recommender.taste.state("u3"), 5, now=now)
    assert arm.ask("u3", now, eligible, 5).tolist() == [one.position for one in served] != unknown.tolist()


def test_without_a_holdout_it_says_what_to_run(tmp_path: Path, store: Store) -> None:
    other = Store.create(tmp_path / "other")
    other.publish_catalogue(store.catalogue())
    other.log.add_segment(store.log.read())
    with other.publishing("vectors", {"holdout": vars(Holdout(None, 0.0))}) as folder:
        np.save(folder / "vectors.npy", np.ones((ITEMS, 2), np.float16))
        (folder / "ids.json").write_text(json.dumps([str(k) for k in range(ITEMS)]))
    with pytest.raises(InputError, match="--holdout default"):
        run(app, ["evaluate", str(other.path), "--live"], catch_exceptions=False)

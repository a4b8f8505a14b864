"""`bowerbird evaluate --prequential`: the served recommender, its taste graph updated sooner or later."""

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
from bowerbird.evaluate.prequential.replay import PrequentialSystem, compute_target_ranks
from bowerbird.recommend.evaluation.prequential import (
    POPULARITY,
    SCHEDULES,
    PrequentialRecommender,
    PrequentialTest,
    RankingCache,
    replay_log,
)
from bowerbird.recommend.recommender import Recommender
from factories import publish_vectors

run = CliRunner().invoke
START = datetime(2026, 1, 1, tzinfo=UTC)
USERS, ITEMS, TURN = 20, 40, 20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Each user clicks items of one of two groups, on each of 20 days, then turns to the other group."""
    store = Store.create(tmp_path_factory.mktemp("prequential") / "store")
    store.publish_catalogue(Catalogue.of(Item(str(k), f"item {k}") for k in range(ITEMS)))
    rng, groups = np.random.default_rng(0), np.arange(ITEMS) % 2
    events = []
    for user in range(USERS):
        before, after = (
            rng.permutation(np.flatnonzero(groups == group)) for group in (user % 2, 1 - user % 2)
        )
        for k, item in enumerate([*before[:10], *after[:8]]):
            day = 2 * k if k < 10 else TURN + 1 + k // 4
            at = START + timedelta(days=day, hours=12, minutes=20 * k + user)
            events.append(Event(f"u{user}", str(item), Action.CLICK, at))
    store.log.append(events)
    until = int((START + timedelta(days=TURN)).timestamp() * 1e6)
    vectors = np.eye(2)[groups] + rng.normal(0, 0.1, (ITEMS, 2))
    publish_vectors(store, vectors, rng.normal(size=(ITEMS, 4)), Holdout(until, 0.0), seed=7)
    return store


def test_it_reports_systems_slices_and_a_picture(store: Store) -> None:
    output = run(app, ["evaluate", str(store.path), "--prequential", "--json"], catch_exceptions=False)
    result = json.loads(output.stdout)
    assert json.loads((store.reports / "prequential.json").read_text()) == result
    all_queries, *slices = result["slices"]
    assert (all_queries["queries"], all_queries["users"]) == (8 * USERS, USERS)
    assert list(all_queries["metrics"]) == [*SCHEDULES, POPULARITY]
    assert {"first of the day", "later on the same day"} <= {query_slice["name"] for query_slice in slices}
    recall = {name: metrics["recall@20"]["mean"] for name, metrics in all_queries["metrics"].items()}
    # Users have changed their interest, and only real-time updates notice.
    assert recall["real time"] > recall["daily"] >= recall["frozen"]
    picture = ElementTree.fromstring((store.reports / "prequential.svg").read_text())
    n_systems = sum(len(query_slice["metrics"]) for query_slice in result["slices"])
    assert len(picture.findall("{*}circle")) == n_systems


def test_the_table_shows_queries_and_slices(store: Store) -> None:
    command = ["evaluate", str(store.path), "--prequential", "--max-queries", "40"]
    output = run(app, command, env={"COLUMNS": "160"})
    assert output.exit_code == 0
    for text in ("40 first likes (a sample of 160", "weekly", "later on the same day", "prequential.svg"):
        assert text in output.stdout


@pytest.mark.slow
def test_systems_that_share_a_cache_rank_as_alone(store: Store) -> None:
    snapshot = store.snapshot()
    recommender, test = Recommender.open(snapshot), PrequentialTest.from_snapshot(snapshot)
    shared = replay_log(recommender, test)
    for name, schedule in SCHEDULES.items():
        alone = PrequentialSystem(PrequentialRecommender(recommender, RankingCache()), schedule)
        ranks = compute_target_ranks({name: alone}, test.events, test.queries, test.start, test.launched)
        assert ranks[name].tolist() == shared[name].tolist()


def test_a_user_state_depends_on_observed_events_only(store: Store) -> None:
    """As in the store's own taste graph when all events are observed, and unknown when none is."""
    recommender = Recommender.open(store.snapshot())
    events = Interactions.of(store.log.read(), recommender.catalogue)
    observer = PrequentialRecommender(recommender, RankingCache())
    eligible = np.ones(ITEMS, bool)
    now = int(events.at[-1])
    unknown = observer.predict("u3", now, eligible, 5)
    for start in range(0, len(events), 7):
        observer.observe(events.where(np.arange(start, min(start + 7, len(events)))))
    served = recommender.recommend(recommender.taste.state("u3"), 5, now=now)
    assert (
        observer.predict("u3", now, eligible, 5).tolist()
        == [item.position for item in served]
        != unknown.tolist()
    )


def test_without_a_holdout_the_error_names_the_command(tmp_path: Path, store: Store) -> None:
    other = Store.create(tmp_path / "other")
    other.publish_catalogue(store.catalogue())
    other.log.add_segment(store.log.read())
    publish_vectors(other, np.ones((ITEMS, 2)))
    with pytest.raises(InputError, match="--holdout default"):
        run(app, ["evaluate", str(other.path), "--prequential"], catch_exceptions=False)

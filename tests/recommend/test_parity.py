"""What is evaluated is what is served: the same lists from a test task, a store and a file of histories."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.events import ACTION_CODE, ACTIONS, Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import normalize_rows
from bowerbird.evaluate.protocols import Split, Task, build_task
from bowerbird.recommend.batch import read_histories
from bowerbird.recommend.evaluation.holdout import ServedRanker
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.state.learning import RING
from bowerbird.taste.state.user_state import TasteState

from .conftest import START, publish_store

ITEMS, USERS, BUSY, DAYS, KINDS, N = 240, 50, 6, 40, 4, 20
SEEN_ACTIONS = (Action.VIEW, Action.CLICK, Action.SAVE, Action.ADD_TO_CART, Action.PURCHASE, Action.HIDE)
ACTION_SHARES = (0.15, 0.5, 0.15, 0.05, 0.05, 0.1)


def catalogue() -> Catalogue:
    return Catalogue.of(
        Item(
            f"item-{k}",
            f"item {k}",
            price=5.0 + k,
            attributes={"type": f"type {k % KINDS}"},
            availability="out_of_stock" if k % 11 == 3 else "in_stock",
        )
        for k in range(ITEMS)
    )


def session_events(rng: np.random.Generator, user: int, start: timedelta, items: np.ndarray) -> list[Event]:
    """Events of a session: a list is shown, and most acts happen within one second."""
    at = START + start
    impressions = [
        Event(f"u{user}", f"item-{item}", Action.IMPRESSION, at, position=rank)
        for rank, item in enumerate(rng.permutation(ITEMS)[:4].tolist() + items[:1].tolist(), start=1)
    ]
    acts = [
        Event(
            f"u{user}",
            f"item-{item}",
            SEEN_ACTIONS[int(rng.choice(len(ACTION_SHARES), p=ACTION_SHARES))],
            at + timedelta(seconds=1 + step // 3, microseconds=step),
        )
        for step, item in enumerate(items.tolist())
    ]
    return impressions + acts


def toy_events() -> list[Event]:
    """Each user likes items of one kind; a few have more events than the taste graph stores individually."""
    rng = np.random.default_rng(0)
    events = []
    for user in range(USERS):
        n_sessions = 50 if user < BUSY else 8
        weights = np.where(np.arange(ITEMS) % KINDS == user % KINDS, 6.0, 1.0)
        for _ in range(n_sessions):
            start = timedelta(seconds=float(rng.uniform(0, DAYS * 86_400)))
            items = rng.choice(ITEMS, 5, replace=False, p=weights / weights.sum())
            events += session_events(rng, user, start, items)
    return sorted(events, key=lambda event: event.at)


def toy_vectors() -> np.ndarray:
    rng = np.random.default_rng(1)
    return normalize_rows(np.eye(KINDS, 12)[np.arange(ITEMS) % KINDS] + rng.normal(0, 0.4, (ITEMS, 12)))


HOLDOUT = Holdout(int((START + timedelta(days=0.8 * DAYS)).timestamp() * 1e6), 0.3)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("parity") / "store"
    return publish_store(path, catalogue(), toy_vectors(), toy_events(), HOLDOUT)


@pytest.fixture(scope="module")
def recommender(store: Store) -> Recommender:
    return Recommender.open(store.snapshot())


def task_on(store: Store, split: Split) -> Task:
    events = Interactions.of(store.log.read(), store.catalogue())
    return build_task(events, HOLDOUT, split, eligible=store.catalogue().available)


def known_events(store: Store, task: Task) -> list[Event]:
    """The log's events that `task.known_events` holds, each once."""
    columns = (task.known_events.user, task.known_events.item, task.known_events.action, task.known_events.at)
    ids = store.catalogue().ids
    known = {
        (task.known_events.users[user], ids[item], ACTIONS[action], int(at))
        for user, item, action, at in zip(*columns, strict=True)
    }
    log = [Event.from_row(row) for row in store.log.read().to_pylist()]
    events = [
        event
        for event in log
        if (event.user_id, event.item_id, event.action, int(event.at.timestamp() * 1e6)) in known
    ]
    assert len(events) == len(known) < len(log)
    return events


def test_the_toy_store_holds_what_could_make_lists_differ(store: Store) -> None:
    events = Interactions.of(store.log.read(), store.catalogue())
    assert {ACTION_CODE["impression"], ACTION_CODE["hide"]} <= set(events.action.tolist())
    assert len(np.unique(events.at // 10**6)) < len(events) / 2, "several events in one second"
    for split in Split:
        task = task_on(store, split)
        sizes = [len(history) for history in task.histories]
        assert len(sizes) > 5 and max(sizes) > RING > min(sizes)
        assert not task.eligible.all()
        assert any(
            not np.isin(np.unique(history.items), history.liked().items).all() for history in task.histories
        )


SPLITS = [Split.NEW_USERS, pytest.param(Split.GLOBAL_TIME, marks=pytest.mark.slow)]


@pytest.mark.parametrize("split", SPLITS)
def test_the_evaluated_lists_are_those_that_a_server_would_give(
    store: Store, recommender: Recommender, split: Split, tmp_path: Path
) -> None:
    """Served from another store whose log holds only the events before the users' requests."""
    task = task_on(store, split)
    evaluated = ServedRanker(recommender).rank_task(task, N)
    past = publish_store(tmp_path / "past", catalogue(), toy_vectors(), known_events(store, task), HOLDOUT)
    server = Recommender.open(past.snapshot())
    assert server.ranker.report == recommender.ranker.report
    for user, moment, positions in zip(task.users, task.moments, evaluated, strict=True):
        served = server.recommend(server.taste.state(user), N, now=moment)
        assert [item.position for item in served] == positions.tolist()
    assert len({tuple(row) for row in evaluated.tolist()}) > len(evaluated) / 2


def test_targets_are_items_that_can_be_recommended(store: Store, recommender: Recommender) -> None:
    for split in Split:
        task = task_on(store, split)
        for history, targets, row in zip(
            task.histories, task.targets, ServedRanker(recommender).rank_task(task, 200), strict=True
        ):
            eligible = task.eligible.copy()
            eligible[history.items] = False
            assert eligible[targets].all() and eligible[row[row >= 0]].all()


def test_a_file_of_histories_gets_the_lists_of_its_states(
    store: Store, recommender: Recommender, tmp_path: Path
) -> None:
    log = store.log.read()
    some_users = pa.array([f"u{k}" for k in range(0, USERS, 7)])
    rows = log.filter(pa.compute.is_in(log["user_id"], value_set=some_users))
    histories, out = tmp_path / "histories.parquet", tmp_path / "lists.parquet"
    pq.write_table(rows.select(["user_id", "item_id", "action", "at"]), histories)
    arguments = ["recommend", str(store.path), "--histories", str(histories), "--out", str(out), "-n", str(N)]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    users, read, _ = read_histories(histories, recommender.catalogue)
    states = [TasteState.of(history, user) for history, user in zip(read, users, strict=True)]
    expected = [
        (user, rank, recommender.catalogue.ids[position])
        for user, ranked in zip(users, recommender.lists(states, N), strict=True)
        for rank, position in enumerate(ranked.positions, start=1)
    ]
    written = pq.read_table(out).to_pylist()
    assert [(row["user_id"], row["rank"], row["item_id"]) for row in written] == expected
    live = [recommender.taste.state(user) for user in users]
    for ranked, user in zip(recommender.lists(live, N), users, strict=True):
        of_user = [item for name, _, item in expected if name == user]
        assert [recommender.catalogue.ids[position] for position in ranked.positions] == of_user

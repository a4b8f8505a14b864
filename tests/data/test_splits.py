"""Held-out users and events are never trained on."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout

FROZEN = [8, 10, 15, 16]


def events(n_users: int = 2000) -> Interactions:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        Event(f"user-{n % n_users}", "ab"[n % 2], Action.CLICK, start + timedelta(hours=n)).as_row()
        for n in range(n_users * 2)
    ]
    return Interactions.of(
        pa.Table.from_pylist(rows, schema=EVENT_SCHEMA), Catalogue.of([Item("a", "A"), Item("b", "B")])
    )


def test_training_has_no_held_out_users_and_no_later_events() -> None:
    all_events = events()
    holdout = Holdout.default(all_events)
    training = holdout.training(all_events)
    assert holdout.until is not None and training.at.max() <= holdout.until < all_events.at.max()
    assert not any(holdout.is_held_out(all_events.users[k]) for k in set(training.user))
    n_training = sum(
        not holdout.is_held_out(all_events.users[user]) and at <= holdout.until
        for user, at in zip(all_events.user, all_events.at, strict=True)
    )
    assert len(training) == n_training > 0


def test_shares_are_about_right_and_reproducible() -> None:
    all_events = events()
    holdout = Holdout.default(all_events, time_share=0.15, user_share=0.1)
    assert abs((all_events.at > holdout.until).mean() - 0.15) < 0.01
    is_excluded = holdout.held_out_users(all_events)
    assert 0.07 < is_excluded.mean() < 0.13
    assert (is_excluded == Holdout(None, 0.1).held_out_users(all_events)).all()
    assert (
        is_excluded <= Holdout(None, 0.3).held_out_users(all_events)
    ).all()  # a larger share includes the same users
    # Frozen: stores save only the share, so the choice of users must never change.
    assert [n for n in range(40) if holdout.is_held_out(f"user-{n}")] == FROZEN


def test_nothing_held_out() -> None:
    all_events = events(20)
    assert len(Holdout(None, 0.0).training(all_events)) == len(all_events)
    assert len(Holdout(None, 1.0).training(all_events)) == 0
    no_events = all_events.where(all_events.at < 0)
    assert (
        Holdout.default(no_events).until is None and len(Holdout.default(no_events).training(no_events)) == 0
    )

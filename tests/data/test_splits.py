"""What is held out is never learnt from."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout

FROZEN = [8, 10, 15, 16]


def events(people: int = 2000) -> Interactions:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        Event(f"user-{n % people}", "ab"[n % 2], Action.CLICK, start + timedelta(hours=n)).as_row()
        for n in range(people * 2)
    ]
    return Interactions.of(
        pa.Table.from_pylist(rows, schema=EVENT_SCHEMA), Catalogue.of([Item("a", "A"), Item("b", "B")])
    )


def test_training_has_no_held_person_and_nothing_later() -> None:
    whole = events()
    holdout = Holdout.default(whole)
    training = holdout.training(whole)
    assert holdout.until is not None and training.at.max() <= holdout.until < whole.at.max()
    assert not any(holdout.is_held_out(whole.users[k]) for k in set(training.user))
    kept = sum(
        not holdout.is_held_out(whole.users[user]) and at <= holdout.until
        for user, at in zip(whole.user, whole.at, strict=True)
    )
    assert len(training) == kept > 0


def test_shares_are_about_right_and_the_same_again() -> None:
    whole = events()
    holdout = Holdout.default(whole, time_share=0.15, user_share=0.1)
    assert abs((whole.at > holdout.until).mean() - 0.15) < 0.01
    held = holdout.held_out_users(whole)
    assert 0.07 < held.mean() < 0.13
    assert (held == Holdout(None, 0.1).held_out_users(whole)).all()
    assert (
        held <= Holdout(None, 0.3).held_out_users(whole)
    ).all()  # a larger share holds the same people too
    # Frozen: stores remember only the share, so the choice of people may never change.
    assert [n for n in range(40) if holdout.is_held_out(f"user-{n}")] == FROZEN


def test_nothing_held_out() -> None:
    whole = events(20)
    assert len(Holdout(None, 0.0).training(whole)) == len(whole)
    assert len(Holdout(None, 1.0).training(whole)) == 0
    nothing = whole.where(whole.at < 0)
    assert Holdout.default(nothing).until is None and len(Holdout.default(nothing).training(nothing)) == 0

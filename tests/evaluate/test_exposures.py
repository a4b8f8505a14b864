"""Rates of outcomes on lists whose outcomes are known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.logs.exposures import EXPOSURE_SCHEMA
from bowerbird.data.store import Store
from bowerbird.evaluate.attributed_events import AttributedEvents
from bowerbird.evaluate.exposures import outcomes_of, rates_by_surface

AT = datetime(2026, 1, 1, tzinfo=UTC)


def exposures_of(*lists: tuple[str, str, str]) -> pa.Table:
    """Lists by id, surface and the letters of their items."""
    rows = [
        {
            "recommendation_id": list_id, "at": AT, "surface": surface, "user_id": "u", "item_id": item,
            "position": position, "propensity": 1.0, "score": 1.0, "source": None, "version_set": 1,
        }
        for list_id, surface, items in lists
        for position, item in enumerate(items, start=1)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=EXPOSURE_SCHEMA)


def test_an_outcome_counts_for_its_list_and_item() -> None:
    exposures = exposures_of(("r1", "home", "abcd"), ("r2", "home", "abcd"), ("r3", "cart", "ab"))
    events = [
        Event("u", "a", Action.CLICK, AT, "1", recommendation_id="r1"),
        Event("u", "a", Action.CLICK, AT, "2", recommendation_id="r1"),
        Event("u", "b", Action.PURCHASE, AT, "3", recommendation_id="r2"),
        Event("u", "a", Action.CLICK, AT, "4"),
        Event("u", "c", Action.SAVE, AT, "5", recommendation_id="other"),
    ]
    log = pa.Table.from_pylist([event.as_row() for event in events], schema=EVENT_SCHEMA)
    home, cart = rates_by_surface(exposures, log)
    assert (home.surface, home.lists, home.shown) == ("home", 2, 8)
    assert home.rates["click"].mean == home.rates["purchase"].mean == pytest.approx(1 / 8)
    assert home.rates["save"].mean == 0 and cart.rates["click"].mean == 0
    assert home.click_by_position == [0.5, 0.0, 0.0, 0.0] and len(cart.click_by_position) == 2


def event(number: int, action: Action, list_id: str | None, item: str) -> Event:
    at = AT + timedelta(minutes=number)
    return Event("u", item, action, at, event_id=f"e{number}", recommendation_id=list_id)


def test_followed_events_give_the_outcomes_of_the_whole_log(tmp_path: Path) -> None:
    """After live events, an import and an erasure; those without a list or an outcome are left out."""
    log = Store.create(tmp_path).log
    shown = exposures_of(("l1", "home", "abc"), ("l2", "cart", "abd"))
    followed = AttributedEvents(log)

    def check(n_events: int) -> None:
        fast, slow = outcomes_of(shown, followed.read()), outcomes_of(shown, log.read())
        assert {name: mask.tolist() for name, mask in fast.items()} == {
            name: mask.tolist() for name, mask in slow.items()
        }
        assert followed.read().num_rows == n_events

    check(0)
    log.append([event(1, Action.CLICK, "l1", "a"), event(2, Action.SAVE, None, "a")])
    check(1)
    log.append([event(3, Action.PURCHASE, "l2", "d"), event(4, Action.HIDE, "l2", "a")])
    check(2)
    log.add_segment(pa.Table.from_pylist([event(5, Action.VIEW, "l1", "b").as_row()], schema=EVENT_SCHEMA))
    check(3)
    log.append([replace(event(6, Action.CLICK, "l2", "b"), user_id="v")])
    log.forget("u")
    check(1)

"""Rates of outcomes on lists whose outcomes are known."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.logs.exposures import EXPOSURE_SCHEMA
from bowerbird.evaluate.exposures import rates_by_surface

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

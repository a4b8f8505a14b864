"""What came of the lists that a server answered: rates of outcomes by surface, from its exposure log.

An outcome counts for an exposure where an event names its list (`recommendation_id`) and its item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.events import Action
from bowerbird.evaluate.bootstrap import Interval, ratio_interval

OUTCOMES: Mapping[str, tuple[Action, ...]] = {
    "seen": (Action.IMPRESSION,),
    "click": (Action.CLICK, Action.VIEW),
    "save": (Action.SAVE, Action.ADD_TO_CART),
    "purchase": (Action.PURCHASE,),
}
"""The actions that count as each outcome."""
MAX_POSITION = 10


@dataclass(frozen=True)
class SurfaceRates:
    """Rates of one surface (home, similar, …)."""

    surface: str
    lists: int
    shown: int
    """Items in all lists together."""
    rates: dict[str, Interval]
    """Of each outcome, its share of the items shown; the interval is over lists."""
    click_by_position: list[float]
    """Share of clicks at each of the first positions."""


def outcomes_of(exposures: pa.Table, events: pa.Table) -> dict[str, BoolArray]:
    """Whether each exposure had each outcome, (exposures,) bool."""
    shown = _keys(exposures)
    outcomes: dict[str, BoolArray] = {}
    for name, actions in OUTCOMES.items():
        is_outcome = pc.is_in(events["action"], pa.array([action.value for action in actions]))
        attributed = events.filter(pc.and_(is_outcome, pc.is_valid(events["recommendation_id"])))
        outcomes[name] = np.asarray(pc.is_in(shown, _keys(attributed).combine_chunks()).to_numpy(), bool)
    return outcomes


def rates_by_surface(exposures: pa.Table, events: pa.Table) -> list[SurfaceRates]:
    """The rates of every surface, the one with most exposures first."""
    outcomes = outcomes_of(exposures, events)
    surfaces = np.array(exposures["surface"].to_pylist(), object)
    lists = exposures["recommendation_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    position = exposures["position"].to_numpy()
    names, counts = np.unique(surfaces.astype(str), return_counts=True)
    return [
        _rates_of(str(name), surfaces == name, outcomes, lists, position)
        for name in names[np.argsort(-counts)]
    ]


def _rates_of(
    surface: str, rows: BoolArray, outcomes: dict[str, BoolArray], lists: IntArray, position: IntArray
) -> SurfaceRates:
    _, list_of_row, sizes = np.unique(lists[rows], return_inverse=True, return_counts=True)
    n_shown = sizes.astype(np.float64)
    rates = {
        name: ratio_interval(np.bincount(list_of_row, outcome[rows]).astype(np.float64), n_shown)
        for name, outcome in outcomes.items()
    }
    at, clicked = position[rows], outcomes["click"][rows]
    by_position = [
        float(clicked[at == number].mean()) for number in range(1, MAX_POSITION + 1) if (at == number).any()
    ]
    return SurfaceRates(surface, len(sizes), int(rows.sum()), rates, by_position)


def _keys(table: pa.Table) -> pa.ChunkedArray:
    """List and item of each row, as one text."""
    return pc.binary_join_element_wise(table["recommendation_id"], table["item_id"], "\x1f")

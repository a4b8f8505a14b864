"""What came of the lists that a server answered: rates of outcomes by surface, from its exposure log.

An outcome counts for an exposure where an event names its list (`recommendation_id`) and its item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

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


@dataclass(frozen=True)
class DailyCounts:
    """Counts of what one surface, source or set of versions showed, a number for each day."""

    name: str
    shown: list[int]
    outcomes: dict[str, list[int]]
    """Items shown on the day that had each outcome, whenever that was."""


@dataclass(frozen=True)
class OutcomeHistory:
    """Counts by day."""

    days: list[str]
    """ISO 8601, without gaps; ends with the day of the last exposure."""
    series: list[DailyCounts]
    """What shows most first."""


@dataclass(frozen=True)
class ListSummary:
    """One list that was answered."""

    recommendation_id: str
    at: datetime
    surface: str
    user: str | None
    version_set: int
    items: int
    outcomes: dict[str, int]


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


def outcomes_by_day(exposures: pa.Table, events: pa.Table, by: str, n_days: int) -> OutcomeHistory:
    """Count outcomes of what was shown on each of the last days, by a column of the exposures."""
    if not exposures.num_rows:
        return OutcomeHistory([], [])
    last = pc.max(exposures["at"]).as_py().date()
    first = last - timedelta(days=n_days - 1)
    days = [(first + timedelta(days=number)).isoformat() for number in range(n_days)]
    recent = exposures.filter(pc.greater_equal(pc.cast(exposures["at"], pa.date32()), first))
    day_of_row = np.array([(day - first).days for day in pc.cast(recent["at"], pa.date32()).to_pylist()])
    names = np.array([str(name or "none") for name in recent[by].to_pylist()])
    outcomes = outcomes_of(recent, events)

    def counts(rows: BoolArray) -> list[int]:
        daily: list[int] = np.bincount(day_of_row[rows], minlength=n_days).tolist()
        return daily

    values, sizes = np.unique(names, return_counts=True)
    series = [
        DailyCounts(
            str(name),
            counts(names == name),
            {outcome: counts((names == name) & mask) for outcome, mask in outcomes.items()},
        )
        for name in values[np.argsort(-sizes)]
    ]
    return OutcomeHistory(days, series)


def latest_lists(exposures: pa.Table, events: pa.Table, n: int) -> list[ListSummary]:
    """Summarise the latest n lists, the last first."""
    by_list = (
        exposures.group_by("recommendation_id").aggregate([("at", "max")]).sort_by([("at_max", "descending")])
    )
    wanted = by_list["recommendation_id"].slice(0, n).combine_chunks()
    rows = exposures.filter(pc.is_in(exposures["recommendation_id"], wanted))
    outcomes, plain = outcomes_of(rows, events), rows.to_pylist()
    numbers: dict[str, list[int]] = {list_id: [] for list_id in wanted.to_pylist()}
    for number, row in enumerate(plain):
        numbers[row["recommendation_id"]].append(number)
    return [
        ListSummary(
            list_id,
            plain[own[0]]["at"],
            plain[own[0]]["surface"],
            plain[own[0]]["user_id"],
            plain[own[0]]["version_set"],
            len(own),
            {outcome: int(mask[own].sum()) for outcome, mask in outcomes.items()},
        )
        for list_id, own in numbers.items()
    ]

"""What fresh knowledge is worth: arms of a prequential evaluation beside each other, with intervals.

A person's value is the mean over their asks, so that nobody counts for being busy; intervals and ratios are
over people. The parts say where it comes from: how long the person had done nothing, and whether they had
done something on the same day already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bowerbird.evaluate.bootstrap import Interval, mean_interval, paired_intervals
from bowerbird.evaluate.prequential import DAY, DEPTH, HOUR, Asks

MAIN = ("ndcg@10", "recall@20")
PAUSES = (
    ("within half an hour", -1, HOUR // 2),
    ("half an hour to a day", HOUR // 2, DAY),
    ("a day to a week", DAY, 7 * DAY),
    ("a week to a month", 7 * DAY, 30 * DAY),
    ("more than a month", 30 * DAY, None),
)
"""Parts by the time since the person's event before: more than the first, at most the second."""


@dataclass(frozen=True)
class Versus:
    """The live arm over another, on the same people."""

    arm: str
    metric: str
    ratio: Interval


@dataclass(frozen=True)
class Part:
    """Some of the asks, and how well each arm answered them."""

    name: str
    asks: int
    people: int
    metrics: Mapping[str, Mapping[str, Interval]]
    """By arm and metric."""
    versus: tuple[Versus, ...]

    def as_dict(self) -> dict[str, Any]:
        arms = {
            arm: {metric: interval.as_dict() for metric, interval in values.items()}
            for arm, values in self.metrics.items()
        }
        versus = [{"arm": one.arm, "metric": one.metric, "ratio": one.ratio.as_dict()} for one in self.versus]
        return {
            "name": self.name,
            "asks": self.asks,
            "people": self.people,
            "arms": arms,
            "live_over": versus,
        }


@dataclass(frozen=True)
class Prequential:
    """A whole evaluation; the first arm is the live one."""

    start: int
    """Microseconds since 1970 UTC; the model knows nothing later."""
    until: int
    """Of the last ask."""
    dates_only: bool
    """Whether events have no time of day; those of one day then come in the log's order."""
    all_asks: int
    """What could have been asked, before people were drawn."""
    parts: Sequence[Part]
    """All asks first."""
    trained: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        counts = ("start", "until", "dates_only", "all_asks")
        return {
            **{name: getattr(self, name) for name in counts},
            "trained": dict(self.trained),
            "parts": [part.as_dict() for part in self.parts],
        }


def marks_of(places: np.ndarray) -> dict[str, np.ndarray]:
    """Each metric of asks with one target, by its place from 0 (-1: not found), (..., A) each.

    >>> {name: mark.round(3).tolist() for name, mark in marks_of(np.array([0, 2, 15, -1])).items()}
    {'ndcg@10': [1.0, 0.5, 0.0, 0.0], 'recall@20': [1.0, 1.0, 1.0, 0.0], 'mrr': [1.0, 0.333, 0.062, 0.0]}
    """
    found = (places >= 0) & (places < DEPTH)
    rank = np.where(found, places, 0) + 1.0
    return {
        "ndcg@10": np.where(found & (rank <= 10), 1 / np.log2(rank + 1), 0.0),
        "recall@20": (found & (rank <= 20)).astype(np.float64),
        "mrr": np.where(found, 1 / rank, 0.0),
    }


def parts_of(asks: Asks, places: Mapping[str, np.ndarray], dates_only: bool) -> list[Part]:
    """All asks, then parts of them; `places` as `places_found` gives them, or (seeds, A) of several models.

    A part that nobody is in is left out, and of dates without time of day those that time would tell apart.
    """
    marks = {arm: marks_of(np.atleast_2d(one)) for arm, one in places.items()}
    kinds = [("every event", np.ones(len(asks), bool)), ("the first of a day", asks.first_of_day)]
    kinds.append(("later on the same day", ~asks.first_of_day))
    for name, above, most in PAUSES:
        inside = (asks.since > above) & (asks.since <= (np.inf if most is None else most))
        if not dates_only or (above >= DAY):
            kinds.append((f"pause: {name}", inside))
    kinds.append(("nothing known before", asks.since < 0))
    return [_part(name, inside, asks, marks) for name, inside in kinds if inside.any()]


def _part(name: str, inside: np.ndarray, asks: Asks, marks: Mapping[str, Mapping[str, np.ndarray]]) -> Part:
    people, number = np.unique(asks.user[inside], return_inverse=True)
    values = {
        arm: {metric: _by_person(mark[:, inside].mean(axis=0), number) for metric, mark in of.items()}
        for arm, of in marks.items()
    }
    live, *others = values
    versus = tuple(
        Versus(arm, metric, paired_intervals(values[live][metric], values[arm][metric])[1])
        for arm in others
        for metric in MAIN
    )
    metrics = {arm: {metric: mean_interval(one) for metric, one in of.items()} for arm, of in values.items()}
    return Part(name, int(inside.sum()), len(people), metrics, versus)


def _by_person(marks: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Mean of each person's marks, (A,) -> (P,)."""
    mean: np.ndarray = np.bincount(number, marks) / np.bincount(number)
    return mean

"""Do probabilities of outcomes come true as often as they are said?

    python benchmarks/bench_outcomes.py STORE [--most 2000]

The ranker and its outcomes are those of the STORE (trained first where they are not), from training events
alone. Tested on what came after the moment that training ends at: lists that were shown then, or sessions,
where the log has no impressions (see `bowerbird.recommend.outcomes`). Expected calibration error (ten parts
of equal size) and log loss, calibrated and not, next to the training rate predicted for everything; 95 %
bootstrap intervals over users.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.recommend.outcomes.calibration import BINS, LEAST, MOST, reliability
from bowerbird.recommend.outcomes.probabilities import TrainingRows, build_rows, slates_of
from bowerbird.recommend.outcomes.slates import OUTCOMES
from bowerbird.recommend.saved import open_ranker

DRAWS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--most", type=int, default=2000, help="occasions that are judged")
    args = parser.parse_args()
    store = Store.open(args.store)
    catalogue, vectors = store.catalogue(), load_vectors(store.snapshot())
    ranker, outcomes = open_ranker(store.snapshot())
    events = Interactions.of(store.log.read(), catalogue)
    until = Holdout(**vectors.meta["holdout"]).until
    later = [one for one in slates_of(events)[1] if until is not None and one.at > until]
    kept = np.random.default_rng(0).permutation(len(later))[: args.most]
    cases = build_rows(ranker, [later[row] for row in np.sort(kept)], events)
    found: dict[str, Any] = {}
    for outcome in outcomes.models:
        happened = cases.happened[:, OUTCOMES.index(outcome)]
        said = {
            name: outcomes.probabilities(cases.rows[:, :-1], cases.rows[:, -1], calibrated)[outcome]
            for name, calibrated in (("calibrated", True), ("not calibrated", False))
        }
        said["the rate"] = np.full(len(happened), outcomes.report[outcome]["rate"])
        found[outcome.value] = judged(said, happened, cases)
    meaning = outcomes.meaning
    show(
        found, f"given a {meaning['given']}, within {meaning['within_days']:g} days: {len(kept):,} occasions"
    )
    print(json.dumps({"bench": "outcomes", **meaning, "occasions": len(kept), "outcomes": found}))


def judged(said: dict[str, np.ndarray], happened: np.ndarray, cases: TrainingRows) -> dict[str, Any]:
    """Error and loss of each arm with intervals, and each less that of `calibrated`, on the same people."""
    _, person = np.unique(cases.user, return_inverse=True)
    rng, people = np.random.default_rng(0), int(person.max()) + 1
    times = np.vstack([np.ones(people), rng.multinomial(people, np.full(people, 1 / people), DRAWS)])
    values = {
        name: {
            "calibration error": _errors(one, happened, person, times),
            "log loss": _losses(one, happened, person, times),
        }
        for name, one in said.items()
    }
    result: dict[str, Any] = {"cases": len(happened), "people": people, "happened": int(happened.sum())}
    for name, metrics in values.items():
        result[name] = {metric: _interval(row) for metric, row in metrics.items()}
        if name != "calibrated":
            for metric, row in metrics.items():
                result[name][f"{metric}, less calibrated"] = _interval(row - values["calibrated"][metric])
    result["curve"] = reliability(said["calibrated"], happened).round(5).tolist()
    return result


def _errors(said: np.ndarray, happened: np.ndarray, person: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Calibration error of each draw of people, (draws,): bins stay, people come `times` (draws, people)."""
    part = np.empty(len(said), np.int64)
    part[np.argsort(said, kind="stable")] = np.arange(len(said)) * BINS // len(said)
    gaps = np.zeros((times.shape[1], BINS))
    np.add.at(gaps, (person, part), said - happened)
    counts = np.bincount(person, minlength=times.shape[1])
    errors: np.ndarray = np.abs(times @ gaps).sum(axis=1) / (times @ counts)
    return errors


def _losses(said: np.ndarray, happened: np.ndarray, person: np.ndarray, times: np.ndarray) -> np.ndarray:
    said = np.clip(said, LEAST, MOST)
    loss = -np.where(happened, np.log(said), np.log1p(-said))
    sums, counts = np.bincount(person, loss), np.bincount(person)
    losses: np.ndarray = (times @ sums) / (times @ counts)
    return losses


def _interval(draws: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(draws[1:], [0.025, 0.975])
    return {"mean": round(float(draws[0]), 5), "low": round(float(low), 5), "high": round(float(high), 5)}


def show(found: dict[str, Any], title: str) -> None:
    metrics = ("calibration error", "log loss")
    table = Table(
        "outcome",
        "cases",
        "happened",
        "arm",
        *(f"{m}{t}" for m in metrics for t in ("", ", less calibrated")),
        title=title,
    )
    for outcome, result in found.items():
        for name in ("calibrated", "not calibrated", "the rate"):
            cells = []
            for metric in metrics:
                cells.append(_said(result[name][metric]))
                gap = result[name].get(f"{metric}, less calibrated")
                cells.append(_said(gap) if gap else "")
            table.add_row(outcome, f"{result['cases']:,}", str(result["happened"]), name, *cells)
        curve = "  ".join(f"{mean:.4f}→{share:.4f}" for _, mean, share in result["curve"])
        table.add_row("", "", "", "said→happened", curve, "", "", "")
    Console(width=200).print(table)


def _said(interval: dict[str, float]) -> str:
    return f"{interval['mean']:.4f} [{interval['low']:.4f}, {interval['high']:.4f}]"


if __name__ == "__main__":
    main()

"""Are the predicted probabilities of outcomes calibrated?

    python benchmarks/bench_outcomes.py STORE [--most 2000]

The ranker and its outcome models are those of the STORE (trained first if missing), fitted on training events
only. Tested on the time after training: lists shown then, or sessions, where the log has no impressions (see
`bowerbird.recommend.outcomes`). Expected calibration error (ten bins of equal size) and log loss, calibrated
and not, compared with predicting the training rate for all rows; 95 % bootstrap intervals over users.
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
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate.calibration import BINS, MAX_PROBABILITY, MIN_PROBABILITY, reliability
from bowerbird.recommend.outcomes.slates import OUTCOMES
from bowerbird.recommend.outcomes.training import TrainingRows, build_rows, slates_of
from bowerbird.recommend.saved import open_ranker

DRAWS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--most", type=int, default=2000, help="number of slates to evaluate")
    args = parser.parse_args()
    store = Store.open(args.store)
    catalogue, vectors = store.catalogue(), load_vectors(store.snapshot())
    ranker, outcomes = open_ranker(store.snapshot())
    events = Interactions.of(store.log.read(), catalogue)
    until = vectors.holdout.until
    later = [slate for slate in slates_of(events)[1] if until is not None and slate.at > until]
    sampled = np.random.default_rng(0).permutation(len(later))[: args.most]
    rows = build_rows(ranker, [later[row] for row in np.sort(sampled)], events)
    results: dict[str, Any] = {}
    for outcome in outcomes.models:
        happened = rows.happened[:, OUTCOMES.index(outcome)]
        predicted = {
            name: outcomes.probabilities(rows.rows[:, :-1], rows.rows[:, -1], calibrated)[outcome]
            for name, calibrated in (("calibrated", True), ("not calibrated", False))
        }
        predicted["the rate"] = np.full(len(happened), outcomes.report.outcomes[outcome].rate)
        results[outcome.value] = evaluate(predicted, happened, rows)
    meaning = outcomes.meaning
    show(
        results,
        f"conditional on: {meaning['conditioning']}, within {meaning['within_days']:g} days: "
        f"{len(sampled):,} slates",
    )
    print(json.dumps({"bench": "outcomes", **meaning, "slates": len(sampled), "outcomes": results}))


def evaluate(predicted: dict[str, np.ndarray], happened: np.ndarray, rows: TrainingRows) -> dict[str, Any]:
    """Compute error and loss of each arm with intervals, and differences to `calibrated`, on the same
    users."""
    _, user = np.unique(rows.user, return_inverse=True)
    rng, n_users = np.random.default_rng(0), int(user.max()) + 1
    draw_counts = np.vstack(
        [np.ones(n_users), rng.multinomial(n_users, np.full(n_users, 1 / n_users), DRAWS)]
    )
    values = {
        name: {
            "calibration error": _errors(probabilities, happened, user, draw_counts),
            "log loss": _losses(probabilities, happened, user, draw_counts),
        }
        for name, probabilities in predicted.items()
    }
    result: dict[str, Any] = {"rows": len(happened), "users": n_users, "happened": int(happened.sum())}
    for name, metrics in values.items():
        result[name] = {metric: _interval(row) for metric, row in metrics.items()}
        if name != "calibrated":
            for metric, row in metrics.items():
                result[name][f"{metric}, minus calibrated"] = _interval(row - values["calibrated"][metric])
    result["curve"] = reliability(predicted["calibrated"], happened).round(5).tolist()
    return result


def _errors(
    predicted: np.ndarray, happened: np.ndarray, user: np.ndarray, draw_counts: np.ndarray
) -> np.ndarray:
    """Compute the calibration error of each bootstrap draw, (draws,): bins are fixed, users occur `times`
    (draws, users)."""
    bin_of_row = np.empty(len(predicted), np.int64)
    bin_of_row[np.argsort(predicted, kind="stable")] = np.arange(len(predicted)) * BINS // len(predicted)
    gaps = np.zeros((draw_counts.shape[1], BINS))
    np.add.at(gaps, (user, bin_of_row), predicted - happened)
    counts = np.bincount(user, minlength=draw_counts.shape[1])
    errors: np.ndarray = np.abs(draw_counts @ gaps).sum(axis=1) / (draw_counts @ counts)
    return errors


def _losses(
    predicted: np.ndarray, happened: np.ndarray, user: np.ndarray, draw_counts: np.ndarray
) -> np.ndarray:
    predicted = np.clip(predicted, MIN_PROBABILITY, MAX_PROBABILITY)
    loss = -np.where(happened, np.log(predicted), np.log1p(-predicted))
    sums, counts = np.bincount(user, loss), np.bincount(user)
    losses: np.ndarray = (draw_counts @ sums) / (draw_counts @ counts)
    return losses


def _interval(draws: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(draws[1:], [0.025, 0.975])
    return {"mean": round(float(draws[0]), 5), "low": round(float(low), 5), "high": round(float(high), 5)}


def show(results: dict[str, Any], title: str) -> None:
    metrics = ("calibration error", "log loss")
    table = Table(
        "outcome",
        "rows",
        "happened",
        "arm",
        *(f"{m}{suffix}" for m in metrics for suffix in ("", ", minus calibrated")),
        title=title,
    )
    for outcome, result in results.items():
        for name in ("calibrated", "not calibrated", "the rate"):
            cells = []
            for metric in metrics:
                cells.append(_format(result[name][metric]))
                gap = result[name].get(f"{metric}, minus calibrated")
                cells.append(_format(gap) if gap else "")
            table.add_row(outcome, f"{result['rows']:,}", str(result["happened"]), name, *cells)
        curve = "  ".join(f"{mean:.4f}→{share:.4f}" for _, mean, share in result["curve"])
        table.add_row("", "", "", "predicted→observed", curve, "", "", "")
    Console(width=200).print(table)


def _format(interval: dict[str, float]) -> str:
    return f"{interval['mean']:.4f} [{interval['low']:.4f}, {interval['high']:.4f}]"


if __name__ == "__main__":
    main()

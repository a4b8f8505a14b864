"""How good are recommendations, over several seeds, beside every tuned baseline?

    python benchmarks/bench_quality.py STORE [--seeds 3] [--k 20] [--tasks new-users given-5 global-time]
                                       [--baselines quick] [--scratch FOLDER]

STORE has vectors (`bowerbird embed`); it is only read, but for its reports. Ours is trained once a seed: the
item vectors with that seed, and the ranker on them. Baselines are tuned with one seed; those in which chance
has a part (iALS, BPR, the networks) are then fitted with each seed. A person's value is the mean over the
seeds, intervals are over people, and every ratio is between means on the same people. The best baseline is
the one with the highest mean on the test itself, generic vectors among them; the best generic form is told
apart.

Vectors and what baselines showed are kept in the scratch folder, by default STORE-seeds beside the store: a
stopped run goes on, and another ranker is judged for its own time.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.cli.output import plain
from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store, write_atomically
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate import Split, Task, build_task
from bowerbird.evaluate.baselines import Effort, standard_baselines
from bowerbird.evaluate.bootstrap import Interval, mean_interval, paired_intervals
from bowerbird.evaluate.card import write_card
from bowerbird.evaluate.evaluator import compute_user_metrics
from bowerbird.models.backbones import BACKBONES
from bowerbird.progress import track
from bowerbird.recommend.evaluation import ServedRanker
from bowerbird.recommend.recommender import Recommender
from seed_stores import Shown, inputs_of, seed_store, shown_by

TASKS: dict[str, tuple[Split, int | None]] = {
    "new-users": (Split.NEW_USERS, None),
    "given-5": (Split.NEW_USERS, 5),
    "global-time": (Split.GLOBAL_TIME, None),
}
Values = dict[str, np.ndarray]  # of each metric, (seeds, P)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--k", type=int, default=20, help="length of the evaluated lists")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--baselines", choices=[one.value for one in Effort], default=Effort.QUICK.value)
    parser.add_argument("--scratch", type=Path, help="keeps vectors and baselines between runs")
    args = parser.parse_args()
    store, effort = Store.open(args.store), Effort(args.baselines)
    scratch = args.scratch or store.path.with_name(f"{store.path.name}-seeds")
    started, console = time.monotonic(), Console(width=150)
    tasks = tasks_of(store, args.tasks)
    ours, ours_seconds = ours_on(store, scratch, tasks, args.seeds, args.k)
    results = []
    for name, task in tasks.items():
        others = baselines_on(store, scratch, name, task, args.k, args.seeds, effort)
        results.append(Result.of(name, task, args.k, ours[name], others))
        results[-1].show(console)
    summary = {
        "bench": "quality",
        "vectors": load_vectors(store.snapshot()).version,
        "seeds": list(range(args.seeds)),
        "k": args.k,
        "baselines": effort.value,
        "figures": [figure for one in results for figure in one.figures],
        "settings": {one.task: {shown.name: shown.settings for shown in one.others} for one in results},
        "ours_s": ours_seconds,
        "minutes": round((time.monotonic() - started) / 60, 1),
    }
    write_atomically(store.reports / "seeds.json", json.dumps(plain(summary), indent=1).encode())
    card = write_card(store.snapshot(), {one.name: one.licence for one in BACKBONES})
    console.print(f"{summary['minutes']} minutes. Model card: {card}", soft_wrap=True)
    print(json.dumps(plain(summary)))


def tasks_of(store: Store, names: list[str]) -> dict[str, Task]:
    events = Interactions.of(store.log.read(), store.catalogue())
    holdout = Holdout(**load_vectors(store.snapshot()).meta["holdout"])
    eligible = store.snapshot().catalogue.available
    return {name: build_task(events, holdout, *TASKS[name], eligible) for name in names}


def ours_on(
    store: Store, scratch: Path, tasks: Mapping[str, Task], seeds: int, k: int
) -> tuple[dict[str, np.ndarray], list[float]]:
    """What ours shows on each task, (seeds, P, k), and the processor seconds of each seed.

    One ranker serves all tasks: the training events of a holdout are the same whatever is asked.
    """
    shown: dict[str, list[np.ndarray]] = {name: [] for name in tasks}
    seconds = []
    for seed in track(range(seeds), "ours, one seed after the other"):
        started = time.process_time()
        served = ServedRanker(Recommender.open(seed_store(store, scratch, seed).snapshot()))
        for name, task in tasks.items():
            shown[name].append(served.rank_task(task, k))
        seconds.append(round(time.process_time() - started, 1))
    return {name: np.stack(rankings) for name, rankings in shown.items()}, seconds


def baselines_on(
    store: Store, scratch: Path, name: str, task: Task, k: int, seeds: int, effort: Effort
) -> list[Shown]:
    vectors, (split, given) = load_vectors(store.snapshot()), TASKS[name]
    generic = vectors.generic(store.catalogue())
    holdout = Holdout(**vectors.meta["holdout"])
    rankers = standard_baselines(generic, holdout, split, k, given, effort)
    folder, inputs = scratch / "baselines" / f"{name}-at-{k}-{effort.value}", inputs_of(task, generic)
    return [shown_by(one, task, k, seeds, folder, inputs) for one in track(rankers, f"baselines, {name}")]


@dataclass(frozen=True)
class Result:
    """Everybody on one task."""

    task: str
    people: int
    strangers: int
    values: dict[str, Values]
    """By ranker, ours first."""
    others: list[Shown]
    figures: list[dict[str, Any]]

    @classmethod
    def of(cls, name: str, task: Task, k: int, ours: np.ndarray, others: list[Shown]) -> Result:
        shown = {"ours": ours} | {one.name: one.rankings for one in others}
        values = {ranker: _values(rankings, task, k) for ranker, rankings in shown.items()}
        figures = []
        for metric in (f"recall@{k}", f"ndcg@{k}", f"cold recall@{k}"):
            if np.isnan(values["ours"][metric]).all():
                continue
            baselines = [one.name for one in others]
            forms = [one for one in baselines if one.startswith("generic")]
            for against, names in (("best baseline", baselines), ("best generic", forms)):
                figures.append({"task": name, "against": against, **_figure(values, metric, names)})
        return cls(name, len(task.users), task.n_cold_start_users, values, others, figures)

    def show(self, console: Console) -> None:
        metrics = list(dict.fromkeys(one["metric"] for one in self.figures))
        table = Table(
            title=f"{self.task}: {self.people} people, {self.strangers} without a history",
            title_justify="left",
        )
        for column in ("ranker", *(cell for metric in metrics for cell in (metric, "ours over it"))):
            table.add_column(column, justify="left" if column == "ranker" else "right")
        for name in self.values:
            cells = []
            for metric in metrics:
                mine, theirs = (_person(self.values[one][metric]) for one in ("ours", name))
                ratio = paired_intervals(mine, theirs)[1]
                cells += [_said(mean_interval(theirs)), "" if name == "ours" else _said(ratio, 2)]
            table.add_row(name, *cells, style="cyan" if name == "ours" else None)
        console.print(table)
        for one in self.figures:
            console.print(_sentence(one), highlight=False)
        console.print(_settings(self.others))


def _values(rankings: np.ndarray, task: Task, k: int) -> Values:
    each = [compute_user_metrics(one, task, k) for one in rankings]
    return {metric: np.stack([one[metric] for one in each]) for metric in each[0]}


def _person(values: np.ndarray) -> np.ndarray:
    """(seeds, P) -> (P,): only people are independent draws."""
    mean: np.ndarray = values.mean(axis=0)
    return mean


def _by_seed(values: np.ndarray) -> list[float]:
    return [round(float(np.nanmean(one)), 5) for one in values]


def _figure(values: Mapping[str, Values], metric: str, names: list[str]) -> dict[str, Any]:
    best = max(names, key=lambda name: float(np.nanmean(values[name][metric])))
    ours, theirs = values["ours"][metric], values[best][metric]
    return {
        "metric": metric,
        "ours": mean_interval(_person(ours)).as_dict(),
        "by_seed": _by_seed(ours),
        "baseline": best,
        "best": mean_interval(_person(theirs)).as_dict(),
        "best_by_seed": _by_seed(theirs),
        "ratio": paired_intervals(_person(ours), _person(theirs))[1].as_dict(),
    }


def _sentence(one: Mapping[str, Any]) -> str:
    seeds = ", ".join(f"{value:.4f}" for value in one["by_seed"])
    ratio = one["ratio"]
    times = "–" if ratio["mean"] is None else f"{ratio['mean']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}]"
    return (
        f"{one['metric']}: ours {one['ours']['mean']:.4f} (seeds {seeds}) over the {one['against']}, "
        f"{one['baseline']} {one['best']['mean']:.4f}: {times} times"
    )


def _settings(others: list[Shown]) -> Table:
    table = Table("ranker", "settings", "tried", "processor, s", "at the end of its range")
    for one in others:
        tuning = one.settings.get("tuning", {})
        said = ", ".join(f"{key} {value}" for key, value in one.settings.items() if key != "tuning")
        ends = ", ".join(tuning.get("at_grid_edge", ()))
        table.add_row(one.name, said, str(tuning.get("n_trials", "")), f"{one.seconds:.1f}", ends)
    return table


def _said(interval: Interval, digits: int = 3) -> str:
    if interval.mean != interval.mean:
        return "–"
    ends = f"[{interval.low:.{digits}f}, {interval.high:.{digits}f}]"
    return f"{interval.mean:.{digits}f} {ends}"


if __name__ == "__main__":
    main()

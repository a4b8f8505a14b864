"""How good are recommendations, over several seeds, compared with tuned baselines?

    python benchmarks/bench_quality.py STORE [--seeds 3] [--k 20] [--tasks new-users given-5 global-time]
                                       [--baselines quick] [--scratch FOLDER]

STORE has vectors (`bowerbird embed`); apart from its reports it is only read. bowerbird is trained once per
seed: the item vectors with that seed, and the ranker on them. Baselines are tuned with one seed; randomised
ones (iALS, BPR, the networks) are then fitted with each seed. A user's value is the mean over the seeds,
intervals are over users, and every ratio is between means on the same users. The best baseline is the one
with the highest mean on the test itself, generic vectors included; the best generic form is reported
separately.

Vectors and baselines' rankings are cached in the scratch folder, by default STORE-seeds next to the store: a
stopped run continues, and another ranker costs only its own time.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.cli.output import plain
from bowerbird.data.files.durable import write_atomically
from bowerbird.data.files.records import record_as_dict
from bowerbird.data.interactions import Interactions
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate import Split, Task, build_task
from bowerbird.evaluate.baselines import Effort, standard_baselines
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.evaluate.cards.card import SeedComparison
from bowerbird.evaluate.evaluator import compute_user_metrics
from bowerbird.models.backbones import BACKBONES
from bowerbird.progress import track
from bowerbird.recommend.evaluation.holdout import ServedRanker
from bowerbird.recommend.recommender import Recommender
from bowerbird.report.model_card import write_card
from seed_stores import BaselineRankings, inputs_of, rank_with_baseline, seed_store

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
    parser.add_argument("--k", type=int, default=20, help="length of the evaluated list")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument(
        "--baselines", choices=[result.value for result in Effort], default=Effort.QUICK.value
    )
    parser.add_argument("--scratch", type=Path, help="caches vectors and baselines between runs")
    args = parser.parse_args()
    store, effort = Store.open(args.store), Effort(args.baselines)
    scratch = args.scratch or store.path.with_name(f"{store.path.name}-seeds")
    start, console = time.monotonic(), Console(width=150)
    tasks = tasks_of(store, args.tasks)
    bowerbird_rankings, bowerbird_seconds = rank_with_bowerbird(store, scratch, tasks, args.seeds, args.k)
    results = []
    for name, task in tasks.items():
        baselines = rank_with_baselines(store, scratch, name, task, args.k, args.seeds, effort)
        results.append(TaskResult.of(name, task, args.k, bowerbird_rankings[name], baselines))
        results[-1].show(console)
    summary = {
        "bench": "quality",
        "vectors": load_vectors(store.snapshot()).version,
        "seeds": list(range(args.seeds)),
        "k": args.k,
        "baselines": effort.value,
        "comparisons": [
            record_as_dict(comparison) for result in results for comparison in result.comparisons
        ],
        "settings": {
            result.task: {ranked_task.name: ranked_task.settings for ranked_task in result.baselines}
            for result in results
        },
        "ours_s": bowerbird_seconds,
        "minutes": round((time.monotonic() - start) / 60, 1),
    }
    write_atomically(store.reports / "seeds.json", json.dumps(plain(summary), indent=1).encode())
    card = write_card(store.snapshot(), {result.name: result.licence for result in BACKBONES})
    console.print(f"{summary['minutes']} minutes. Model card: {card}", soft_wrap=True)
    print(json.dumps(plain(summary)))


def tasks_of(store: Store, names: list[str]) -> dict[str, Task]:
    events = Interactions.of(store.log.read(), store.catalogue())
    holdout = load_vectors(store.snapshot()).holdout
    eligible = store.snapshot().catalogue.available
    return {name: build_task(events, holdout, *TASKS[name], eligible) for name in names}


def rank_with_bowerbird(
    store: Store, scratch: Path, tasks: Mapping[str, Task], seeds: int, k: int
) -> tuple[dict[str, np.ndarray], list[float]]:
    """Rank each task with bowerbird, (seeds, P, k), and measure the processor seconds of each seed.

    One ranker serves all tasks: the training events of a holdout are the same for each.
    """
    rankings_by_task: dict[str, list[np.ndarray]] = {name: [] for name in tasks}
    seconds = []
    for seed in track(range(seeds), "bowerbird, seed by seed"):
        start = time.process_time()
        ranker = ServedRanker(Recommender.open(seed_store(store, scratch, seed).snapshot()))
        for name, task in tasks.items():
            rankings_by_task[name].append(ranker.rank_task(task, k))
        seconds.append(round(time.process_time() - start, 1))
    return {name: np.stack(rankings) for name, rankings in rankings_by_task.items()}, seconds


def rank_with_baselines(
    store: Store, scratch: Path, name: str, task: Task, k: int, seeds: int, effort: Effort
) -> list[BaselineRankings]:
    vectors, (split, n_given) = load_vectors(store.snapshot()), TASKS[name]
    generic = vectors.generic(store.catalogue())
    holdout = vectors.holdout
    rankers = standard_baselines(generic, holdout, split, k, n_given, effort)
    folder, inputs = scratch / "baselines" / f"{name}-at-{k}-{effort.value}", inputs_of(task, generic)
    return [
        rank_with_baseline(ranker, task, k, seeds, folder, inputs)
        for ranker in track(rankers, f"baselines, {name}")
    ]


@dataclass(frozen=True)
class TaskResult:
    """The results of all rankers on one task."""

    task: str
    n_users: int
    cold_users: int
    values: dict[str, Values]
    """By ranker, bowerbird first."""
    baselines: list[BaselineRankings]
    comparisons: list[SeedComparison]

    @classmethod
    def of(
        cls,
        name: str,
        task: Task,
        k: int,
        bowerbird_rankings: np.ndarray,
        ranked_baselines: list[BaselineRankings],
    ) -> TaskResult:
        rankings_by_ranker = {"bowerbird": bowerbird_rankings} | {
            baseline.name: baseline.rankings for baseline in ranked_baselines
        }
        values = {ranker: metrics_of(rankings, task, k) for ranker, rankings in rankings_by_ranker.items()}
        comparisons = []
        for metric in (f"recall@{k}", f"ndcg@{k}", f"cold recall@{k}"):
            if np.isnan(values["bowerbird"][metric]).all():
                continue
            baseline_names = [baseline.name for baseline in ranked_baselines]
            generic_names = [baseline for baseline in baseline_names if baseline.startswith("generic")]
            for compared_with, names in (("best baseline", baseline_names), ("best generic", generic_names)):
                comparisons.append(_compare(name, values, metric, compared_with, names))
        return cls(name, len(task.users), task.n_cold_start_users, values, ranked_baselines, comparisons)

    def show(self, console: Console) -> None:
        metrics = list(dict.fromkeys(comparison.metric for comparison in self.comparisons))
        table = Table(
            title=f"{self.task}: {self.n_users} users, {self.cold_users} without a history",
            title_justify="left",
        )
        for column in ("ranker", *(cell for metric in metrics for cell in (metric, "ratio to bowerbird"))):
            table.add_column(column, justify="left" if column == "ranker" else "right")
        for name in self.values:
            cells = []
            for metric in metrics:
                own_values, other_values = (
                    _mean_over_seeds(self.values[ranker][metric]) for ranker in ("bowerbird", name)
                )
                ratio = paired_intervals(own_values, other_values)[1]
                cells += [
                    mean_interval(other_values).format(),
                    "" if name == "bowerbird" else ratio.format(2),
                ]
            table.add_row(name, *cells, style="cyan" if name == "bowerbird" else None)
        console.print(table)
        for comparison in self.comparisons:
            console.print(_describe(comparison), highlight=False)
        console.print(_settings_table(self.baselines))


def metrics_of(rankings: np.ndarray, task: Task, k: int) -> Values:
    metrics_by_seed = [compute_user_metrics(seed_metrics, task, k) for seed_metrics in rankings]
    return {
        metric: np.stack([seed_metrics[metric] for seed_metrics in metrics_by_seed])
        for metric in metrics_by_seed[0]
    }


def _mean_over_seeds(values: np.ndarray) -> np.ndarray:
    """Average over seeds, (seeds, P) -> (P,): only users are independent draws."""
    mean: np.ndarray = values.mean(axis=0)
    return mean


def _means_by_seed(values: np.ndarray) -> list[float]:
    return [round(float(np.nanmean(seed_values)), 5) for seed_values in values]


def _compare(
    task: str, values: Mapping[str, Values], metric: str, against: str, names: list[str]
) -> SeedComparison:
    """Compare bowerbird with the baseline of `names` that has the highest mean."""
    best = max(names, key=lambda name: float(np.nanmean(values[name][metric])))
    own_values, baseline_values = values["bowerbird"][metric], values[best][metric]
    own_means, baseline_means = _mean_over_seeds(own_values), _mean_over_seeds(baseline_values)
    return SeedComparison(
        task=task,
        metric=metric,
        value=mean_interval(own_means),
        by_seed=_means_by_seed(own_values),
        against=against,
        baseline=best,
        baseline_value=mean_interval(baseline_means),
        ratio=paired_intervals(own_means, baseline_means)[1],
    )


def _describe(comparison: SeedComparison) -> str:
    seeds = ", ".join(f"{value:.4f}" for value in comparison.by_seed)
    return (
        f"{comparison.metric}: bowerbird {comparison.value.mean:.4f} (seeds {seeds}) over the "
        f"{comparison.against}, {comparison.baseline} {comparison.baseline_value.mean:.4f}: "
        f"{comparison.ratio.format()} times"
    )


def _settings_table(baselines: list[BaselineRankings]) -> Table:
    table = Table("ranker", "settings", "tried", "processor, s", "at the limit of its range")
    for baseline in baselines:
        tuning = baseline.settings.get("tuning", {})
        setting_text = ", ".join(
            f"{key} {value}" for key, value in baseline.settings.items() if key != "tuning"
        )
        at_limits = ", ".join(tuning.get("at_grid_edge", ()))
        table.add_row(
            baseline.name, setting_text, str(tuning.get("n_trials", "")), f"{baseline.seconds:.1f}", at_limits
        )
    return table


if __name__ == "__main__":
    main()

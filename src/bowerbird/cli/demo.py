"""`bowerbird demo`: the whole pipeline on a synthetic shop, from generated data to a report page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bowerbird.cli.demo_report import write_report
from bowerbird.cli.output import JsonOption, emit, to_json
from bowerbird.cli.timed_steps import StageTimer

if TYPE_CHECKING:
    from bowerbird.data.ingest.summary import ImportSummary
    from bowerbird.data.store import Store
    from bowerbird.demo import DemoConfig, DemoFiles
    from bowerbird.evaluate import Evaluation

GRAFT_MINUTES = 3.0  # of training
BENCH_PICTURES, BENCH_ROUNDS = 10, 5


def demo(
    folder: Annotated[Path, typer.Option(help="Folder for the synthetic data and the report.")] = Path(
        "demo"
    ),
    store: Annotated[Path | None, typer.Option(help="The store [default: FOLDER/store].")] = None,
    items: Annotated[int, typer.Option(min=30, help="Products to generate.")] = 600,
    users: Annotated[int, typer.Option(min=20, help="Shoppers to simulate.")] = 400,
    seed: Annotated[int, typer.Option(help="The same seed generates the same data.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Run the whole pipeline on a synthetic shop: generate, import, train, evaluate, bench, chat, report.

    Existing data and trained versions are used again, so an interrupted run can be continued.
    """
    from bowerbird.data.files.records import record_as_dict
    from bowerbird.data.store import Store
    from bowerbird.demo import DemoConfig, write_demo_world

    stages = StageTimer()
    config = DemoConfig(items=items, users=users, seed=seed)
    files = stages.run("generate the synthetic data", lambda: write_demo_world(folder / "world", config))
    opened = Store.create(store or folder / "store")
    (opened.path / "SYNTHETIC").write_text("generated and simulated by `bowerbird demo`\n")
    imported = stages.run("import feed and events", lambda: _import(opened, files))
    _train(opened, imported, stages)
    evaluations, bench = _evaluate(opened, stages)
    result = {
        "synthetic": True,
        "imported": [summary.as_dict() for summary in imported],
        "evaluations": [record_as_dict(evaluation) for evaluation in evaluations],
        "bench": bench,
        "world": str(files.feed.parent),
    }
    report = write_report(opened, folder / "report.html", imported, evaluations, result, stages)
    result["report"] = str(report)
    (folder / "demo.json").write_text(to_json(result))
    emit(result, as_json, lambda console: _show(console, opened, evaluations, result, config))


def _import(store: Store, files: DemoFiles) -> list[ImportSummary]:
    from bowerbird.data.ingest.imports import import_layout

    feed = import_layout(store, "google-feed", [files.feed])
    return [feed, import_layout(store, "segment", [files.events])]


def _train(store: Store, imported: Sequence[ImportSummary], stages: StageTimer) -> None:
    from bowerbird.assist.training import train_assistant
    from bowerbird.conversations.config import DialogueRankerMeta
    from bowerbird.embed.training import train_embedding
    from bowerbird.graft.config import GraftConfig
    from bowerbird.graft.training.train import train_graft
    from bowerbird.models import DEFAULT_BACKBONES, fetch
    from bowerbird.recommend.recommender import Recommender

    stages.run("pull three open backbones", lambda: [fetch(backbone.name) for backbone in DEFAULT_BACKBONES])
    changed = any(summary.items.new or summary.events.new for summary in imported)
    if changed or store.current("vectors") is None:
        stages.run("embed: encode and train the tower", lambda: train_embedding(store))
    is_new_graft = not _has_graft_of_vectors(store)
    if is_new_graft:
        config = GraftConfig(minutes=GRAFT_MINUTES)
        stages.run("graft: train the connector", lambda: train_graft(store, config))
    stages.run("train the ranker", lambda: Recommender.open(store.snapshot()))
    if is_new_graft or store.current(DialogueRankerMeta.KIND) is None:
        stages.run("graft: train the assistant", lambda: train_assistant(store))


def _has_graft_of_vectors(store: Store) -> bool:
    """Whether the current graft reads the current vectors."""
    from bowerbird.graft.config import GraftMeta

    vectors, graft = store.current("vectors"), store.current(GraftMeta.KIND)
    if vectors is None or graft is None:
        return False
    return graft.read_meta(GraftMeta).vectors == vectors.name


def _evaluate(store: Store, stages: StageTimer) -> tuple[list[Evaluation], dict[str, Any]]:
    from bowerbird.data.files.durable import write_atomically
    from bowerbird.evaluate import Split
    from bowerbird.graft.bench import bench_graft
    from bowerbird.models import BACKBONES
    from bowerbird.recommend.evaluation.holdout import evaluate_store
    from bowerbird.report.model_card import write_card

    evaluations = stages.run("evaluate, with eight baselines", lambda: evaluate_store(store, list(Split), 20))
    write_card(store.snapshot(), {backbone.name: backbone.licence for backbone in BACKBONES})
    bench = stages.run(
        "bench: vectors compared with pictures",
        lambda: bench_graft(store.snapshot(), BENCH_PICTURES, BENCH_ROUNDS),
    )
    write_atomically(store.reports / "bench-graft.json", to_json(bench.as_dict()).encode())
    return evaluations, bench.as_dict()


def _show(
    console: Console,
    store: Store,
    evaluations: Sequence[Evaluation],
    result: dict[str, Any],
    config: DemoConfig,
) -> None:
    from rich.table import Table

    for evaluation in evaluations:
        metrics = [name for name in evaluation.systems[0].metrics if "known users" not in name]
        title = f"synthetic shop, {evaluation.split}: {evaluation.users} users"
        table = Table("ranker", *metrics, title=title)
        for system in evaluation.systems:
            cells = [system.metrics[name].format() for name in metrics]
            table.add_row(system.name, *cells, style="cyan" if system.under_test else None)
        console.print(table)
    console.print("95 % bootstrap intervals over users in brackets.\n")
    bench = Table(
        "system", "first token, s", "end to end, s", "per 1,000 turns", title="one request, 10 pictures"
    )
    for arm in result["bench"]["arms"]:
        medians = [f"{arm[key]['median']:.2f}" for key in ("first_token", "end_to_end")]
        bench.add_row(
            arm["name"], *medians, f"{arm['cost_per_1000_turns']:.3f} {result['bench']['currency']}"
        )
    console.print(bench)
    total = sum(stage["seconds"] for stage in result["stages"])
    peak = max(stage["peak_memory_mb"] for stage in result["stages"])
    console.print(
        f"\n{total / 60:.1f} minutes, peak memory {peak:.0f} MiB. The shop is synthetic (seed {config.seed})."
    )
    console.print(f"Report: {Path(result['report']).resolve()}", soft_wrap=True)
    console.print(f"Try:    .venv/bin/bowerbird serve {store.path}", soft_wrap=True)

"""`bowerbird demo`: the whole pipeline on a synthetic shop, from generated data to a report page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bowerbird.cli.output import JsonOption, emit, to_json
from bowerbird.cli.timed_steps import StageTimer

if TYPE_CHECKING:
    from bowerbird.assist.reply import Reply
    from bowerbird.data.ingest.summary import ImportSummary
    from bowerbird.data.store import Store
    from bowerbird.demo import DemoConfig, DemoFiles
    from bowerbird.evaluate import Evaluation
    from bowerbird.recommend.recommender import Recommender
    from bowerbird.report import ShopperPanel, Turn

GRAFT_MINUTES = 3.0  # of training
BENCH_PICTURES, BENCH_ROUNDS = 10, 5
REQUESTS = ("a warm lamp for a reading corner under 80", "but in green", "cheaper than the second one")


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
    report = _write_report(opened, folder / "report.html", imported, evaluations, result, stages)
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


def _write_report(
    store: Store,
    path: Path,
    imported: Sequence[ImportSummary],
    evaluations: Sequence[Evaluation],
    result: dict[str, Any],
    stages: StageTimer,
) -> Path:
    from bowerbird.assist.assistant import Assistant
    from bowerbird.recommend.recommender import Recommender
    from bowerbird.report import DemoReport, render_report

    snapshot = store.snapshot()
    recommender = Recommender.open(snapshot)
    user = _choose_shopper(recommender)
    panel = stages.run("recommend to one shopper", lambda: _make_panel(recommender, user))
    assistant = Assistant.open(snapshot)
    turns = stages.run("chat with one shopper", lambda: _chat(assistant, user))
    result["conversation"] = [{"role": turn.role, "text": turn.text} for turn in turns]
    result["stages"] = [
        {"name": run.name, "seconds": run.seconds, "peak_memory_mb": run.peak_memory_mb}
        for run in stages.runs
    ]
    report = DemoReport(
        title="A bowerbird demo",
        synthetic=True,
        imported=imported,
        shopper=panel,
        conversation=turns,
        quality=evaluations,
        bench=_bench_groups(result["bench"]),
        stages=[(run.name, run.seconds, run.peak_memory_mb) for run in stages.runs],
        notes=["The feed and the events were imported in the same way as yours would be."],
    )
    path.write_text(render_report(report), encoding="utf-8")
    return path


def _choose_shopper(recommender: Recommender) -> str:
    """A user with several interests, none of which dominates."""
    users = recommender.taste.users(40)

    def evenness(user: str) -> float:
        shares = [
            interest.share for interest in recommender.taste.interests(recommender.taste.state(user))[:4]
        ]
        return sum(share * (1 - share) for share in shares)

    return max(users, key=evenness)


def _make_panel(recommender: Recommender, user: str) -> ShopperPanel:
    from bowerbird.report import Card, InterestChart, ShopperPanel

    catalogue, taste = recommender.catalogue, recommender.taste

    def card(position: int, reason: str) -> Card:
        item = catalogue.item(position)
        price = "" if item.price is None else f"{item.price:.2f} {item.currency}"
        return Card(item.title, price, catalogue.image(position), reason)

    state = taste.state(user)
    chart = taste.timeline(state)
    recent = list(dict.fromkeys(state.history.liked().items[::-1].tolist()))[:6]
    return ShopperPanel(
        user=user,
        recommendations=[card(item.position, item.reason) for item in recommender.recommend(state, 16)],
        recent=[card(position, "") for position in recent],
        interests=InterestChart(chart.names, chart.times.tolist(), chart.weights.T.tolist()),
    )


def _chat(assistant: Any, user: str) -> list[Turn]:
    from bowerbird.assist.state import DialogueState
    from bowerbird.report import Card, Turn

    state, turns = DialogueState(), []
    for text in REQUESTS:
        reply: Reply = assistant.reply(state, text, user=user)
        state = reply.state
        cards = [
            Card(
                item.title, item.priced, assistant.catalogue.image(item.position), "; ".join(item.differences)
            )
            for item in reply.shown
        ]
        turns += [Turn("user", text), Turn("assistant", reply.text, cards)]
    return turns


def _bench_groups(bench: dict[str, Any]) -> list[Any]:
    from bowerbird.report import BenchGroup

    currency = str(bench["currency"])
    groups: dict[tuple[str, str], list[tuple[str, float, bool]]] = {}
    for arm in bench["arms"]:
        values = {
            ("time to first token", "s"): arm["first_token"]["median"],
            ("end to end", "s"): arm["end_to_end"]["median"],
            ("peak memory", "MiB"): round(arm["peak_memory_mb"] or 0.0),
            ("cost of 1,000 turns", currency): arm["cost_per_1000_turns"],
        }
        for quantity, value in values.items():
            groups.setdefault(quantity, []).append((arm["name"], float(value), arm["name"] == "graft"))
    return [BenchGroup(name, unit, arms) for (name, unit), arms in groups.items()]


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

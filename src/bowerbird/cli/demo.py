"""`bowerbird demo`: the whole path on the synthetic world, from a drawn shop to a report page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bowerbird.cli.output import JsonOption, emit, plain
from bowerbird.cli.timed_steps import Stages

if TYPE_CHECKING:
    from bowerbird.assist.reply import Reply
    from bowerbird.data.imports import ImportSummary
    from bowerbird.data.store import Store
    from bowerbird.demo import DemoConfig, DemoFiles
    from bowerbird.recommend.recommender import Recommender
    from bowerbird.report import ShopperPanel, Turn

GRAFT_MINUTES = 3.0  # of training
BENCH_PICTURES, BENCH_ROUNDS = 10, 5
TALK = ("a warm lamp for a reading corner under 80", "but in green", "cheaper than the second one")


def demo(
    folder: Annotated[Path, typer.Option(help="Where the world and the report go.")] = Path("demo"),
    store: Annotated[Path | None, typer.Option(help="The store; FOLDER/store if not given.")] = None,
    items: Annotated[int, typer.Option(min=30, help="Products to draw.")] = 600,
    people: Annotated[int, typer.Option(min=20, help="Shoppers to simulate.")] = 400,
    seed: Annotated[int, typer.Option(help="The same seed draws the same world.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Run the whole path on a synthetic shop: draw, import, train, evaluate, bench, talk, report.

    The drawn world and the trained versions that are already there are kept: an interrupted run goes on.
    """
    from bowerbird.data.store import Store
    from bowerbird.demo import DemoConfig, write_demo_world

    stages = Stages()
    config = DemoConfig(items=items, people=people, seed=seed)
    files = stages.run("draw the synthetic world", lambda: write_demo_world(folder / "world", config))
    opened = Store.create(store or folder / "store")
    (opened.path / "SYNTHETIC").write_text("drawn and simulated by `bowerbird demo`\n")
    imported = stages.run("import feed and events", lambda: _import(opened, files))
    _train(opened, imported, stages)
    result = _judge(opened, files, imported, stages)
    result["report"] = str(_write_report(opened, folder / "report.html", imported, result, stages))
    (folder / "demo.json").write_text(json.dumps(plain(result), indent=1))
    emit(result, as_json, lambda console: _tell(console, opened, result, config))


def _import(store: Store, files: DemoFiles) -> list[ImportSummary]:
    from bowerbird.data.imports import import_layout

    feed = import_layout(store, "google-feed", [files.feed])
    return [feed, import_layout(store, "segment", [files.events])]


def _train(store: Store, imported: Sequence[ImportSummary], stages: Stages) -> None:
    from bowerbird.embed.training import train_embedding
    from bowerbird.graft.config import GraftConfig
    from bowerbird.graft.training.train import train_graft
    from bowerbird.models import BACKBONES, fetch
    from bowerbird.recommend.recommender import Recommender

    stages.run("pull three open backbones", lambda: [fetch(one.name) for one in BACKBONES])
    changed = any(one.items.new or one.events.new for one in imported)
    if changed or store.current("vectors") is None:
        stages.run("embed: encode and train the tower", lambda: train_embedding(store))
    vectors, graft = store.current("vectors"), store.current("graft")
    if graft is None or vectors is None or graft.meta["vectors"] != vectors.name:
        stages.run(
            "graft: train the connector",
            lambda: train_graft(store, GraftConfig(minutes=GRAFT_MINUTES)),
        )
    stages.run("learn the ranker", lambda: Recommender.open(store.snapshot()))


def _judge(
    store: Store, files: DemoFiles, imported: Sequence[ImportSummary], stages: Stages
) -> dict[str, Any]:
    from bowerbird.data.store import write_atomically
    from bowerbird.evaluate import Split
    from bowerbird.evaluate.card import write_card
    from bowerbird.graft.bench import bench_graft
    from bowerbird.models import BACKBONES
    from bowerbird.recommend.evaluation import evaluate_store

    judged = stages.run("evaluate beside eight baselines", lambda: evaluate_store(store, list(Split), 20))
    write_card(store.snapshot(), {backbone.name: backbone.licence for backbone in BACKBONES})
    bench = stages.run(
        "bench: vectors against pictures", lambda: bench_graft(store.snapshot(), BENCH_PICTURES, BENCH_ROUNDS)
    )
    write_atomically(
        store.reports / "bench-graft.json", json.dumps(plain(bench.as_dict()), indent=1).encode()
    )
    return {
        "synthetic": True,
        "imported": [one.as_dict() for one in imported],
        "evaluations": [one.as_dict() for one in judged],
        "bench": bench.as_dict(),
        "world": str(files.feed.parent),
    }


def _write_report(
    store: Store, path: Path, imported: Sequence[ImportSummary], result: dict[str, Any], stages: Stages
) -> Path:
    from bowerbird.assist.assistant import Assistant
    from bowerbird.recommend.recommender import Recommender
    from bowerbird.report import DemoReport, render_report

    snapshot = store.snapshot()
    recommender = Recommender.open(snapshot)
    user = _shopper_to_show(recommender)
    panel = stages.run("recommend to one shopper", lambda: _panel(recommender, user))
    assistant = Assistant.open(snapshot)
    talk = stages.run("talk with one shopper", lambda: _talk(assistant, user))
    result["conversation"] = [{"role": turn.role, "text": turn.text} for turn in talk]
    result["stages"] = [
        {"name": s.name, "seconds": s.seconds, "peak_memory_mb": s.peak_memory_mb} for s in stages.ran
    ]
    report = DemoReport(
        title="A bowerbird demo",
        synthetic=True,
        imported=[one.as_dict() for one in imported],
        shopper=panel,
        conversation=talk,
        quality=result["evaluations"],
        bench=_bench_groups(result["bench"]),
        stages=[(s.name, s.seconds, s.peak_memory_mb) for s in stages.ran],
        notes=["The feed and the events took the same way in as yours would."],
    )
    path.write_text(render_report(report), encoding="utf-8")
    return path


def _shopper_to_show(recommender: Recommender) -> str:
    """Somebody with several interests, none of which is everything."""
    people = recommender.taste.people(40)

    def evenness(user: str) -> float:
        shares = [one.share for one in recommender.taste.interests(recommender.taste.state(user))[:4]]
        return sum(share * (1 - share) for share in shares)

    return max(people, key=evenness)


def _panel(recommender: Recommender, user: str) -> ShopperPanel:
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
        recommendations=[card(one.position, one.reason) for one in recommender.recommend(state, 16)],
        recent=[card(position, "") for position in recent],
        interests=InterestChart(chart.names, chart.times.tolist(), chart.weights.T.tolist()),
    )


def _talk(assistant: Any, user: str) -> list[Turn]:
    from bowerbird.assist.state import DialogueState
    from bowerbird.report import Card, Turn

    state, turns = DialogueState(), []
    for text in TALK:
        reply: Reply = assistant.reply(state, text, user=user)
        state = reply.state
        cards = [
            Card(one.title, one.priced, assistant.catalogue.image(one.position), "; ".join(one.differences))
            for one in reply.shown
        ]
        turns += [Turn("user", text), Turn("assistant", reply.text, cards)]
    return turns


def _bench_groups(bench: dict[str, Any]) -> list[Any]:
    from bowerbird.report import BenchGroup

    currency = str(bench["currency"])
    groups: dict[tuple[str, str], list[tuple[str, float, bool]]] = {}
    for arm in bench["arms"]:
        measured = {
            ("time to first token", "s"): arm["first_token"]["median"],
            ("end to end", "s"): arm["end_to_end"]["median"],
            ("peak memory", "MiB"): round(arm["peak_memory_mb"] or 0.0),
            ("cost of 1,000 turns", currency): arm["cost_per_1000_turns"],
        }
        for quantity, value in measured.items():
            groups.setdefault(quantity, []).append((arm["name"], float(value), arm["name"] == "graft"))
    return [BenchGroup(name, unit, arms) for (name, unit), arms in groups.items()]


def _tell(console: Console, store: Store, result: dict[str, Any], config: DemoConfig) -> None:
    from rich.table import Table

    for one in result["evaluations"]:
        metrics = [name for name in one["arms"][0]["metrics"] if "known people" not in name]
        table = Table("ranker", *metrics, title=f"synthetic world, {one['split']}: {one['people']} people")
        for arm in one["arms"]:
            cells = [_with_interval(arm["metrics"][name]) for name in metrics]
            table.add_row(arm["name"], *cells, style="cyan" if arm["ours"] else None)
        console.print(table)
    console.print("95 % bootstrap intervals over people in brackets.\n")
    bench = Table(
        "arm", "first token, s", "end to end, s", "per 1,000 turns", title="one request, 10 pictures"
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
        f"\n{total / 60:.1f} minutes, {peak:.0f} MiB at most. The shop is synthetic (seed {config.seed})."
    )
    console.print(f"Report: {Path(result['report']).resolve()}", soft_wrap=True)
    console.print(f"Try:    .venv/bin/bowerbird serve {store.path}", soft_wrap=True)


def _with_interval(value: dict[str, Any]) -> str:
    known = [value[key] for key in ("mean", "low", "high")]
    if known[0] is None or known[0] != known[0]:
        return "–"
    if known[1] is None or known[1] != known[1]:
        return f"{known[0]:.3f}"
    return f"{known[0]:.3f} [{known[1]:.3f}, {known[2]:.3f}]"

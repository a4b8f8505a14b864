"""The report page of `bowerbird demo`: a shopper's recommendations, a conversation, quality and speed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bowerbird.cli.timed_steps import StageTimer

if TYPE_CHECKING:
    from bowerbird.assist.reply import Reply
    from bowerbird.data.ingest.summary import ImportSummary
    from bowerbird.data.store import Store
    from bowerbird.evaluate import Evaluation
    from bowerbird.recommend.recommender import Recommender
    from bowerbird.report import ShopperPanel, Turn

REQUESTS = ("a warm lamp for a reading corner under 80", "but in green", "cheaper than the second one")


def write_report(
    store: Store,
    path: Path,
    imported: Sequence[ImportSummary],
    evaluations: Sequence[Evaluation],
    result: dict[str, Any],
    stages: StageTimer,
) -> Path:
    """Write the page; conversation and stages are added to `result`."""
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

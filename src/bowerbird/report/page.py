"""Puts the report's parts together into one HTML page that makes no network requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bowerbird.report.bars import bench_bars, quality_tables, stages_part
from bowerbird.report.contents import BenchGroup, Card, DemoReport, ShopperPanel, Turn
from bowerbird.report.markup import card, section, table, text
from bowerbird.report.stream_chart import stream_chart

_STYLE = Path(__file__).with_name("style.css")
# The page can run no script and reach no address, whatever a title contains.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render_report(report: DemoReport) -> str:
    """The whole page, UTF-8: styles inline, pictures as data: URIs, no network requests."""
    parts = [
        _shopper(report.shopper, report.synthetic) if report.shopper else "",
        _interests(report.shopper),
        _conversation(report.conversation) if report.conversation else "",
        _quality(report),
        _bench(report.bench) if report.bench else "",
        _import_table(report.imported) if report.imported else "",
        stages_part(report.stages) if report.stages else "",
    ]
    notes = "".join(f"<p>{text(note)}</p>" for note in report.notes)
    badge = '<p class="badge">Synthetic demo world</p>' if report.synthetic else ""
    disclaimer = (
        "<p>Every product, picture and user on this page is synthetic. The figures show that "
        "the whole path works, not how well it does for a real shop.</p>"
        if report.synthetic
        else ""
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{text(report.title)}</title><style>{_STYLE.read_text()}</style></head><body><main>"
        f'<header class="top">{badge}<h1>{text(report.title)}</h1>{disclaimer}{notes}</header>'
        f"{''.join(parts)}<footer>Written by bowerbird. This page is self-contained.</footer>"
        "</main></body></html>"
    )


def _shopper(shopper: ShopperPanel, synthetic: bool) -> str:
    recent = ""
    if shopper.recent:
        cards = "".join(card(product) for product in shopper.recent)
        recent = f'<h3 class="label">What they looked at last</h3><div class="strip">{cards}</div>'
    user_kind = "a simulated user" if synthetic else "one user"
    label = '<h3 class="label">What bowerbird recommends to them now</h3>'
    body = f"{recent}{label}{_masonry(shopper.recommendations)}"
    return section("shopper", f"For {shopper.user}", f"Recommendations for {user_kind}, and why.", body)


def _masonry(cards: Sequence[Card]) -> str:
    """Columns of cards, the best ones in the first row: four columns, and two on a phone.

    CSS columns would put the best ones below each other. Here pairs of columns dissolve on a wide screen and
    columns within a pair on a narrow one (`display: contents`), and `order` keeps the ranking.
    """
    cells = [f'<div class="cell" style="order:{k}">{card(product)}</div>' for k, product in enumerate(cards)]
    columns = [f'<div class="column" style="order:{k}">{"".join(cells[k::4])}</div>' for k in range(4)]
    pairs = "".join(f'<div class="pair">{columns[k]}{columns[k + 2]}</div>' for k in range(2))
    return f'<div class="masonry">{pairs}</div>'


def _interests(shopper: ShopperPanel | None) -> str:
    chart = stream_chart(shopper.interests) if shopper and shopper.interests else ""
    lead = "Each band is an interest, wider while it is stronger; every event widens it and time thins it."
    return section("interests", "Interests over time", lead, chart) if chart else ""


def _conversation(turns: Sequence[Turn]) -> str:
    messages = []
    for turn in turns:
        cards = "".join(card(product) for product in turn.cards)
        strip = f'<div class="strip">{cards}</div>' if cards else ""
        speaker = "user" if turn.role == "user" else "bird"
        paragraphs = "".join(f"<p>{text(line)}</p>" for line in turn.text.splitlines() if line.strip())
        messages.append(f'<div class="turn {speaker}"><div class="bubble">{paragraphs}</div>{strip}</div>')
    lead = (
        "The language model words the reply; which items it names is decided before, by retrieval and rules."
    )
    return section("conversation", "A conversation", lead, f'<div class="chat">{"".join(messages)}</div>')


def _quality(report: DemoReport) -> str:
    if not report.quality:
        return ""
    lead = (
        "bowerbird and every baseline, tuned on training data only. Whiskers are 95 % confidence intervals "
        "over users; the best of a column is bold."
    )
    return section("quality", "How good the recommendations are", lead, quality_tables(report.quality))


def _bench(groups: Sequence[BenchGroup]) -> str:
    lead = (
        "One request with item pictures, on the same language model: decoding and encoding each picture as a "
        "stock vision model does, compared with one vector per item."
    )
    return section("bench", "Cost of a reply", lead, bench_bars(groups))


def _import_table(summaries: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for summary in summaries:
        for kind in ("items", "events", "collections"):
            counts = summary.get(kind)
            if not counts or not counts["read"]:
                continue
            reasons = ", ".join(f"{text(why)}: {n:,}" for why, n in counts["rejected"].items()) or "none"
            source = f"{text(summary['layout'])} <small>{kind}</small>"
            rows.append(
                [source, f"{counts['read']:,}", f"{counts['accepted']:,}", f"{counts['new']:,}", reasons]
            )
    pictures = sum(summary.get("images", 0) for summary in summaries)
    broken = sum(summary.get("images_broken", 0) for summary in summaries)
    lead = f"{pictures:,} pictures, {broken:,} of them broken. Rejected rows are counted by reason."
    heads = ["layout", "read", "accepted", "new", "rejected"]
    return section("imports", "Imported data", lead, table(heads, rows))

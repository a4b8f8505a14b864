"""Puts the report's parts together into one HTML page that asks nothing of the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bowerbird.report.bars import bench_bars, quality_tables, stages_part
from bowerbird.report.contents import BenchGroup, Card, DemoReport, ShopperPanel, Turn
from bowerbird.report.markup import card, section, table, text
from bowerbird.report.stream_chart import stream_chart

_STYLE = Path(__file__).with_name("style.css")
# No script and no address can be reached from the page, whatever a title holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render_report(report: DemoReport) -> str:
    """The whole page, UTF-8: styles inline, pictures as data: URIs, no request to anywhere."""
    parts = [
        _shopper(report.shopper, report.synthetic) if report.shopper else "",
        _interests(report.shopper),
        _conversation(report.conversation) if report.conversation else "",
        _quality(report),
        _bench(report.bench) if report.bench else "",
        _imports(report.imported) if report.imported else "",
        stages_part(report.stages) if report.stages else "",
    ]
    notes = "".join(f"<p>{text(note)}</p>" for note in report.notes)
    badge = '<p class="badge">Synthetic demo world</p>' if report.synthetic else ""
    drawn = (
        "<p>Every product, picture and shopper on this page was drawn by a program. The figures show that "
        "the whole path works, not how well it does for a real shop.</p>"
        if report.synthetic
        else ""
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{text(report.title)}</title><style>{_STYLE.read_text()}</style></head><body><main>"
        f'<header class="top">{badge}<h1>{text(report.title)}</h1>{drawn}{notes}</header>'
        f"{''.join(parts)}<footer>Written by bowerbird. This page holds everything it shows.</footer>"
        "</main></body></html>"
    )


def _shopper(shopper: ShopperPanel, synthetic: bool) -> str:
    recent = ""
    if shopper.recent:
        cards = "".join(card(one) for one in shopper.recent)
        recent = f'<h3 class="label">What they looked at last</h3><div class="strip">{cards}</div>'
    who = "a simulated shopper" if synthetic else "one shopper"
    now = '<h3 class="label">What bowerbird would show them now</h3>'
    body = f"{recent}{now}{_masonry(shopper.recommendations)}"
    return section("shopper", f"For {shopper.user}", f"Recommendations for {who}, and why.", body)


def _masonry(cards: Sequence[Card]) -> str:
    """Columns of cards, the best ones in the first row: four columns, and two on a phone.

    CSS columns would put the best ones below each other. Here pairs of columns dissolve on a wide screen and
    columns within a pair on a narrow one (`display: contents`), and `order` keeps the ranking.
    """
    cells = [f'<div class="cell" style="order:{k}">{card(one)}</div>' for k, one in enumerate(cards)]
    columns = [f'<div class="column" style="order:{k}">{"".join(cells[k::4])}</div>' for k in range(4)]
    pairs = "".join(f'<div class="pair">{columns[k]}{columns[k + 2]}</div>' for k in range(2))
    return f'<div class="masonry">{pairs}</div>'


def _interests(shopper: ShopperPanel | None) -> str:
    chart = stream_chart(shopper.interests) if shopper and shopper.interests else ""
    lead = "Each band is an interest, wider while it is stronger; every event widens it and time thins it."
    return section("interests", "How their taste moved", lead, chart) if chart else ""


def _conversation(turns: Sequence[Turn]) -> str:
    said = []
    for turn in turns:
        cards = "".join(card(one) for one in turn.cards)
        shown = f'<div class="strip">{cards}</div>' if cards else ""
        side = "person" if turn.role == "user" else "bird"
        paragraphs = "".join(f"<p>{text(line)}</p>" for line in turn.text.splitlines() if line.strip())
        said.append(f'<div class="turn {side}"><div class="bubble">{paragraphs}</div>{shown}</div>')
    lead = "The language model words the reply; which items it names, and that they fit, is decided before."
    return section("conversation", "A conversation", lead, f'<div class="chat">{"".join(said)}</div>')


def _quality(report: DemoReport) -> str:
    if not report.quality:
        return ""
    lead = (
        "Ours beside every baseline, tuned on training data only. Whiskers are 95 % intervals over people; "
        "the best of a column is bold."
    )
    return section("quality", "How good the recommendations are", lead, quality_tables(report.quality))


def _bench(groups: Sequence[BenchGroup]) -> str:
    lead = (
        "One request with item pictures, on the same language model: decoding and encoding each picture as a "
        "stock vision model does, against one vector an item."
    )
    return section("bench", "What a reply costs", lead, bench_bars(groups))


def _imports(imported: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for one in imported:
        for kind in ("items", "events", "collections"):
            counts = one.get(kind)
            if not counts or not counts["read"]:
                continue
            refused = ", ".join(f"{text(why)}: {n:,}" for why, n in counts["rejected"].items()) or "none"
            first = f"{text(one['layout'])} <small>{kind}</small>"
            rows.append(
                [first, f"{counts['read']:,}", f"{counts['accepted']:,}", f"{counts['new']:,}", refused]
            )
    pictures = sum(one.get("images", 0) for one in imported)
    broken = sum(one.get("images_broken", 0) for one in imported)
    lead = f"{pictures:,} pictures, {broken:,} of them broken. Unusable rows are counted by reason."
    return section(
        "imports", "What came in", lead, table(["layout", "read", "accepted", "new", "rejected"], rows)
    )

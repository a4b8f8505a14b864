"""A person's taste as one HTML page that asks nothing of the network: a stream chart, pictures, words."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

import bowerbird.report as report
from bowerbird.data.events import ACTIONS
from bowerbird.data.images import open_picture
from bowerbird.errors import InputError
from bowerbird.report import Card, InterestChart
from bowerbird.report.markup import card, picture, section, table, text
from bowerbird.report.stream_chart import stream_chart
from bowerbird.taste.interests.ranking import Scale, moment, told_event
from bowerbird.taste.profile.medoids import DistinctTaste
from bowerbird.taste.profile.price_range import PriceComfort
from bowerbird.taste.profile.profile import Profile, TasteReader

_STYLE = Path(report.__file__).with_name("style.css")
_OWN_STYLE = Path(__file__).with_name("taste_page.css")
# No script and no address can be reached from the page, whatever a title holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
PICTURE_PX, THUMB_PX = 320, 96
MOST_TASTES, MOST_THUMBS, MOST_ROWS = 12, 4, 12


def taste_page(reader: TasteReader, profile: Profile, synthetic: bool) -> str:
    """The whole page, UTF-8: styles inline, pictures as data: URIs."""
    user, events = profile.state.user_id, len(profile.state.items)
    badge = '<p class="badge">Synthetic demo world</p>' if synthetic else ""
    parts = [
        _river(reader, profile),
        _changes(reader, profile),
        _tastes(reader, profile),
        _scales(profile),
        _prices(reader, profile),
        _against(reader, profile),
        _asked(profile),
        _did(reader, profile),
    ]
    style = _STYLE.read_text() + _OWN_STYLE.read_text()
    said = f"As of {moment(profile.now)[:10]}, from the latest {events:,} events that say something."
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>The taste of {text(user)}</title><style>{style}</style></head>"
        f'<body><main><header class="top">{badge}<h1>The taste of {text(user)}</h1><p>{said}</p></header>'
        f"{''.join(parts)}<footer>Written by bowerbird. This page holds everything it shows.</footer>"
        "</main></body></html>"
    )


def _river(reader: TasteReader, profile: Profile) -> str:
    state, drawn = profile.state, profile.timeline
    groups, names = reader.groups.group, reader.groups.names
    events = []
    for row, (item, at) in enumerate(zip(state.items.tolist(), state.at.tolist(), strict=True)):
        told = told_event(reader.catalogue, state, row)
        name = names[groups[item]] if groups[item] >= 0 else ""
        what = f"{told['at'][:10]} {told['action']}: {told['title']}"
        events.append((at, name, float(state.history.weights[row]), what))
    chart = InterestChart(drawn.names, drawn.times.tolist(), drawn.weights.T.tolist(), events)
    lead = (
        "Each band is an interest, wider while it is stronger. Below: the events, higher where they say more."
    )
    body = stream_chart(chart)
    return section("river", "How their taste moved", lead, body) if body else ""


def _changes(reader: TasteReader, profile: Profile) -> str:
    moves = []
    for one in profile.changes:
        way = "grew" if one.grew else "faded"
        cards = "".join(card(_card(reader, item)) for item in one.items[:8])
        moved = f'<span class="{way}">{way} from {one.then:.0%} to {one.now:.0%}</span>'
        moves.append(f'<div><h3>{text(one.name)} {moved}</h3><div class="strip">{cards}</div></div>')
    body = f'<p class="told">{text(profile.what_changed)}</p><div class="moves">{"".join(moves)}</div>'
    lead = "The last visits against all before. Small numbers change by chance: only what is more is told."
    return section("changes", "What changed this month", lead, body)


def _tastes(reader: TasteReader, profile: Profile) -> str:
    if not profile.tastes:
        return ""
    cards = "".join(_taste(reader, one) for one in profile.tastes[:MOST_TASTES])
    lead = "What they like, in groups of things that are alike; each is spoken for by one of its items."
    return section("tastes", "Distinct tastes", lead, f'<div class="tastes">{cards}</div>')


def _taste(reader: TasteReader, one: DistinctTaste) -> str:
    title = reader.catalogue.item(one.medoid).title
    others = [item for item in one.items if item != one.medoid][:MOST_THUMBS]
    thumbs = "".join(
        picture(_small(reader, item, THUMB_PX), reader.catalogue.item(item).title) for item in others
    )
    more = f'<div class="thumbs">{thumbs}</div>' if thumbs else ""
    return (
        f'<article class="card">{picture(_small(reader, one.medoid, PICTURE_PX), title)}<div class="words">'
        f'<span class="share">{one.share:.0%}</span><h3>{text(title)}</h3></div>{more}</article>'
    )


def _scales(profile: Profile) -> str:
    if not profile.interests:
        return ""
    shares = {scale: {one.number: one.share for one in found} for scale, found in profile.at_scale.items()}
    rows = []
    for one in profile.interests[:MOST_ROWS]:
        marks = [word for word in ("muted", "boosted", "corrected") if getattr(one, word)]
        name = text(one.name) + (f"<small>{', '.join(marks)}</small>" if marks else "")
        rows.append([name, *(_bar(shares[scale].get(one.number, 0.0)) for scale in Scale)])
    lead = "The share of each interest, if only a visit, a week or a season counts."
    return section("scales", "Interests", lead, table(["interest", *(scale.value for scale in Scale)], rows))


def _bar(share: float) -> str:
    width = f"{100 * min(1.0, share):.1f}"
    return (
        f'<span class="value">{share:.0%}<span class="bar ours"><span class="fill" style="width:{width}%">'
        "</span></span></span>"
    )


def _prices(reader: TasteReader, profile: Profile) -> str:
    rows: list[tuple[str, PriceComfort]] = [("everything", one) for one in profile.prices.overall]
    for number, found in profile.prices.by_interest.items():
        rows += [(reader.groups.names[number], one) for one in found]
    if not rows:
        return ""
    top = {
        currency: max(one.high for _, one in rows if one.currency == currency)
        for currency in {one.currency for _, one in rows}
    }
    body = "".join(_range(name, one, top[one.currency]) for name, one in rows)
    lead = "From the 10th to the 90th percentile of what they liked; the mark is the median."
    return section("prices", "What it may cost", lead, body)


def _range(name: str, one: PriceComfort, top: float) -> str:
    left, width, mark = (100 * value / top for value in (one.low, one.high - one.low, one.median))
    return (
        f'<div class="priced"><span>{text(name)}</span><span class="range" role="img" aria-label="prices">'
        f'<i style="left:{left:.1f}%;width:{width:.1f}%"></i>'
        f'<b style="left:min({mark:.1f}%, 100% - 3px)"></b></span>'
        f"<span>{one.low:,.2f} · <b>{one.median:,.2f}</b> · {one.high:,.2f} {text(one.currency)}</span></div>"
    )


def _against(reader: TasteReader, profile: Profile) -> str:
    names = reader.groups.names
    said = [
        f"{names[one.number]}: {one.hidden} hidden"
        + (f", {one.clicked} of {one.shown} shown were clicked" if one.shown else "")
        for one in profile.disliked
    ]
    said += [f"{one.name}: muted" for one in profile.interests if one.muted]
    said += [f"{one.name}: “not me”" for one in profile.disowned]
    cards = "".join(card(_card(reader, item)) for item in profile.hidden[:8])
    if not said and not cards:
        return ""
    chips = "".join(f"<li>{text(one)}</li>" for one in said)
    body = f'<ul class="chips">{chips}</ul>' + (f'<div class="strip">{cards}</div>' if cards else "")
    return section("against", "Not for them", "What they hid, passed over, or muted.", body)


def _asked(profile: Profile) -> str:
    rows = [
        [text(one["name"]), f"{len(one['item_ids'])} items", text(", ".join(one["interests"]))]
        for one in profile.boards[:MOST_ROWS]
    ]
    rows += [
        [f"“{text(one['query'])}”", one["at"][:10], text(", ".join(one["interests"]))]
        for one in profile.queries
    ]
    if not rows:
        return ""
    lead = "Their boards and latest searches, and the interests that these speak for."
    return section("asked", "Boards and searches", lead, table(["board or search", "", "interests"], rows))


def _did(reader: TasteReader, profile: Profile) -> str:
    state = profile.state
    rows = []
    for row in range(len(state.items) - 1, max(-1, len(state.items) - 1 - MOST_ROWS), -1):
        told = told_event(reader.catalogue, state, row)
        action = ACTIONS[state.actions[row]].value.replace("_", " ")
        rows.append([text(told["title"]), action, told["at"].replace("T", " ")])
    if not rows:
        return ""
    return section("did", "What they did last", "", table(["item", "did", "when (UTC)"], rows))


def _card(reader: TasteReader, position: int) -> Card:
    item = reader.catalogue.item(position)
    price = "" if item.price is None else f"{item.price:,.2f} {item.currency}"
    return Card(item.title, price, _small(reader, position, PICTURE_PX // 2))


def _small(reader: TasteReader, position: int, side: int) -> bytes | None:
    """An item's picture, no larger than `side` pixels, as JPEG; None where it has none that can be read."""
    encoded = reader.catalogue.image(position)
    if encoded is None:
        return None
    try:
        with open_picture(encoded, draft=(side, side)) as opened:
            image = opened.convert("RGB")
            image.thumbnail((side, side), Image.Resampling.LANCZOS)
    except (InputError, ValueError):
        return None
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82)
    return out.getvalue()

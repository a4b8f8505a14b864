"""A user's taste as one HTML page that makes no network requests: a stream chart, pictures, words."""

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
from bowerbird.taste.interests.ranking import Scale, describe_event, format_time
from bowerbird.taste.profile.changes import Change
from bowerbird.taste.profile.medoids import TasteCluster
from bowerbird.taste.profile.price_range import PriceComfort
from bowerbird.taste.profile.profile import Profile, TasteReader

_STYLE = Path(report.__file__).with_name("style.css")
_OWN_STYLE = Path(__file__).with_name("taste_page.css")
# The page can run no script and reach no address, whatever a title contains.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
PICTURE_PX, THUMB_PX = 320, 96
MAX_CLUSTERS, MAX_THUMBS, MAX_ROWS, MAX_CARDS = 12, 4, 12, 8


def taste_page(reader: TasteReader, profile: Profile, synthetic: bool) -> str:
    """The whole page, UTF-8: styles inline, pictures as data: URIs."""
    user, events = profile.state.user_id, len(profile.state.items)
    badge = '<p class="badge">Synthetic demo world</p>' if synthetic else ""
    parts = [
        _interest_stream(reader, profile),
        _changes(reader, profile),
        _taste_clusters(reader, profile),
        _scales(profile),
        _prices(reader, profile),
        _dislikes(reader, profile),
        _queries_and_boards(profile),
        _recent_events(reader, profile),
    ]
    style = _STYLE.read_text() + _OWN_STYLE.read_text()
    lead = f"As of {format_time(profile.now)[:10]}, from the latest {events:,} events, without impressions."
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>The taste of {text(user)}</title><style>{style}</style></head>"
        f'<body><main><header class="top">{badge}<h1>The taste of {text(user)}</h1><p>{lead}</p></header>'
        f"{''.join(parts)}<footer>Written by bowerbird. This page is self-contained.</footer>"
        "</main></body></html>"
    )


def _interest_stream(reader: TasteReader, profile: Profile) -> str:
    state, timeline = profile.state, profile.timeline
    groups, names = reader.groups.group, reader.groups.names
    events = []
    for row, (item, at) in enumerate(zip(state.items.tolist(), state.at.tolist(), strict=True)):
        event = describe_event(reader.catalogue, state, row)
        name = names[groups[item]] if groups[item] >= 0 else ""
        description = f"{event['at'][:10]} {event['action']}: {event['title']}"
        events.append((at, name, float(state.history.weights[row]), description))
    chart = InterestChart(timeline.names, timeline.times.tolist(), timeline.weights.T.tolist(), events)
    lead = "Each band is an interest, wider while it is stronger. Below: the events, by their weight."
    body = stream_chart(chart)
    return section("river", "Interests over time", lead, body) if body else ""


def _changes(reader: TasteReader, profile: Profile) -> str:
    changes = "".join(_change(reader, change) for change in profile.changes)
    body = f'<p class="summary">{text(profile.change_sentence)}</p><div class="moves">{changes}</div>'
    lead = "The last sessions compared with all before. Only changes larger than chance are shown."
    return section("changes", "What changed this month", lead, body)


def _change(reader: TasteReader, change: Change) -> str:
    direction = "grew" if change.grew else "faded"
    cards = "".join(card(_card(reader, item)) for item in change.items[:MAX_CARDS])
    shares = f'<span class="{direction}">{direction} from {change.then:.0%} to {change.now:.0%}</span>'
    return f'<div><h3>{text(change.name)} {shares}</h3><div class="strip">{cards}</div></div>'


def _taste_clusters(reader: TasteReader, profile: Profile) -> str:
    if not profile.clusters:
        return ""
    cards = "".join(_taste_cluster(reader, cluster) for cluster in profile.clusters[:MAX_CLUSTERS])
    lead = "What they like, in clusters of similar items; each is represented by one of its items."
    return section("tastes", "Taste clusters", lead, f'<div class="tastes">{cards}</div>')


def _taste_cluster(reader: TasteReader, cluster: TasteCluster) -> str:
    title = reader.catalogue.item(cluster.medoid).title
    others = [item for item in cluster.items if item != cluster.medoid][:MAX_THUMBS]
    thumbs = "".join(
        picture(_small_picture(reader, item, THUMB_PX), reader.catalogue.item(item).title) for item in others
    )
    thumb_row = f'<div class="thumbs">{thumbs}</div>' if thumbs else ""
    medoid = picture(_small_picture(reader, cluster.medoid, PICTURE_PX), title)
    return (
        f'<article class="card">{medoid}<div class="words">'
        f'<span class="share">{cluster.share:.0%}</span><h3>{text(title)}</h3></div>{thumb_row}</article>'
    )


def _scales(profile: Profile) -> str:
    if not profile.interests:
        return ""
    shares = {
        scale: {interest.number: interest.share for interest in interests}
        for scale, interests in profile.at_scale.items()
    }
    rows = []
    for interest in profile.interests[:MAX_ROWS]:
        flags = [flag for flag in ("muted", "boosted", "corrected") if getattr(interest, flag)]
        name = text(interest.name) + (f"<small>{', '.join(flags)}</small>" if flags else "")
        rows.append([name, *(_bar(shares[scale].get(interest.number, 0.0)) for scale in Scale)])
    lead = "The share of each interest, if only a session, a week or a season counts."
    return section("scales", "Interests", lead, table(["interest", *(scale.value for scale in Scale)], rows))


def _bar(share: float) -> str:
    width = f"{100 * min(1.0, share):.1f}"
    return (
        f'<span class="value">{share:.0%}<span class="bar ours"><span class="fill" style="width:{width}%">'
        "</span></span></span>"
    )


def _prices(reader: TasteReader, profile: Profile) -> str:
    rows: list[tuple[str, PriceComfort]] = [("everything", comfort) for comfort in profile.prices.overall]
    for number, comforts in profile.prices.by_interest.items():
        rows += [(reader.groups.names[number], comfort) for comfort in comforts]
    if not rows:
        return ""
    top: dict[str, float] = {}  # highest price of each currency
    for _, comfort in rows:
        top[comfort.currency] = max(comfort.high, top.get(comfort.currency, comfort.high))
    body = "".join(_price_range(name, comfort, top[comfort.currency]) for name, comfort in rows)
    lead = "From the 10th to the 90th percentile of what they liked; the mark is the median."
    return section("prices", "Price comfort", lead, body)


def _price_range(name: str, comfort: PriceComfort, top: float) -> str:
    low, median, high = comfort.low, comfort.median, comfort.high
    left, width, mark = (100 * value / top for value in (low, high - low, median))
    return (
        f'<div class="priced"><span>{text(name)}</span><span class="range" role="img" aria-label="prices">'
        f'<i style="left:{left:.1f}%;width:{width:.1f}%"></i>'
        f'<b style="left:min({mark:.1f}%, 100% - 3px)"></b></span>'
        f"<span>{low:,.2f} · <b>{median:,.2f}</b> · {high:,.2f} {text(comfort.currency)}</span></div>"
    )


def _dislikes(reader: TasteReader, profile: Profile) -> str:
    names = reader.groups.names
    lines = [
        f"{names[interest.number]}: {interest.hidden} hidden"
        + (f", {interest.clicked} of {interest.shown} shown were clicked" if interest.shown else "")
        for interest in profile.disliked
    ]
    lines += [f"{interest.name}: muted" for interest in profile.interests if interest.muted]
    lines += [f"{interest.name}: “not me”" for interest in profile.excluded_interests]
    cards = "".join(card(_card(reader, item)) for item in profile.hidden[:MAX_CARDS])
    if not lines and not cards:
        return ""
    chips = "".join(f"<li>{text(line)}</li>" for line in lines)
    body = f'<ul class="chips">{chips}</ul>' + (f'<div class="strip">{cards}</div>' if cards else "")
    return section("against", "Not for them", "What they hid, passed over, or muted.", body)


def _queries_and_boards(profile: Profile) -> str:
    rows = [
        [text(board["name"]), f"{len(board['item_ids'])} items", text(", ".join(board["interests"]))]
        for board in profile.boards[:MAX_ROWS]
    ]
    rows += [
        [f"“{text(query['query'])}”", query["at"][:10], text(", ".join(query["interests"]))]
        for query in profile.queries
    ]
    if not rows:
        return ""
    lead = "Their boards and latest queries, and the interests that these belong to."
    return section("queries", "Boards and queries", lead, table(["board or query", "", "interests"], rows))


def _recent_events(reader: TasteReader, profile: Profile) -> str:
    state = profile.state
    rows = []
    for row in range(len(state.items) - 1, max(-1, len(state.items) - 1 - MAX_ROWS), -1):
        event = describe_event(reader.catalogue, state, row)
        action = ACTIONS[state.actions[row]].value.replace("_", " ")
        rows.append([text(event["title"]), action, event["at"].replace("T", " ")])
    if not rows:
        return ""
    return section("did", "Recent events", "", table(["item", "action", "time (UTC)"], rows))


def _card(reader: TasteReader, position: int) -> Card:
    item = reader.catalogue.item(position)
    price = "" if item.price is None else f"{item.price:,.2f} {item.currency}"
    return Card(item.title, price, _small_picture(reader, position, PICTURE_PX // 2))


def _small_picture(reader: TasteReader, position: int, max_px: int) -> bytes | None:
    """An item's picture, no larger than `max_px` pixels, as JPEG; None where it has none that can be read."""
    encoded = reader.catalogue.image(position)
    if encoded is None:
        return None
    try:
        with open_picture(encoded, draft=(max_px, max_px)) as decoded:
            image = decoded.convert("RGB")
            image.thumbnail((max_px, max_px), Image.Resampling.LANCZOS)
    except (InputError, ValueError):
        return None
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82)
    return out.getvalue()

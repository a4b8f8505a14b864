"""A user's taste as one HTML page that makes no network requests: a stream chart, pictures, text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from bowerbird.data.events import ACTIONS
from bowerbird.data.files.images import open_picture
from bowerbird.errors import InputError
from bowerbird.report.contents import Card, InterestChart
from bowerbird.report.rendering import fixed, render
from bowerbird.report.stream_chart import StreamDrawing, draw_stream
from bowerbird.taste.interests.ranking import Interest, Scale, describe_event, format_time
from bowerbird.taste.profile.changes import Change
from bowerbird.taste.profile.medoids import TasteCluster
from bowerbird.taste.profile.price_range import PriceComfort
from bowerbird.taste.profile.profile import Profile
from bowerbird.taste.profile.reader import TasteReader

PICTURE_PX, THUMB_PX = 320, 96
MAX_CLUSTERS, MAX_THUMBS, MAX_ROWS, MAX_CARDS = 12, 4, 12, 8


@dataclass(frozen=True)
class ClusterCard:
    """A taste cluster: its representative and some others of its items."""

    share: float
    medoid: Card
    others: Sequence[Card]


@dataclass(frozen=True)
class InterestRow:
    """One interest and its share at each scale."""

    name: str
    flags: Sequence[str]
    shares: Sequence[float]


@dataclass(frozen=True)
class PriceRow:
    """A range of prices as a bar, in per cent of the highest price in its currency."""

    name: str
    comfort: PriceComfort
    left: float
    width: float
    mark: float


@dataclass(frozen=True)
class TastePage:
    """What `taste.html` shows; an empty part is left out."""

    as_of: str
    events: int
    stream: StreamDrawing | None
    change_sentence: str
    changes: Sequence[tuple[Change, Sequence[Card]]]
    clusters: Sequence[ClusterCard]
    scales: Sequence[str]
    interests: Sequence[InterestRow]
    prices: Sequence[PriceRow]
    dislikes: Sequence[str]
    hidden: Sequence[Card]
    queries_and_boards: Sequence[Sequence[str]]
    recent: Sequence[Sequence[str]]


def taste_page(reader: TasteReader, profile: Profile, synthetic: bool) -> str:
    """Render the whole page, UTF-8: styles inline, pictures as data: URIs."""
    page = TastePage(
        as_of=format_time(profile.now)[:10],
        events=len(profile.state.items),
        stream=interest_stream(reader, profile),
        change_sentence=profile.change_sentence,
        changes=[(change, _cards(reader, change.items[:MAX_CARDS])) for change in profile.changes],
        clusters=[_cluster_card(reader, cluster) for cluster in profile.clusters[:MAX_CLUSTERS]],
        scales=[scale.value for scale in Scale],
        interests=[_interest_row(profile, interest) for interest in profile.interests[:MAX_ROWS]],
        prices=_price_rows(reader, profile),
        dislikes=_dislikes(reader, profile),
        hidden=_cards(reader, profile.hidden[:MAX_CARDS]),
        queries_and_boards=_queries_and_boards(profile),
        recent=_recent_events(reader, profile),
    )
    title = f"The taste of {profile.state.user_id}"
    return render("taste.html", title=title, synthetic=synthetic, page=page)


def interest_stream(reader: TasteReader, profile: Profile) -> StreamDrawing | None:
    """A profile's interests over time as a drawing; None where there is too little to draw."""
    state, timeline = profile.state, profile.timeline
    groups, names = reader.groups.group, reader.groups.names
    events = []
    for row, (item, at) in enumerate(zip(state.items.tolist(), state.at.tolist(), strict=True)):
        event = describe_event(reader.catalogue, state, row)
        name = names[groups[item]] if groups[item] >= 0 else ""
        description = f"{event['at'][:10]} {event['action']}: {event['title']}"
        events.append((at, name, float(state.history.weights[row]), description))
    return draw_stream(
        InterestChart(timeline.names, timeline.times.tolist(), timeline.weights.T.tolist(), events)
    )


def _cluster_card(reader: TasteReader, cluster: TasteCluster) -> ClusterCard:
    others = [item for item in cluster.items if item != cluster.medoid][:MAX_THUMBS]
    medoid = Card(
        reader.catalogue.item(cluster.medoid).title, "", _small_picture(reader, cluster.medoid, PICTURE_PX)
    )
    return ClusterCard(
        cluster.share,
        medoid,
        [
            Card(reader.catalogue.item(item).title, "", _small_picture(reader, item, THUMB_PX))
            for item in others
        ],
    )


def _interest_row(profile: Profile, interest: Interest) -> InterestRow:
    flags = [flag for flag in ("muted", "boosted", "corrected") if getattr(interest, flag)]
    shares = [
        next((other.share for other in profile.at_scale[scale] if other.number == interest.number), 0.0)
        for scale in Scale
    ]
    return InterestRow(interest.name, flags, shares)


def _price_rows(reader: TasteReader, profile: Profile) -> list[PriceRow]:
    ranges = [("everything", comfort) for comfort in profile.prices.overall]
    for number, comforts in profile.prices.by_interest.items():
        ranges += [(reader.groups.names[number], comfort) for comfort in comforts]
    top: dict[str, float] = {}  # highest price of each currency
    for _, comfort in ranges:
        top[comfort.currency] = max(comfort.high, top.get(comfort.currency, comfort.high))
    return [_price_row(name, comfort, 100 / top[comfort.currency]) for name, comfort in ranges]


def _price_row(name: str, comfort: PriceComfort, scale: float) -> PriceRow:
    width = (comfort.high - comfort.low) * scale
    return PriceRow(name, comfort, comfort.low * scale, width, comfort.median * scale)


def _dislikes(reader: TasteReader, profile: Profile) -> list[str]:
    names = reader.groups.names
    lines = [
        f"{names[interest.number]}: {interest.hidden} hidden"
        + (f", {interest.clicked} of {interest.shown} shown were clicked" if interest.shown else "")
        for interest in profile.disliked
    ]
    lines += [f"{interest.name}: muted" for interest in profile.interests if interest.muted]
    return lines + [f"{interest.name}: “not me”" for interest in profile.excluded_interests]


def _queries_and_boards(profile: Profile) -> list[list[str]]:
    rows = [
        [board["name"], f"{len(board['item_ids'])} items", ", ".join(board["interests"])]
        for board in profile.boards[:MAX_ROWS]
    ]
    return rows + [
        [f"“{query['query']}”", query["at"][:10], ", ".join(query["interests"])] for query in profile.queries
    ]


def _recent_events(reader: TasteReader, profile: Profile) -> list[list[str]]:
    state, rows = profile.state, []
    for row in range(len(state.items) - 1, max(-1, len(state.items) - 1 - MAX_ROWS), -1):
        event = describe_event(reader.catalogue, state, row)
        action = ACTIONS[state.actions[row]].value.replace("_", " ")
        rows.append([event["title"], action, event["at"].replace("T", " ")])
    return rows


def _cards(reader: TasteReader, positions: Sequence[int]) -> list[Card]:
    return [_card(reader, position) for position in positions]


def _card(reader: TasteReader, position: int) -> Card:
    item = reader.catalogue.item(position)
    price = "" if item.price is None else f"{fixed(item.price, 2)} {item.currency}"
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

"""`bowerbird evaluate --live`: what it is worth that every event counts at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.cli.evaluation_tables import with_ends
from bowerbird.cli.output import plain
from bowerbird.data.events import ACTIONS, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store, write_atomically
from bowerbird.embed.vectors import load_vectors
from bowerbird.errors import InputError
from bowerbird.evaluate.freshness import MAIN, Part, Prequential, parts_of
from bowerbird.evaluate.prequential import (
    DAILY,
    DAY,
    FROZEN,
    LIVE,
    MOST_ASKS,
    WEEKLY,
    Arm,
    Asks,
    PopularNow,
    asks_of,
    places_found,
)
from bowerbird.evaluate.report.freshness import freshness_picture
from bowerbird.recommend.ranking import OurRanker
from bowerbird.recommend.saved import fitted_ranker
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests import Interests

FRESHNESS = {"live": LIVE, "daily": DAILY, "weekly": WEEKLY, "frozen": FROZEN}
POPULAR = "popularity, live"


class Answers:
    """The last answer to each of some arms, so that those that know the same rank once."""

    def __init__(self) -> None:
        self._asked: tuple[str, int, bytes] = ("", 0, b"")
        self._found: dict[bytes, np.ndarray] = {}

    def to(self, user_id: str, at: int, open_: np.ndarray) -> dict[bytes, np.ndarray]:
        """Answers to one question, by what was known."""
        asked = (user_id, at, open_.tobytes())
        if asked != self._asked:
            self._asked, self._found = asked, {}
        return self._found


class Tasted:
    """A fitted ranker that reads people from a taste graph of its own; the ranker stays as it is."""

    def __init__(
        self, store: Store, catalogue: Catalogue, interests: Interests, ranker: OurRanker, answers: Answers
    ) -> None:
        """`answers` is shared by the arms."""
        self.ranker = ranker
        self.graph = TasteGraph(store, catalogue, interests)
        self._answers = answers

    def tell(self, events: Interactions) -> None:
        ids = self.graph.catalogue.ids
        columns = (events.user.tolist(), events.item.tolist(), events.action.tolist(), events.at.tolist())
        self.graph.learn(
            [
                Event(events.users[user], ids[item], ACTIONS[action], _moment(at), event_id="told")
                for user, item, action, at in zip(*columns, strict=True)
            ]
        )

    def ask(self, user_id: str, at: int, open_: np.ndarray, n: int) -> np.ndarray:
        state = self.graph.state(user_id)
        history, unseen = state.history, state.unseen(len(open_))
        known = b"".join(one.tobytes() for one in (history.items, history.actions, history.at, unseen))
        found = self._answers.to(user_id, at, open_)
        if known not in found:
            found[known] = self.ranker.rank_scored([history], n, open_ & unseen, now=at)[0][0]
        return found[known]


def _moment(at: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)


@dataclass(frozen=True)
class Stream:
    """What a store's arms are judged on: the log, the moment of training, what is asked after it."""

    events: Interactions
    start: int
    asks: Asks
    all_asks: int
    launched: np.ndarray

    @property
    def dates_only(self) -> bool:
        return not (self.events.at % DAY).any()

    @classmethod
    def of(cls, snapshot: StoreSnapshot, most: int = MOST_ASKS, seed: int = 0) -> Stream:
        """Raises `InputError` where the vectors were trained on everything, or nothing came later."""
        holdout = Holdout(**load_vectors(snapshot).meta["holdout"])
        if holdout.until is None:
            raise InputError(
                "nothing was kept from training: train with `bowerbird embed STORE --holdout default`"
            )
        catalogue = snapshot.catalogue
        events = Interactions.of(snapshot.store.log.read(), catalogue)
        asks = asks_of(events, holdout.until, most=most, seed=seed)
        everything = asks_of(events, holdout.until, most=len(events))
        return cls(events, holdout.until, asks, len(everything), catalogue.launched)

    def judged(self, places: Mapping[str, np.ndarray], trained: Mapping[str, Any]) -> Prequential:
        """By where each arm had the liked items, (A,) or (models, A); `trained` names the models."""
        return Prequential(
            start=self.start,
            until=int(self.events.at[self.asks.rows[-1]]),
            dates_only=self.dates_only,
            all_asks=self.all_asks,
            parts=parts_of(self.asks, places, self.dates_only),
            trained=trained,
        )


def places_on(snapshot: StoreSnapshot, stream: Stream) -> dict[str, np.ndarray]:
    """Where each arm had the liked items, (A,) by arm; the store's ranker is learnt where there is none."""
    store, catalogue = snapshot.store, snapshot.catalogue
    ranker, _ = fitted_ranker(snapshot)
    interests = TasteGraph.open(snapshot).interests_of_items
    answers = Answers()
    arms = {
        name: Arm(Tasted(store, catalogue, interests, ranker, answers), freshness)
        for name, freshness in FRESHNESS.items()
    }
    arms[POPULAR] = Arm(PopularNow(len(catalogue)), LIVE)
    return places_found(arms, stream.events, stream.asks, stream.start, stream.launched)


def evaluate_live(store: Store, most: int = MOST_ASKS, seed: int = 0) -> Prequential:
    """Judge the store's recommender along its log, told at once, daily, weekly and never.

    Writes `live.json` and a picture, `live.svg`, to the store's reports. Where more than `most` likes could
    be asked for, some are drawn with `seed`. Raises `StoreError` where the store has no vectors,
    `InputError` where nothing can be asked.
    """
    snapshot = store.snapshot()
    vectors = load_vectors(snapshot)
    stream = Stream.of(snapshot, most, seed)
    places = places_on(snapshot, stream)
    trained = {"vectors": vectors.version, "seed": vectors.meta.get("seed")}
    result = stream.judged(places, trained)
    told = plain(result.as_dict())
    write_atomically(store.reports / "live.json", json.dumps(told, indent=1).encode())
    write_atomically(store.reports / "live.svg", freshness_picture(told["parts"]).encode())
    return result


def tell_live(console: Console, result: Prequential) -> None:
    """Every part of the asks as a table: arms, their metrics, and how many times theirs the live one is."""
    start, until = (_moment(at).strftime("%Y-%m-%d %H:%M") for at in (result.start, result.until))
    asked = result.parts[0].asks
    drawn = (
        "" if asked == result.all_asks else f" (of {result.all_asks:,}; of busy people some, drawn at random)"
    )
    console.print(
        f"{asked:,} first likes{drawn} from {start} to {until} UTC, each asked before it was told; the model "
        "knows nothing after the first moment, arms differ in when they are told what happened since.",
        highlight=False,
    )
    if result.dates_only:
        console.print("Events have no time of day: those of one day come in the log's order.")
    for part in result.parts:
        console.print(_table(part))


def _table(part: Part) -> Table:
    title = f"{part.name}: {part.asks:,} asks of {part.people:,} people"
    table = Table("arm", title=title, title_justify="left")
    live = next(iter(part.metrics))
    for metric in part.metrics[live]:
        table.add_column(metric, justify="right")
        if metric in MAIN:
            table.add_column("live is × it", justify="right")
    ratios = {(one.arm, one.metric): one.ratio for one in part.versus}
    for arm, values in part.metrics.items():
        cells = []
        for metric, interval in values.items():
            cells.append(with_ends(interval))
            if metric in MAIN:
                cells.append("" if arm == live else with_ends(ratios[arm, metric], 2))
        table.add_row(arm, *cells, style="cyan" if arm == live else None)
    return table

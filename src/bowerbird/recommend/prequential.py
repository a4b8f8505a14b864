"""Prequential evaluation of a store's recommender: what it gains from updates in real time, daily, weekly,
never.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.data.json_values import plain
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store, write_atomically
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.errors import InputError
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
from bowerbird.evaluate.prequential_comparison import Prequential, parts_of
from bowerbird.recommend.evaluation import graph_of
from bowerbird.recommend.recommender import Recommender
from bowerbird.report.prequential import freshness_picture

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


class GraphArm:
    """The served recommender over a taste graph of its own, which knows what the arm was told."""

    def __init__(self, recommender: Recommender, answers: Answers) -> None:
        """`answers` is shared by the arms."""
        nothing = Interactions.empty(len(recommender.catalogue))
        self.graph = graph_of(recommender.taste, nothing)
        self._recommender = recommender.with_graph(self.graph)
        self._answers = answers
        self._known = 0

    def tell(self, events: Interactions) -> None:
        self.graph.learn_interactions(events)
        self._known += len(events)

    def ask(self, user_id: str, at: int, open_: np.ndarray, n: int) -> np.ndarray:
        answers, known = self._answers.to(user_id, at, open_), str(self._known).encode()
        if known not in answers:
            state = self.graph.state(user_id)
            ranked = next(self._recommender.lists([state], n, now=[at], eligible=open_))
            answers[known] = ranked.positions
        return answers[known]


def moment_of(at: int) -> datetime:
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


def places_on(recommender: Recommender, stream: Stream) -> dict[str, np.ndarray]:
    """Rank of the liked items in each arm's lists, (A,) by arm."""
    answers = Answers()
    arms = {name: Arm(GraphArm(recommender, answers), freshness) for name, freshness in FRESHNESS.items()}
    arms[POPULAR] = Arm(PopularNow(len(recommender.catalogue)), LIVE)
    return places_found(arms, stream.events, stream.asks, stream.start, stream.launched)


def evaluate_prequential(store: Store, most: int = MOST_ASKS, seed: int = 0) -> Prequential:
    """Judge the store's recommender along its log, told at once, daily, weekly and never.

    Writes `live.json` and a picture, `live.svg`, to the store's reports. Where more than `most` likes could
    be asked for, some are drawn with `seed`. Raises `StoreError` where the store has no vectors,
    `InputError` where nothing can be asked.
    """
    snapshot = store.snapshot()
    recommender, vectors = Recommender.open(snapshot), load_vectors(snapshot)
    stream = Stream.of(snapshot, most, seed)
    places = places_on(recommender, stream)
    trained = {"vectors": vectors.version, "seed": vectors.meta.get("seed")}
    result = stream.judged(places, trained)
    told = plain(result.as_dict())
    write_atomically(store.reports / "live.json", json.dumps(told, indent=1).encode())
    write_atomically(store.reports / "live.svg", freshness_picture(told["parts"]).encode())
    return result

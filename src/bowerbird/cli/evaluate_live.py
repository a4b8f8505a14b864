"""`bowerbird evaluate --live`: what it is worth that every event counts at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from bowerbird.data.events import ACTIONS, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.vectors import load_vectors
from bowerbird.errors import InputError
from bowerbird.evaluate.freshness import Prequential, parts_of
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
            found[known] = self.ranker.rank_scored([history], n, open_ & unseen)[0][0]
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
    def of(cls, store: Store, catalogue: Catalogue, most: int = MOST_ASKS, seed: int = 0) -> Stream:
        """Raises `InputError` where the vectors were trained on everything, or nothing came later."""
        holdout = Holdout(**load_vectors(store).meta["holdout"])
        if holdout.until is None:
            raise InputError(
                "nothing was kept from training: train with `bowerbird embed STORE --holdout default`"
            )
        events = Interactions.of(store.log.read(), catalogue)
        asks = asks_of(events, holdout.until, most=most, seed=seed)
        everything = asks_of(events, holdout.until, most=len(events))
        return cls(events, holdout.until, asks, len(everything), catalogue.launched)


def places_on(store: Store, stream: Stream, catalogue: Catalogue) -> dict[str, np.ndarray]:
    """Where each arm had the liked items, (A,) by arm; the store's ranker is learnt where there is none."""
    vectors = load_vectors(store)
    ranker, _ = fitted_ranker(store, vectors, catalogue)
    interests = TasteGraph.open(store).interests_of_items
    answers = Answers()
    arms = {
        name: Arm(Tasted(store, catalogue, interests, ranker, answers), freshness)
        for name, freshness in FRESHNESS.items()
    }
    arms[POPULAR] = Arm(PopularNow(len(catalogue)), LIVE)
    return places_found(arms, stream.events, stream.asks, stream.start, stream.launched)


def evaluate_live(store: Store, most: int = MOST_ASKS, seed: int = 0) -> Prequential:
    """Judge the store's recommender along its log, told at once, daily, weekly, never.

    Raises `StoreError` where the store has no vectors, `InputError` where nothing can be asked.
    """
    catalogue, vectors = store.catalogue(), load_vectors(store)
    stream = Stream.of(store, catalogue, most, seed)
    places = places_on(store, stream, catalogue)
    return Prequential(
        start=stream.start,
        until=int(stream.events.at[stream.asks.rows[-1]]),
        dates_only=stream.dates_only,
        all_asks=stream.all_asks,
        parts=parts_of(stream.asks, places, stream.dates_only),
        trained={"vectors": vectors.version, "seed": vectors.meta.get("seed")},
    )

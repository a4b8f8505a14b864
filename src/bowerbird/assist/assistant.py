"""The assistant: understands a message, finds items that satisfy it, words a reply naming only those."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from bowerbird.assist.conversation import Conversation, Turn
from bowerbird.assist.model_words import ModelWords
from bowerbird.assist.reply import Named, Reply, as_shown
from bowerbird.assist.request import Request
from bowerbird.assist.retrieval import Signals, constraints_of, near_misses, ranked, unknown_words
from bowerbird.assist.understanding import understand
from bowerbird.assist.wording import line, opening, opening_of_near_misses, small_talk, wish
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import TEXTS, StoreSnapshot
from bowerbird.embed.index.vectors import item_matrix
from bowerbird.errors import BackboneError, InputError, StoreError
from bowerbird.text.lexicon import Lexicon
from bowerbird.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from bowerbird.embed.search.query import QueryEncoder
    from bowerbird.graft.model import Graft
    from bowerbird.recommend.recommender import Recommender
    from bowerbird.taste.graph import TasteGraph

T = TypeVar("T")

_TASTE_DEPTH = 200
"""How many of a person's recommendations count as signs of taste for one request."""
_PLAIN_FACTS = ("solid", "plain")
_FACTS = ("material", "style", "pattern", "colour", "genre", "brand")


@dataclass(frozen=True)
class Found:
    """Items for a message, not worded yet."""

    request: Request
    items: tuple[Named, ...]
    nearest: tuple[Named, ...]
    unmet: tuple[str, ...]
    personal: bool


class Assistant:
    """Answers messages about one store's items. Parts that are not there yet (query encoder, graft, events)
    are done without: then words are matched as words, and replies are worded by templates.

    `matrix` (items, dim) float32 are the item vectors by position, zero rows where an item has none.
    """

    def __init__(self, snapshot: StoreSnapshot, catalogue: Catalogue, matrix: np.ndarray) -> None:
        self.snapshot = snapshot
        self.catalogue = catalogue
        self.matrix = matrix

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> Assistant:
        """Open over a store with a catalogue and vectors; `StoreError` where one is missing."""
        return cls(snapshot, snapshot.catalogue, item_matrix(snapshot))

    def without_model(self) -> Assistant:
        """The same assistant, worded by templates: what a server answers with while the model is busy."""
        other = copy(self)
        other.__dict__["voice"] = None
        return other

    # -- parts, loaded when first needed ------------------------------------------------------------------

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return self.snapshot.open_once(
            "vocabulary", lambda: Vocabulary.of(self.catalogue), of=("vectors", TEXTS)
        )

    @cached_property
    def lexicon(self) -> Lexicon:
        return self.snapshot.open_once("lexicon", lambda: Lexicon.of(self.catalogue), of=("vectors", TEXTS))

    @cached_property
    def encoder(self) -> QueryEncoder | None:
        return _if_there(lambda: _opened_encoder(self.snapshot))

    @cached_property
    def graft(self) -> Graft | None:
        return _if_there(lambda: _opened_graft(self.snapshot))

    @cached_property
    def voice(self) -> ModelWords | None:
        """The language model's words, where a graft was trained."""
        return ModelWords(self.graft, self.vocabulary, self.catalogue) if self.graft else None

    @cached_property
    def taste(self) -> TasteGraph | None:
        return _if_there(lambda: _opened_taste(self.snapshot))

    @cached_property
    def recommender(self) -> Recommender | None:
        return _if_there(lambda: _opened_recommender(self.snapshot))

    # -- answers ------------------------------------------------------------------------------------------

    def reply(
        self,
        conversation: Conversation,
        text: str,
        user: str | None = None,
        image: bytes | None = None,
        items: Sequence[str] = (),
        n: int = 4,
    ) -> Reply:
        """Answer a message and add the turn to `conversation`. `items` are ids to resemble, `image` an
        encoded picture to resemble; `text` may then be empty. Raises `InputError` for a request that says
        nothing, an unknown item, a broken image."""
        last: Reply | None = None
        for piece in self.stream(conversation, text, user, image, items, n):
            if isinstance(piece, Reply):
                last = piece
        assert last is not None
        return last

    def stream(
        self,
        conversation: Conversation,
        text: str,
        user: str | None = None,
        image: bytes | None = None,
        items: Sequence[str] = (),
        n: int = 4,
    ) -> Iterator[str | Reply]:
        """Like `reply`: pieces of the text as they are ready (joined, its text), then the `Reply`."""
        courtesy = None if image or items else small_talk(text)
        if courtesy is not None:
            yield courtesy
            yield Reply(text=courtesy, items=(), request=conversation.request or Request())
            return
        found = self._found(conversation, text, user, image, items, n)
        told, by_model = "", []
        for piece, modelled in self._worded(found):
            told += piece
            by_model.append(modelled)
            yield piece
        reply = Reply(
            text=told,
            items=found.items,
            nearest=found.nearest,
            constraints=tuple(found.request.said()),
            unmet=found.unmet,
            wording="model" if all(by_model) else "mixed" if any(by_model) else "template",
            request=found.request,
        )
        conversation.add(Turn(text, found.request, as_shown(reply.shown), told))
        yield reply

    def find(self, conversation: Conversation, text: str, user: str | None = None, n: int = 4) -> Found:
        """The items for a message, without wording; adds the turn to `conversation`."""
        if small_talk(text) is not None:
            return Found(conversation.request or Request(), (), (), (), False)
        found = self._found(conversation, text, user, None, (), n)
        conversation.add(Turn(text, found.request, as_shown(found.items or found.nearest)))
        return found

    def _found(
        self,
        conversation: Conversation,
        text: str,
        user: str | None,
        image: bytes | None,
        items: Sequence[str],
        n: int,
    ) -> Found:
        if text.strip() or not (image or items):
            request = understand(
                text, self.vocabulary, conversation.request, conversation.shown, self.lexicon.items_by_stem
            )
        else:
            request = Request()
        for item_id in items:
            if item_id not in self.catalogue:
                raise InputError(f"no item {item_id!r} in the catalogue: name items by their id")
        request = replace(
            request,
            like=(*request.like, *items),
            without=tuple(dict.fromkeys((*request.without, *items))),
        )
        return self._retrieved(request, user, image, n)

    def _retrieved(self, request: Request, user: str | None, image: bytes | None, n: int) -> Found:
        constraints = constraints_of(request, self.catalogue, self.vocabulary)
        base = self.catalogue.available.copy()
        base[[self.catalogue.position[i] for i in request.without if i in self.catalogue]] = False
        allowed = base.copy()
        for constraint in constraints:
            allowed &= constraint.mask
        offered = allowed if allowed.any() else base
        reasons, taste = self._tasted(user, offered)
        signals = Signals(self._meaning(request, image), self.lexicon.scores(request.words), taste)

        def rank(mask: np.ndarray, count: int) -> list[int]:
            return ranked(request, mask, signals, self.catalogue, self.vocabulary, count)

        positions = rank(allowed, n)
        if positions:
            named = tuple(self._named(p, request, reasons.get(p, "")) for p in positions)
            return Found(request, named, (), self._unmet_words(request, image), taste is not None)
        near = near_misses(constraints, base, rank, self.catalogue.prices, request.price, n)
        nearest = tuple(
            replace(
                self._named(p, request, reasons.get(p, ""), near=True),
                differences=tuple(c.difference(p) for c in missed),
            )
            for p, missed in near
        )
        return Found(request, (), nearest, (wish(request),), taste is not None)

    def _unmet_words(self, request: Request, image: bytes | None) -> tuple[str, ...]:
        if image or request.like or request.price.bounded:
            return ()
        return tuple(f"no item mentions “{word}”" for word in unknown_words(request, self.lexicon)[:1])

    # -- what speaks for items ----------------------------------------------------------------------------

    def _meaning(self, request: Request, image: bytes | None) -> np.ndarray | None:
        """Cosine of every item to the request's words, picture and items to resemble, (items,) float32."""
        queries = []
        like = [self.catalogue.position[i] for i in request.like if i in self.catalogue]
        if like:
            queries.append(self.matrix[like].mean(axis=0))
        words = request.words if self.lexicon.content_stems(request.words) else ""
        if image is not None:
            if self.encoder is None:
                raise StoreError("a picture can't be read without the backbones: run `bowerbird models pull`")
            queries.append(
                self.encoder.encode_query(words, image) if words else self.encoder.encode_images([image])[0]
            )
        elif words and self.encoder is not None:
            queries.append(self.encoder.encode_texts([words])[0])
        if not queries:
            return None
        similar: np.ndarray = self.matrix @ np.mean(queries, axis=0).astype(np.float32)
        return similar

    def _tasted(self, user: str | None, allowed: np.ndarray) -> tuple[dict[int, str], np.ndarray | None]:
        """Reasons by position, and how well each item suits the person, (items,) float32 from 0 to 1."""
        if user is None or self.taste is None or self.recommender is None:
            return {}, None
        wished = self.recommender.recommend(self.taste.state(user), n=_TASTE_DEPTH, eligible=allowed)
        if not wished:
            return {}, None
        taste = np.zeros(len(self.catalogue), dtype=np.float32)
        for rank, one in enumerate(wished):
            taste[one.position] = 1.0 - rank / len(wished)
        return {one.position: one.reason for one in wished}, taste

    def _named(self, position: int, request: Request, reason: str, *, near: bool = False) -> Named:
        item = self.catalogue.item(position)
        price = None if item.price is None or not math.isfinite(item.price) else item.price
        facts = [
            value if facet == "brand" else value.lower()
            for facet in _FACTS
            if not (near and facet in request.facets)  # named as a difference, or as asked
            for value in self.vocabulary.values_of(position, facet)[:1]
            if len(request.facets.get(facet, ())) != 1
            and value not in request.exact.get(facet, ())
            and value.lower() not in _PLAIN_FACTS
        ]
        why = "; ".join(part for part in (", ".join(list(dict.fromkeys(facts))[:3]), reason) if part)
        title = " ".join(item.title.split()) or f"item {item.item_id}"
        return Named(position, item.item_id, title, price, item.currency, why)

    # -- words --------------------------------------------------------------------------------------------

    def _worded(self, found: Found) -> Iterator[tuple[str, bool]]:
        """Pieces of the text, and whether the model said each: an opening, then a line for each item."""
        request, shown = found.request, found.items or found.nearest
        # Where nothing matches or a word is unknown, what has to be said is too delicate for a small model.
        sure = bool(found.items and request.words and not found.unmet)
        voice = self.voice if sure else None
        said = voice.opening(request, found.items) if voice else None
        yield said or self._opening(found), said is not None
        reasons: set[str] = set()
        for number, item in enumerate(shown):
            reason = voice.reason(request, found.items, number) if voice else None
            if reason is not None:  # a small model says the same of like items: once is enough
                bare = reason.removeprefix("a ")
                reason = None if bare in reasons else reason
                reasons.add(bare)
            yield "\n" + line(number + 1, item, reason or ""), reason is not None

    def _opening(self, found: Found) -> str:
        if not found.items:
            return opening_of_near_misses(found.request, found.unmet[0], found.nearest)
        if found.unmet:
            return f"{found.unmet[0][0].upper()}{found.unmet[0][1:]}; the nearest by meaning:"
        return opening(found.request, found.items, found.personal)


def _if_there(opened: Callable[[], T]) -> T | None:
    """The part, or None where the store does not have it yet or its libraries are not installed."""
    try:
        return opened()
    except (StoreError, BackboneError, ImportError):
        return None


# Imported when first needed: the query encoder and the graft load a deep-learning library.


def _opened_encoder(snapshot: StoreSnapshot) -> QueryEncoder:
    from bowerbird.embed.search.query import QueryEncoder

    encoder = QueryEncoder.open(snapshot)
    encoder.encode_texts(
        ["a lamp"]
    )  # backbones come when first used: if they can't, words are matched as words
    return encoder


def _opened_graft(snapshot: StoreSnapshot) -> Graft:
    if snapshot.version("graft") is None:
        raise StoreError("no graft was trained yet: run `bowerbird graft`")
    from bowerbird.graft.model import Graft

    return Graft.open(snapshot)


def _opened_taste(snapshot: StoreSnapshot) -> TasteGraph:
    from bowerbird.taste.graph import TasteGraph

    return TasteGraph.open(snapshot)


def _opened_recommender(snapshot: StoreSnapshot) -> Recommender:
    from bowerbird.recommend.recommender import Recommender

    return Recommender.open(snapshot)

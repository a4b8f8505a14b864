"""How an assistant's parts are opened: the slow ones at their first use, those that are missing as None.

What loads a deep-learning library is imported by the function that needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.errors import BackboneError, InputError, StoreError

if TYPE_CHECKING:
    from bowerbird.assist.scoring.conversation import ConversationScorer
    from bowerbird.data.settings import LanguageModelSettings
    from bowerbird.embed.search.query import QueryEncoder
    from bowerbird.embed.search.searcher import Searcher
    from bowerbird.endpoint.chat import ChatEndpoint
    from bowerbird.graft.base import Base
    from bowerbird.graft.model import Graft
    from bowerbird.graft.runtime import Runtime
    from bowerbird.recommend.completion.completer import Completer
    from bowerbird.recommend.recommender import Recommender
    from bowerbird.taste.graph import TasteGraph
    from bowerbird.taste.profile.reader import TasteReader

T = TypeVar("T")


class SlowPart(Generic[T]):
    """A part that takes seconds to open: opened at its first use, or, while parts are warmed up, in the
    background; until it is open, it is missing."""

    def __init__(self, open_part: Callable[[Any], T | None]) -> None:
        self._open_part = open_part
        self.__doc__ = open_part.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, parts: Any, owner: type) -> T | None:
        if parts is None:
            return self  # type: ignore[return-value]
        if parts.is_warming_up and not parts.is_own_warm_up:
            return None
        part = self._open_part(parts)
        parts.__dict__[self._name] = part  # from now on found before this descriptor
        return part


def _none_if_missing(open_part: Callable[[StoreSnapshot], T]) -> Callable[[StoreSnapshot], T | None]:
    """Return None where the store does not have the part yet or its libraries are not installed."""

    @wraps(open_part)
    def open_or_none(snapshot: StoreSnapshot) -> T | None:
        try:
            return open_part(snapshot)
        except (StoreError, BackboneError, InputError, ImportError):
            return None

    return open_or_none


@_none_if_missing
def open_encoder(snapshot: StoreSnapshot) -> QueryEncoder:
    """Open the encoder of queries."""
    from bowerbird.embed.search.query import QueryEncoder

    encoder = QueryEncoder.open(snapshot)
    encoder.encode_texts(["a lamp"])  # loads the backbones now: if they can't be, there is no encoder
    return encoder


@_none_if_missing
def open_searcher(snapshot: StoreSnapshot) -> Searcher:
    """Open the searcher, once for a snapshot."""
    from bowerbird.embed.search.searcher import Searcher

    return snapshot.open_once("searcher", lambda: Searcher.open(snapshot))


@_none_if_missing
def open_graft(snapshot: StoreSnapshot) -> Graft:
    """Open the grafted model, in this process or at the engine that the settings name."""
    if snapshot.version("graft") is None:
        raise StoreError("no graft was trained yet: run `bowerbird graft`")
    from bowerbird.graft.model import Graft

    settings = snapshot.store.settings.language_model
    if settings.engine == "embedded":
        return Graft.open(snapshot)
    from bowerbird.endpoint.connection import TimeLimits
    from bowerbird.graft.runtimes.reconnecting import ReconnectingRuntime

    def connect(base: Base) -> Runtime:
        limits = TimeLimits(settings.connect_timeout_s, settings.timeout_s, settings.timeout_s)
        return ReconnectingRuntime(settings.engine_url, base, limits, settings.pause_s)

    return Graft.open(snapshot, runtime=connect)


@_none_if_missing
def open_conversation(snapshot: StoreSnapshot) -> ConversationScorer:
    """Open what scores items by a conversation."""
    if snapshot.version("dialogue-ranker") is None:
        raise StoreError("no recommender from conversations was trained yet: run `bowerbird graft`")
    from bowerbird.assist.scoring.conversation import ConversationScorer
    from bowerbird.graft.head.ranker import open_ranker

    return ConversationScorer(open_ranker(snapshot), snapshot.catalogue)


@_none_if_missing
def open_taste(snapshot: StoreSnapshot) -> TasteGraph:
    """Open the states of all users."""
    from bowerbird.taste.graph import TasteGraph

    return TasteGraph.open(snapshot)


@_none_if_missing
def open_reader(snapshot: StoreSnapshot) -> TasteReader:
    """Open the reader of taste profiles."""
    from bowerbird.taste.profile.reader import TasteReader

    return TasteReader.open(snapshot)


@_none_if_missing
def open_recommender(snapshot: StoreSnapshot) -> Recommender:
    """Open the recommender."""
    from bowerbird.recommend.recommender import Recommender

    return Recommender.open(snapshot)


@_none_if_missing
def open_completer(snapshot: StoreSnapshot) -> Completer:
    """Open what completes sets of items."""
    from bowerbird.recommend.completion.completer import Completer

    return Completer.open(snapshot)


def open_endpoint(settings: LanguageModelSettings) -> ChatEndpoint:
    """Open the language model at a URL."""
    from bowerbird.endpoint.chat import ChatEndpoint

    return ChatEndpoint(settings)

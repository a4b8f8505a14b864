"""The recommender from conversations with the request head among its sources: train it, and open it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bowerbird.conversations.config import ConversationConfig, DialogueRankerMeta
from bowerbird.conversations.ranker import ConversationRanker
from bowerbird.conversations.sources.source import ConversationSource
from bowerbird.conversations.training import (
    OnHeldOut,
    ignore_held_out,
    open_conversations,
    train_conversations,
)
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.errors import BackboneError, StoreError
from bowerbird.graft.head.config import RequestHeadConfig
from bowerbird.graft.head.source import RequestHeadSource

_log = logging.getLogger(__name__)


def train_ranker(
    store: Store,
    snapshot: StoreSnapshot,
    config: ConversationConfig | None = None,
    head: RequestHeadConfig | None = None,
    to_english: Callable[[str], str] | None = None,
    on_held_out: OnHeldOut = ignore_held_out,
) -> Version:
    """Train and publish as `train_conversations` does, with a request head where the store has a graft.

    Raises `StoreError` where nothing can be learned, or for a graft of other vectors.
    """
    extra_sources = partial(_new_head, snapshot, head)
    return train_conversations(
        store, snapshot, config, extra_sources, to_english, on_held_out, extra_settings=repr(head)
    )


def open_ranker(snapshot: StoreSnapshot) -> ConversationRanker:
    """The recommender of a snapshot, opened once. Raises `StoreError` where none was trained.

    Without its request head, and with a warning, where the graft that the head was trained with is gone.
    """
    version = snapshot.version(DialogueRankerMeta.KIND)
    folder = None if version is None else version.path / RequestHeadSource.name
    return snapshot.open_once(
        "conversation ranker",
        lambda: open_conversations(snapshot, partial(_trained_head, snapshot, folder)),
        of=("catalogue", "vectors", "graft", DialogueRankerMeta.KIND),
    )


def _new_head(
    snapshot: StoreSnapshot, config: RequestHeadConfig | None, items: Catalogue
) -> Sequence[ConversationSource]:
    if snapshot.version("graft") is None:
        return ()
    return (RequestHeadSource.open(snapshot, config, items),)


def _trained_head(
    snapshot: StoreSnapshot, folder: Path | None, items: Catalogue
) -> Sequence[ConversationSource]:
    if folder is None:
        return ()
    try:
        source = RequestHeadSource.open(snapshot, catalogue=items)
        source.load(folder)
        return (source,)
    except (StoreError, BackboneError) as error:
        _log.warning("recommending from conversations without the language model: %s", error)
        return ()

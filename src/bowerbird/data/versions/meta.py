"""What `meta.json` of a version says: one record type for each kind of versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class VersionMeta:
    """Base of the records in `meta.json`: what every kind of versions has.

    A kind's record extends it, sets `KIND`, and declares `config` with the type of its component's frozen
    config (see `bowerbird.config`), so that a version says with which hyper-parameters it was made.
    """

    KIND: ClassVar[str]
    """Name of the kind, and of its folder in the store."""

    made_with: str = ""
    """Version of bowerbird; the store fills it in when it publishes."""
    config: Any = None
    """The hyper-parameters; None for a kind without any."""


@dataclass(frozen=True, kw_only=True)
class CatalogueMeta(VersionMeta):
    """Imported items."""

    KIND = "catalogue"

    items: int


@dataclass(frozen=True, kw_only=True)
class CollectionsMeta(VersionMeta):
    """Imported collections."""

    KIND = "collections"

    collections: int


@dataclass(frozen=True, kw_only=True)
class DialoguesMeta(VersionMeta):
    """Imported dialogues."""

    KIND = "dialogues"

    dialogues: int
    turns: int
    without_text: int
    """Dialogues that are sequences of items only."""
    recommendations: int
    """Recommended items over all turns."""

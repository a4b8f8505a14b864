"""The contract of a source: messages come in batches, and come again until they are acknowledged.

A source is pulled from, never pushes: what was not asked for waits with the broker, so a slow store slows its
sources and no memory fills. It is used by one thread.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bowerbird.errors import SourceError

Notify = Callable[[str], None]
"""Tells the one who watches what happens to a source, a sentence at a time."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came."""

    body: bytes
    where: str
    """To find it again: stream and number, or file and byte."""
    receipt: Any
    """What its source wants back to acknowledge it."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How much a source still holds for us."""

    amount: int
    unit: str
    """`messages`, or `bytes` where nobody has counted."""


class Source(Protocol):
    """At least once: whatever is fetched comes again, here or to another listener, until acknowledged."""

    def connect(self) -> None:
        """Get ready to fetch; called again after every `SourceAway`.

        Raises `SourceAway` where the server can't be reached now, `SourceError` where trying again is no use.
        """

    def fetch(self, most: int, wait_s: float) -> list[Message]:
        """What is there, at most so many; waits so many seconds for the first. Raises as `connect` does."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """These are dealt with for good. Where it fails (`SourceAway`) they come again."""

    def lag(self) -> Lag | None:
        """What is left to fetch or to acknowledge; None where nobody knows."""

    def close(self) -> None:
        """Leave; what was fetched and not acknowledged comes again. May be called twice."""


def client_library(module: str, extra: str) -> Any:
    """A broker's client. Raises `SourceError` with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SourceError(
            f"listening to {extra} needs its client ({error.name} is not installed): "
            f"run pip install 'bowerbird[{extra}]'"
        ) from None

"""Bodies of probes and health."""

from __future__ import annotations

from typing import Literal

from bowerbird.serve.bodies.base import Body


class Probe(Body):
    """What a probe of an orchestrator learns."""

    status: Literal["ok", "warming up"]


class Lag(Body):
    """How far what is served is behind the store."""

    events: int
    """Events of the log that the taste has not learned yet: those of other processes since the last list."""
    sets: int
    """Sets of versions, from the served one to the one in force."""
    is_training: bool
    """Whether missing versions are trained, or users erased, right now."""


class Health(Body):
    """Status, and the served versions by kind."""

    status: str
    items: int
    users: int
    synthetic: bool
    set: int
    warming_up: bool
    """Whether the assistant's models are still being loaded; chats are answered without them."""
    address: str
    """The path that addresses of this store's pictures begin with, where it is one of several; else empty."""
    lag: Lag
    versions: dict[str, str | None]

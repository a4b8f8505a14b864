"""Bodies of probes and health."""

from __future__ import annotations

from typing import Literal

from bowerbird.serve.bodies.base import Body


class Probe(Body):
    """What a probe of an orchestrator learns."""

    status: Literal["ok", "warming up"]


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
    versions: dict[str, str | None]

"""What the report shows, as plain values: any caller with results can fill it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bowerbird.evaluate.results import Evaluation

if TYPE_CHECKING:
    from bowerbird.data.ingest.summary import ImportSummary


@dataclass(frozen=True)
class Card:
    """One product as it is shown."""

    title: str
    price: str
    """Formatted, with its currency; empty where there is none."""
    image: bytes | None = None
    """Encoded JPEG, PNG or WebP."""
    reason: str = ""


@dataclass(frozen=True)
class InterestChart:
    """How strong each interest was: T times, K interests."""

    names: Sequence[str]
    """(K,)"""
    times: Sequence[int]
    """(T,), microseconds since 1970 UTC, ascending."""
    weights: Sequence[Sequence[float]]
    """(K, T), at least 0."""
    events: Sequence[tuple[int, str, float, str]] = ()
    """The events behind them, drawn below: time, interest's name, weight in clicks, and description."""


@dataclass(frozen=True)
class ShopperPanel:
    """One user: what they did last, what they are recommended, what they like."""

    user: str
    recommendations: Sequence[Card]
    recent: Sequence[Card] = ()
    interests: InterestChart | None = None


@dataclass(frozen=True)
class Turn:
    """One message of a conversation, with the products that it names."""

    role: str
    """`user` or `assistant`."""
    text: str
    cards: Sequence[Card] = ()


@dataclass(frozen=True)
class BenchGroup:
    """One quantity measured for each arm of a benchmark."""

    name: str
    unit: str
    arms: Sequence[tuple[str, float, bool]]
    """Arm's name, its value, and whether it is bowerbird."""


@dataclass(frozen=True)
class DemoReport:
    """All parts of the page; an empty part is left out."""

    title: str
    synthetic: bool
    """Whether products and users are synthetic; the page says so where it shows them."""
    imported: Sequence[ImportSummary] = ()
    shopper: ShopperPanel | None = None
    conversation: Sequence[Turn] = ()
    quality: Sequence[Evaluation] = ()
    """One for each split."""
    bench: Sequence[BenchGroup] = ()
    """Time to first token, end to end, memory, cost: the results of `bench graft`."""
    stages: Sequence[tuple[str, float, float]] = ()
    """Name, wall-clock seconds, peak memory in MiB."""
    notes: Sequence[str] = ()
    """Sentences below the title."""

"""What the report shows, as plain values: whoever has results can fill it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Card:
    """One product as it is shown."""

    title: str
    price: str
    """With its currency, as it should be read; empty where there is none."""
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
    """What moved them, drawn below: time, interest's name, weight in clicks, and what it was."""


@dataclass(frozen=True)
class ShopperPanel:
    """One shopper: what they did last, what they are recommended, what they like."""

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
    """Arm's name, its value, and whether it is ours."""


@dataclass(frozen=True)
class DemoReport:
    """All parts of the page; an empty part is left out."""

    title: str
    synthetic: bool
    """Whether products and shoppers are drawn; the page says so where it shows them."""
    imported: Sequence[Mapping[str, Any]] = ()
    """What `ImportSummary.as_dict()` gives, one an import."""
    shopper: ShopperPanel | None = None
    conversation: Sequence[Turn] = ()
    quality: Sequence[Mapping[str, Any]] = ()
    """What `Evaluation.as_dict()` gives, one a split."""
    bench: Sequence[BenchGroup] = ()
    """Time to first token, end to end, memory, cost: what `bench graft` measured."""
    stages: Sequence[tuple[str, float, float]] = ()
    """Name, wall-clock seconds, peak memory in MiB."""
    notes: Sequence[str] = ()
    """Sentences below the title."""

"""The simulated users of the demo world: their interests, and how these drift.

A user has two to four interests; an interest is a set of product types, a style, two colours, and optionally
a pattern. A quarter of the users drift: at a known time one interest is replaced by another.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from bowerbird.demo.products import WORLD_ENDS
from bowerbird.demo.vocabulary import COLOURS, PATTERNS, STYLES, TYPES

DRIFT_SHARE = 0.25


@dataclass(frozen=True)
class TrueInterest:
    """A true interest of a user (ground truth)."""

    kinds: tuple[int, ...]
    style: int
    colours: tuple[int, ...]
    pattern: int | None
    weight: float

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        return {
            "types": [TYPES[k].name for k in self.kinds],
            "style": STYLES[self.style].name,
            "colours": [list(COLOURS)[c] for c in self.colours],
            "pattern": PATTERNS[self.pattern] if self.pattern is not None else None,
            "weight": self.weight,
        }


@dataclass(frozen=True)
class SimulatedUser:
    """One user. From `drift_at` on the interests are `interests_after_drift`, if the user drifts."""

    user_id: str
    interests: tuple[TrueInterest, ...]
    interests_after_drift: tuple[TrueInterest, ...]
    drift_at: datetime | None
    price_sensitivity: float
    noise: float
    sessions: int

    def interests_at(self, moment: datetime) -> tuple[TrueInterest, ...]:
        return (
            self.interests_after_drift
            if self.drift_at is not None and moment >= self.drift_at
            else self.interests
        )

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        fields = {
            name: value
            for name, value in asdict(self).items()
            if name in ("user_id", "price_sensitivity", "noise", "sessions")
        }
        return fields | {
            "drift_at": self.drift_at.isoformat() if self.drift_at else None,
            "interests": [interest.as_dict() for interest in self.interests],
            "after": [interest.as_dict() for interest in self.interests_after_drift],
        }


def generate_user(number: int, days: int, seed: int) -> SimulatedUser:
    """Generate user k; it does not depend on the number of users."""
    generator = np.random.default_rng([seed, 4, number])
    interests = generate_interests(generator, int(generator.integers(2, 5)))
    does_drift = generator.random() < DRIFT_SHARE
    drift_day = float(generator.uniform(0.4, 0.8) * days)
    interests_after_drift = interests
    if does_drift:
        new_interest = generate_interests(generator, 1)[0]
        remaining = interests[1:]
        interests_after_drift = (
            TrueInterest(**{**asdict(new_interest), "weight": interests[0].weight}),
            *remaining,
        )
    return SimulatedUser(
        user_id=f"shopper-{number:05d}",
        interests=interests,
        interests_after_drift=interests_after_drift,
        drift_at=WORLD_ENDS - timedelta(days=days - drift_day) if does_drift else None,
        price_sensitivity=float(generator.uniform(0.1, 1.2)),
        noise=float(generator.uniform(0.02, 0.15)),
        sessions=int(np.clip(generator.lognormal(2.2, 0.6), 3, 60)),
    )


def generate_interests(generator: np.random.Generator, count: int) -> tuple[TrueInterest, ...]:
    weights = generator.dirichlet(np.full(count, 3.0))
    interests = []
    for weight in weights:
        home_kinds = [k for k, kind in enumerate(TYPES) if kind.path.startswith("Home")]
        candidate_kinds = (
            home_kinds if generator.random() < 0.55 else [k for k in range(len(TYPES)) if k not in home_kinds]
        )
        kinds = generator.choice(candidate_kinds, size=int(generator.integers(2, 4)), replace=False)
        style = int(generator.integers(len(STYLES)))
        colours = {
            int((style * 3 + generator.integers(0, 5)) % len(COLOURS)),
            int(generator.integers(len(COLOURS))),
        }
        pattern = int(generator.integers(1, len(PATTERNS))) if generator.random() < 0.5 else None
        kind_indices = tuple(sorted(int(k) for k in kinds))
        interests.append(TrueInterest(kind_indices, style, tuple(sorted(colours)), pattern, float(weight)))
    return tuple(sorted(interests, key=lambda interest: -interest.weight))

"""What reading one value gives: the value, None where there is none, or a `Rejection` with its reason."""

from __future__ import annotations

from dataclasses import dataclass

SHOWN_CHARACTERS = 60  # of a value, in the report


@dataclass(frozen=True, slots=True)
class Rejection:
    """A value that can't be read, or that has more than one reading."""

    reason: str
    """Why, and which forms are understood; the same for all values of a kind, so that it can be counted."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A field of an accepted row that was left out or changed."""

    field: str
    value: str
    """As it was written, cut to `SHOWN_CHARACTERS`."""
    reason: str

    @property
    def description(self) -> str:
        """What happened to which field, the same for all values of a kind: it is counted by this."""
        return f"{self.field} {self.reason}"

    @classmethod
    def of(cls, field: str, value: object, reason: str) -> Repair:
        """Describe a repair of a field."""
        text = f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
        if len(text) > SHOWN_CHARACTERS:
            text = f"{text[:SHOWN_CHARACTERS]}…"
        return cls(field, text.encode(errors="replace").decode(), reason)

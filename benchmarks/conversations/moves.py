"""A generated message: what it says, what it does, and what must hold after it."""

from __future__ import annotations

from dataclasses import dataclass

from bowerbird.assist.evaluation.expected_state import ExpectedState


@dataclass(frozen=True)
class Move:
    """A message, what it does, and what must hold after it."""

    text: str
    name: str
    acts: frozenset[str]
    need: ExpectedState
    is_listing: bool = False
    """Whether items are asked for."""
    language: str = "en"
    template: str = ""
    focus: str | None = None
    """Id of the item that it speaks of."""
    like: str | None = None
    answer: tuple[str, ...] = ()
    """Any of these must be in the reply."""
    below: float | None = None
    """All items must cost less."""
    above: float | None = None
    not_again: frozenset[str] = frozenset()
    """Ids that must not come again."""
    no_items: bool = False
    """Whether any item in the reply is wrong: an unknown kind, a reference to nothing."""
    order: str = ""
    is_price_adopted: bool = False
    """Whether the bound follows from the list on screen, so that the state's own is taken on."""

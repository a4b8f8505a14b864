"""The contract of the writers: a draft in, the text of the reply out.

A draft is worded by the templates from the catalogue's facts and is true. A writer may say it better, but
names no other items, prices or attributes: what `grounding` refuses is said by the draft.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from bowerbird.assist.reply import Named
from bowerbird.assist.request import Request
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act


@dataclass(frozen=True)
class Draft:
    """What a reply says, in the templates' words."""

    turn: Turn
    act: Act
    opening: str
    """The sentence before the items; without items, the whole answer."""
    items: tuple[Named, ...] = ()
    """The items of a list, in their order."""
    request: Request = field(default_factory=Request)
    is_plain: bool = False
    """Whether it is a list of matches for a described need, which a model may word freely."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The text as the templates write it, line by line."""
        return (self.opening, *(line(number, item) for number, item in enumerate(self.items, 1)))


@dataclass(frozen=True)
class WrittenText:
    """The next part of a reply's text."""

    text: str
    is_modelled: bool = False
    """Whether a language model wrote it."""
    items: tuple[Named, ...] = ()
    """Items that it names beside the draft's."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Writer(Protocol):
    """Words replies. Safe to use from several threads; it never raises for what a model or server does."""

    def write(self, draft: Draft) -> Iterator[WrittenText]:
        """Yield the text of a reply in parts, each as soon as it is certain."""
        ...


class TemplateWriter:
    """Writes the draft as it is."""

    def write(self, draft: Draft) -> Iterator[WrittenText]:
        """Yield the lines of the draft."""
        for number, text in enumerate(draft.lines):
            yield WrittenText(f"\n{text}" if number else text)


def line(number: int, item: Named, reason: str = "") -> str:
    """One item of a reply: "1. Title, 45.00 EUR: why"."""
    priced = f", {item.priced}" if item.priced else ""
    facts = "; ".join(part for part in ("; ".join(item.differences), reason or item.why) if part)
    return f"{number}. {item.title}{priced}" + (f": {facts}" if facts else "")

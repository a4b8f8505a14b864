"""The contract of the writers: a draft in, the text of the reply out.

A draft is worded by the templates from the catalogue's facts and is true. A writer may say it better, but
names no other items, prices or attributes: what `grounding` refuses is said by the draft.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bowerbird.assist.draft import Draft
from bowerbird.assist.reply import ReplyItem


@dataclass(frozen=True)
class WrittenText:
    """The next part of a reply's text."""

    text: str
    is_modelled: bool = False
    """Whether a language model wrote it."""
    items: tuple[ReplyItem, ...] = ()
    """Items that it names beside the draft's."""


@dataclass(frozen=True)
class ClientTools:
    """Tools of a client that a model may call, and what came of it so far; all in OpenAI's form."""

    tools: tuple[Mapping[str, Any], ...]
    choice: Any = None
    """`tool_choice` as the client sent it."""
    are_parallel: bool = True
    """Whether several calls may come together."""
    history: tuple[Mapping[str, Any], ...] = ()
    """Messages after the user's: calls of the model, and their results."""

    @property
    def is_required(self) -> bool:
        """Whether the model has to call a tool now."""
        return self.choice not in (None, "auto", "none")

    @property
    def results(self) -> list[str]:
        """The texts of the tools."""
        return [str(message["content"]) for message in self.history if message["role"] == "tool"]


class Writer(Protocol):
    """Words replies. Safe to use from several threads; it never raises for what a model or server does."""

    def write(self, draft: Draft) -> Iterator[WrittenText]:
        """Yield the text of a reply in parts, each as soon as it is certain."""
        ...


class TemplateWriter:
    """Writes the draft as it is."""

    def write(self, draft: Draft) -> Iterator[WrittenText]:
        """Yield the draft as one part: it is there already, and each part costs a stream an event."""
        yield WrittenText("\n".join(draft.lines))

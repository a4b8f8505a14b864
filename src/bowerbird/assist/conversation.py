"""A conversation: what was asked, how it was understood, what was shown. Kept as one small JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bowerbird.assist.request import Request, Shown
from bowerbird.data.store import write_atomically
from bowerbird.errors import InputError

_FORMAT = 1
_KEPT_TURNS = 50


@dataclass(frozen=True)
class Turn:
    """One message and its reply; `shown` are the items of the reply in their order."""

    text: str
    request: Request
    shown: tuple[Shown, ...]
    reply: str = ""


class Finder(Protocol):
    """Answers a message without wording it, and adds the turn (`Assistant.find`)."""

    def find(self, conversation: Conversation, text: str, user: str | None = None) -> object: ...


@dataclass
class Conversation:
    """Turns in order; the last request and what it showed are what a follow-up refers to."""

    turns: list[Turn] = field(default_factory=list)

    @property
    def request(self) -> Request | None:
        return self.turns[-1].request if self.turns else None

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The items shown last; a reply without items does not make one forget those before."""
        return next((turn.shown for turn in reversed(self.turns) if turn.shown), ())

    def add(self, turn: Turn) -> None:
        self.turns.append(turn)
        del self.turns[:-_KEPT_TURNS]

    @classmethod
    def replay(cls, user_texts: Sequence[str], assistant: Finder, user: str | None = None) -> Conversation:
        """The conversation that the given messages of a person made: each understood and answered again,
        without wording, so that a server needs to keep nothing between requests."""
        conversation = cls()
        for text in user_texts[-_KEPT_TURNS:]:
            if any(letter.isalnum() for letter in text):
                assistant.find(conversation, text, user)
        return conversation

    @classmethod
    def load(cls, path: Path | str) -> Conversation:
        """The conversation kept at `path`; a new one where there is no file.

        Raises `InputError` for a file that is no conversation.
        """
        path = Path(path)
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            if raw["format"] != _FORMAT:
                raise InputError(f"its format is {raw['format']!r}, expected {_FORMAT}")
            return cls([_turn(one) for one in raw["turns"]])
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise InputError(f"the conversation {path} can't be read ({error}): name a file") from None
        except (ValueError, KeyError, TypeError, AttributeError, InputError, RecursionError) as error:
            said = str(error) or type(error).__name__
            raise InputError(
                f"{path} is no conversation of bowerbird ({said[:200]}): delete it or name another file"
            ) from None

    def save(self, path: Path | str) -> None:
        """Write the whole conversation or nothing. Raises `InputError` where the place is not writable."""
        turns = [
            {
                "text": turn.text[:2000],
                "request": turn.request.as_dict(),
                "shown": [[item.item_id, item.title, item.price] for item in turn.shown],
                "reply": turn.reply,
            }
            for turn in self.turns
        ]
        content = json.dumps({"format": _FORMAT, "turns": turns}, ensure_ascii=False, indent=1)
        try:
            write_atomically(Path(path), content.encode("utf-8", errors="replace"))
        except OSError as error:
            raise InputError(f"the conversation can't be written to {path} ({error})") from None


def _turn(raw: dict[str, Any]) -> Turn:
    shown = tuple(
        Shown(str(item_id), str(title), None if price is None else float(price))
        for item_id, title, price in raw["shown"]
    )
    return Turn(str(raw["text"]), Request.from_dict(raw["request"]), shown, str(raw["reply"]))

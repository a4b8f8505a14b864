"""What a conversation has come to, as one small value that goes into every turn and comes out of it.

No earlier turn is replayed: what the next message may refer to is here. A client keeps the state between
turns and may edit it, so everything read from outside is checked, and bounded in size.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bowerbird.assist.request import Request
from bowerbird.data.files.durable import write_atomically
from bowerbird.errors import InputError

FORMAT = 2
MAX_ON_SCREEN = 20
MAX_OFFERED = 200
MAX_EXCLUDED = 50
MAX_MESSAGES = 3
MAX_ACTIONS = 10
MAX_ITEM_QUESTION = 200  # characters
MAX_ID_LENGTH = 500


@dataclass(frozen=True)
class ClarifyingQuestion:
    """A question that the assistant asked last: which value of a facet?"""

    facet: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class ItemAction:
    """What one message did to items or to the conversation, for "undo"."""

    action: str
    item_ids: tuple[str, ...] = ()
    excluded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By facet, the values that it excluded from the conversation."""

    def as_dict(self) -> dict[str, Any]:
        """The action in JSON's types."""
        excluded = {facet: sorted(values) for facet, values in self.excluded.items()}
        return {"action": self.action, "item_ids": list(self.item_ids), "excluded": excluded}


@dataclass(frozen=True)
class DialogueState:
    """The state before a message, or after its reply. Items are ids, facets and values the catalogue's."""

    request: Request | None = None
    """The need so far: types, attributes, price, recipient, exclusions of this topic."""
    on_screen: tuple[str, ...] = ()
    """Ids of the items of the last list, in the order on screen."""
    offered: tuple[str, ...] = ()
    """Ids of all items that were shown on this topic, the newest last."""
    is_near_miss: bool = False
    """Whether the items on screen miss the need: then "cheaper" is not measured by their prices."""
    focus: str | None = None
    """Id of the item that "it" means: the one that was asked about or acted on last."""
    compared: tuple[str, ...] = ()
    """Ids of the items of the last comparison, which "which is cheaper?" is about."""
    excluded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By facet, values that are not shown for the rest of the conversation ("stop showing me hats")."""
    messages: tuple[str, ...] = ()
    """The user's last messages on this topic, in English, the newest last."""
    question: ClarifyingQuestion | None = None
    item_question: str = ""
    """What the last message asked of an item, in English, which "and the second one?" asks again."""
    actions: tuple[ItemAction, ...] = ()
    """What was done to items and can be undone, the newest last."""
    language: str = "en"
    turns: int = 0

    def cleared(self) -> DialogueState:
        """The state of a conversation that starts over: only the language stays."""
        return DialogueState(language=self.language, turns=self.turns)

    def with_list(
        self, item_ids: Sequence[str], is_new_topic: bool, is_near_miss: bool = False
    ) -> DialogueState:
        """After a list was shown; a new topic forgets what was offered before."""
        earlier = () if is_new_topic else self.offered
        offered = tuple(dict.fromkeys((*earlier, *item_ids)))[-MAX_OFFERED:]
        on_screen = tuple(item_ids[:MAX_ON_SCREEN])
        return replace(
            self, on_screen=on_screen, offered=offered, is_near_miss=is_near_miss, focus=None, compared=()
        )

    def as_dict(self) -> dict[str, Any]:
        """The state in JSON's types."""
        return {
            "format": FORMAT,
            "request": self.request.as_dict() if self.request else None,
            "on_screen": list(self.on_screen),
            "offered": list(self.offered),
            "is_near_miss": self.is_near_miss,
            "focus": self.focus,
            "compared": list(self.compared),
            "excluded": {facet: sorted(values) for facet, values in self.excluded.items()},
            "messages": list(self.messages),
            "question": vars(self.question) | {"options": list(self.question.options)}
            if self.question
            else None,
            "item_question": self.item_question,
            "actions": [action.as_dict() for action in self.actions],
            "language": self.language,
            "turns": self.turns,
        }

    @classmethod
    def from_dict(cls, raw: Any) -> DialogueState:
        """Read what `as_dict` wrote, or what a client made of it. Raises `InputError` on anything else."""
        try:
            if raw["format"] != FORMAT:
                raise ValueError(f"its format is {raw['format']!r}, expected {FORMAT}")
            question, actions = raw.get("question"), list(raw.get("actions", ()))
            return cls(
                request=Request.from_dict(raw["request"]) if raw.get("request") else None,
                on_screen=_ids(raw.get("on_screen", ()), MAX_ON_SCREEN),
                offered=_ids(raw.get("offered", ()), MAX_OFFERED),
                is_near_miss=bool(raw.get("is_near_miss", False)),
                focus=_ids([raw["focus"]], 1)[0] if raw.get("focus") else None,
                compared=_ids(raw.get("compared", ()), MAX_ON_SCREEN),
                excluded=_excluded(raw.get("excluded")),
                messages=_ids(raw.get("messages", ()), MAX_MESSAGES),
                question=ClarifyingQuestion(str(question["facet"]), _ids(question["options"], 20))
                if question
                else None,
                item_question=str(raw.get("item_question", ""))[:MAX_ITEM_QUESTION],
                actions=tuple(
                    ItemAction(
                        str(action["action"])[:20],
                        _ids(action["item_ids"], MAX_ON_SCREEN),
                        _excluded(action.get("excluded")),
                    )
                    for action in actions[-MAX_ACTIONS:]
                ),
                language=str(raw.get("language", "en"))[:8],
                turns=max(0, int(raw.get("turns", 0))),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(
                f"the state of the conversation can't be read ({str(error)[:200]}): send back the one that "
                "came with the last reply, or none to start over"
            ) from None

    @classmethod
    def load(cls, path: Path | str) -> DialogueState:
        """The state in a file; that of a new conversation where there is none.

        Raises `InputError` for a file that holds something else.
        """
        path = Path(path)
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise InputError(f"the conversation {path} can't be read ({error}): name a file") from None
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path} is not a conversation of bowerbird ({str(error)[:200]}): delete it or name "
                f"another file"
            ) from None

    def save(self, path: Path | str) -> None:
        """Write the whole state or nothing. Raises `InputError` where the place is not writable."""
        content = json.dumps(self.as_dict(), ensure_ascii=False, indent=1)
        try:
            write_atomically(Path(path), content.encode("utf-8", errors="replace"))
        except OSError as error:
            raise InputError(f"the conversation can't be written to {path} ({error})") from None


def _excluded(raw: Any) -> dict[str, frozenset[str]]:
    excluded = dict(raw or {})
    if len(excluded) > MAX_EXCLUDED:
        raise ValueError(f"excluded holds {len(excluded)} facets, expected at most {MAX_EXCLUDED}")
    return {str(facet): frozenset(_ids(values, MAX_EXCLUDED)) for facet, values in excluded.items()}


def _ids(values: Any, max_ids: int) -> tuple[str, ...]:
    if isinstance(values, str) or len(values) > max_ids:
        raise ValueError(f"expected a list of at most {max_ids} texts")
    for value in values:
        if not isinstance(value, str) or len(value) > MAX_ID_LENGTH:
            raise ValueError(f"expected texts of at most {MAX_ID_LENGTH} characters")
    return tuple(values)

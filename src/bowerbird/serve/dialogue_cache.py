"""Dialogue states of conversations whose clients don't send them back.

A state is looked up by the conversation's name, or by the messages that led to it, as OpenAI's clients send
them. So a client that adds its next message to the earlier ones continues where it was, however many turns
there are, and no message is parsed twice.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.state import DialogueState

MAX_STATES = 10_000  # of about a kilobyte each
MAX_REPLAYED = 6
"""User messages that are read again where no state is known: after a restart, or of another worker."""


class DialogueCache:
    """The latest used states of one server process. Safe to use from several threads."""

    def __init__(self, max_states: int = MAX_STATES) -> None:
        self._states: OrderedDict[bytes, tuple[str | None, DialogueState]] = OrderedDict()
        self._max_states = max_states
        self._lock = threading.Lock()

    def find(self, user: str | None, messages: Sequence[tuple[str, str]]) -> DialogueState | None:
        """The state after some messages, (role, text) each; None where it is not known."""
        with self._lock:
            return self._find(_key_of(user, messages))

    def find_named(self, owner: str, user: str | None, name: str) -> DialogueState | None:
        """The state of a conversation that a caller named; another caller's of that name is another."""
        with self._lock:
            return self._find(_key_of(user, [(owner, name)], kind=b"name"))

    def _find(self, key: bytes) -> DialogueState | None:
        if key not in self._states:
            return None
        self._states.move_to_end(key)
        return self._states[key][1]

    def remember(self, user: str | None, messages: Sequence[tuple[str, str]], state: DialogueState) -> None:
        """Keep the state after some messages."""
        self._add(_key_of(user, messages), user, state)

    def remember_named(self, owner: str, user: str | None, name: str, state: DialogueState) -> None:
        """Keep the state of a conversation that a caller named."""
        self._add(_key_of(user, [(owner, name)], kind=b"name"), user, state)

    def forget(self, user: str) -> None:
        """Drop all states of a user."""
        with self._lock:
            for key in [key for key, (owner, _) in self._states.items() if owner == user]:
                del self._states[key]

    def _add(self, key: bytes, user: str | None, state: DialogueState) -> None:
        with self._lock:
            self._states[key] = user, state
            self._states.move_to_end(key)
            while len(self._states) > self._max_states:
                self._states.popitem(last=False)

    def state_before(
        self, user: str | None, messages: Sequence[tuple[str, str]], assistant: Assistant
    ) -> DialogueState:
        """The state after some messages; where it is unknown, after reading the user's last ones again."""
        known = self.find(user, messages)
        if known is not None:
            return known
        state, replayer = DialogueState(), assistant.without_model()
        texts = [text for role, text in messages if role == "user" and text.strip()]
        for text in texts[-MAX_REPLAYED:]:
            state = replayer.reply(state, text, user).state
        return state


def _key_of(user: str | None, messages: Sequence[tuple[str, str]], kind: bytes = b"messages") -> bytes:
    digest = hashlib.blake2b(digest_size=16, person=kind)
    for part in (user or "", *(part for message in messages for part in message)):
        encoded = part.encode(errors="replace")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.digest()

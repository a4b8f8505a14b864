"""Holds a conversation with an assistant, the state sent back as a client would."""

from __future__ import annotations

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState


def talk_to(assistant: Assistant, *messages: str, user: str | None = None) -> list[Reply]:
    """The replies to a conversation."""
    replies: list[Reply] = []
    for message in messages:
        state = replies[-1].state.as_dict() if replies else DialogueState().as_dict()
        replies.append(assistant.reply(DialogueState.from_dict(state), message, user))
    return replies

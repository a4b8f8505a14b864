"""What the recommender from conversations reads of a message and the state before it."""

from __future__ import annotations

from bowerbird.assist.request import Request, Shown
from bowerbird.assist.scoring.conversation import MAX_LENGTH
from bowerbird.assist.state import MAX_MESSAGES
from bowerbird.assist.turn import Turn
from bowerbird.data.arrays import FloatArray

MAX_LIKED = 20
"""Items liked by the user that their taste is made of."""


def messages_after(turn: Turn, request: Request) -> tuple[str, ...]:
    """The user's last messages on the topic, this one the last."""
    earlier = turn.state.messages if request.follow_up else ()
    return (*earlier, turn.plain[:MAX_LENGTH])[-MAX_MESSAGES:]


def conversation_scores(turn: Turn, request: Request) -> FloatArray | None:
    """What the conversation says of each item, (items,) float32 from 0 to 1.

    None where nothing was trained for it, or where the request says nothing of items.
    """
    scorer = turn.parts.conversation
    if scorer is None or not (request.words or request.constrained):
        return None
    on_screen = turn.on_screen if request.follow_up else ()
    liked = () if request.is_gift else _liked_last(turn)
    return scorer.scores(messages_after(turn, request), on_screen, liked)


def _liked_last(turn: Turn) -> list[Shown]:
    """Items that the user liked last, the newest last."""
    taste = turn.parts.taste
    if turn.user is None or taste is None or turn.user not in taste:
        return []
    items = dict.fromkeys(taste.state(turn.user).history.liked().items[::-1].tolist())
    shown = [turn.parts.shown(turn.parts.catalogue.ids[item]) for item in list(items)[:MAX_LIKED]]
    return [item for item in reversed(shown) if item is not None]

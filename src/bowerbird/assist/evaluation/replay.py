"""Replays annotated conversations: the user's messages go to the assistant, and each reply is checked.

The list on screen is the assistant's own, not that of the recorded conversation. What is checked needs no
annotation for invented items, false claims and latency; states and first items need the expected state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.cost import TurnCost
from bowerbird.assist.evaluation.annotations import AnnotatedDialogue
from bowerbird.assist.evaluation.claims import false_claims
from bowerbird.assist.evaluation.expected_state import ExpectedState, satisfying, wrong_slots
from bowerbird.assist.evaluation.listings import Listing, Listings
from bowerbird.assist.languages import load_language
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState
from bowerbird.data.splits import hash_share
from bowerbird.errors import InputError
from bowerbird.progress import track

MAX_DIALOGUES = 300
"""Conversations with annotated states that are replayed; of more, a sample by the hash of their ids."""
MAX_WITHOUT_STATES = 50
"""Conversations that are replayed where none has a state: they show latency, claims, and invented items."""


@dataclass(frozen=True)
class CheckedTurn:
    """What came of one message."""

    slots: tuple[str, ...]
    """Slots that are expected or stated; empty where the state is not annotated."""
    wrong_slots: tuple[str, ...]
    is_annotated: bool
    is_first_right: bool | None
    """Whether the first item is what is expected; None where no listing is, or no item was shown for it."""
    invented: tuple[str, ...]
    claims: tuple[str, ...]
    cost: TurnCost


def sample_dialogues(dialogues: Sequence[AnnotatedDialogue]) -> list[AnnotatedDialogue]:
    """The conversations to replay: those with annotated states where there are any."""
    annotated = [each for each in dialogues if any(message.expected for message in each.messages)]
    limit = MAX_DIALOGUES if annotated else MAX_WITHOUT_STATES
    in_order = sorted(annotated or dialogues, key=lambda each: hash_share(each.dialogue_id, "replay"))
    return in_order[:limit]


def replay(
    assistant: Assistant, dialogues: Sequence[AnnotatedDialogue], listings: Listings
) -> Iterator[CheckedTurn]:
    """Hold the conversations; messages without any letter are left out."""
    assistant.reply(DialogueState(), "hello")  # models are opened before times count
    for dialogue in track(dialogues, "replaying conversations", len(dialogues)):
        state = DialogueState()
        screen: list[Listing] = []
        for message in dialogue.messages:
            try:
                reply = assistant.reply(state, message.text)
            except InputError:
                continue
            yield check_turn(reply, message.expected, listings, screen)
            state = reply.state
            screen = [listings.by_id[item] for item in state.on_screen if item in listings.by_id]


def check_turn(
    reply: Reply, expected: ExpectedState | None, listings: Listings, screen: Sequence[Listing]
) -> CheckedTurn:
    """Check a reply; `screen` is what was on screen before it."""
    language = load_language(reply.state.language)
    claims = false_claims(reply, listings, screen, reply.state.focus, language.to_english)
    stated = [facet for facet, values in reply.request.facets.items() if values]
    slots = dict.fromkeys((*(expected.slots if expected else ()), *stated, "price", "recipient", "excluded"))
    return CheckedTurn(
        slots=tuple(slots),
        wrong_slots=tuple(wrong_slots(reply, expected)) if expected else (),
        is_annotated=expected is not None,
        is_first_right=_is_first_right(reply, expected, listings) if expected else None,
        invented=tuple(item.item_id for item in reply.shown if item.item_id not in listings.by_id),
        claims=tuple(claims),
        cost=reply.cost,
    )


def _is_first_right(reply: Reply, expected: ExpectedState, listings: Listings) -> bool | None:
    if reply.act.value not in ("find", "more") or expected.is_empty:
        return None
    if not reply.items:
        return False if satisfying(listings, expected) else None
    first = listings.by_id.get(reply.items[0].item_id)
    return first is not None and expected.satisfied_by(first)

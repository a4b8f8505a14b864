"""Several kinds in one message, each with its own price and looks; and what later messages change of them."""

from __future__ import annotations

import math

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.request import Request
from bowerbird.assist.state import DialogueState


def _talk(assistant: Assistant, *messages: str) -> Request:
    state = DialogueState()
    for message in messages:
        state = DialogueState.from_dict(assistant.reply(state, message).state.as_dict())
    assert state.request is not None
    return state.request


def _needs(request: Request) -> dict[str, tuple[set[str], float]]:
    """By kind, the colours and the highest price that are asked of it alone."""
    return {
        kind.wording["type"]: (set(kind.facets.get("colour", ())), kind.price.high) for kind in request.kinds
    }


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("a sofa under 80 and rugs under 40", {"sofa": (set(), 80), "rugs": (set(), 40)}),
        ("a sofa under 80 and a rug", {"sofa": (set(), 80), "rug": (set(), math.inf)}),
        ("a red sofa and a green rug", {"sofa": ({"Red"}, math.inf), "rug": ({"Green"}, math.inf)}),
        ("a sofa and green rugs", {"sofa": (set(), math.inf), "rugs": ({"Green"}, math.inf)}),
    ],
)
def test_needs_of_one_kind_are_its_own(
    message: str, expected: dict[str, tuple[set[str], float]], assistant: Assistant
) -> None:
    request = _talk(assistant, message)
    assert _needs(request) == expected
    assert not request.price.bounded and set(request.facets) == {"type"}


@pytest.mark.parametrize(
    "message",
    [
        "a sofa and rugs in green under 60",
        "green sofas and rugs under 60",
        "a sofa and a rug under 60, green",
    ],
)
def test_needs_of_all_kinds_hold_for_each(message: str, assistant: Assistant) -> None:
    request = _talk(assistant, message)
    assert all(kind.is_plain for kind in request.kinds) and len(request.kinds) == 2
    assert request.facets["colour"] == {"Green"} and request.price.high == 60


def test_each_item_satisfies_the_needs_of_its_kind(assistant: Assistant) -> None:
    reply = assistant.reply(DialogueState(), "a sofa under 80 and rugs under 40")
    vocabulary, limits = assistant.parts.vocabulary, {"Sofa": 80.0, "Rug": 40.0}
    kinds = [vocabulary.values_of(item.position, "type")[0] for item in reply.items]
    assert set(kinds) == set(limits)
    assert all(
        item.price is not None and item.price < limits[kind]
        for item, kind in zip(reply.items, kinds, strict=True)
    )


def test_the_kind_that_is_named_is_changed_and_the_others_stay(assistant: Assistant) -> None:
    request = _talk(assistant, "a sofa under 80 and rugs under 40", "the sofa should be red")
    assert _needs(request) == {"sofa": ({"Red"}, 80), "rugs": (set(), 40)}


def test_another_kind_starts_afresh(assistant: Assistant) -> None:
    request = _talk(assistant, "a sofa under 80 and rugs under 40", "a lamp")
    assert not request.kinds and not request.price.bounded


@pytest.mark.parametrize("message", ["a sofa or a rug", "a sofa"])
def test_one_kind_or_either_are_not_several(message: str, assistant: Assistant) -> None:
    assert _talk(assistant, message).kinds == ()

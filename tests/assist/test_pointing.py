"""References follow the list on screen; one to nothing is asked back, never guessed."""

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.request import Shown
from bowerbird.assist.state import DialogueState
from bowerbird.assist.understand.pointing import items_pointed_at
from bowerbird.data.items import Catalogue

LAMP, TORCH, CANDLE = Shown("a", "Lamp", 40.0), Shown("b", "Torch", 30.0), Shown("c", "Candle", 5.0)
SCREEN = (LAMP, TORCH, CANDLE)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("the first one", "a"),
        ("the 2nd", "b"),
        ("number 3", "c"),
        ("#2", "b"),
        ("the last one", "c"),
        ("the first two", "ab"),
        ("the last two", "bc"),
        ("the top 3", "abc"),
        ("the first and the third", "ac"),
        ("the third or the second", "cb"),
        ("compare 1 and 3", "ac"),
        ("compare them", "abc"),
        ("all of them", "abc"),
        ("is it heavy?", "a"),
        ("is the cheapest one heavy?", "c"),
        ("the most expensive one", "a"),
        ("a lamp", ""),
        ("my first time here", ""),
        ("this summer", ""),
        ("that's all", ""),
    ],
)
def test_references_to_the_screen(text: str, ids: str) -> None:
    reference = items_pointed_at(text, SCREEN, None)
    assert "".join(item.item_id for item in reference.items) == ids and not reference.missing


def test_both_are_two() -> None:
    assert items_pointed_at("compare both", SCREEN[:2], None).items == (LAMP, TORCH)
    assert items_pointed_at("compare both", SCREEN, None).missing == "both", "of three, which?"


@pytest.mark.parametrize("text", ["is it heavy?", "is this one heavy?", "save that"])
def test_it_is_the_item_in_focus(text: str) -> None:
    assert items_pointed_at(text, SCREEN, TORCH).items == (TORCH,)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("the fifth one", "the fifth one"),
        ("number 9", "number 9"),
        ("the first four", "the first four"),
        ("the first and the seventh", "the first and the seventh"),
    ],
)
def test_what_is_not_on_screen_is_missing(text: str, missing: str) -> None:
    reference = items_pointed_at(text, SCREEN, None)
    assert reference.missing == missing and reference.items == ()
    assert items_pointed_at(text, (), None).missing == missing


MISSING = (
    *(
        "the fifth one",
        "is the fifth one waterproof?",
        "save the fifth one",
        "hide number 9",
        "why the ninth one?",
    ),
    *("compare the first and the seventh", "more like the fifth one", "what goes with the fifth one?"),
    *("the fifth one in green", "cheaper than the fifth one", "compare the first six"),
)


@pytest.mark.parametrize("text", MISSING)
def test_a_reference_to_nothing_gets_a_question_back(text: str, assistant: Assistant) -> None:
    before = assistant.reply(DialogueState(), "a rug").state
    reply = assistant.reply(before, text)
    assert reply.act == "unclear" and not reply.shown and "?" in reply.text
    assert reply.state.on_screen == before.on_screen and reply.state.request == before.request


@pytest.mark.parametrize("text", MISSING)
def test_without_a_list_every_reference_gets_a_question_back(text: str, assistant: Assistant) -> None:
    reply = assistant.reply(DialogueState(), text)
    assert not reply.shown and "?" in reply.text and reply.act != "find"


def test_the_one_of_a_colour_is_the_one_on_screen(assistant: Assistant, shop: Catalogue) -> None:
    before = assistant.reply(DialogueState(), "a red or green rug").state
    reply = assistant.reply(before, "how much is the green one?")
    assert reply.state.focus in before.on_screen
    assert shop.item(shop.position[reply.state.focus or ""]).attributes["color"] == "Green"


def test_an_exact_id_is_that_item(assistant: Assistant, shop: Catalogue) -> None:
    """Ids of four characters and more: shorter ones are words as often."""
    item = assistant.parts.shown("i10")
    assert item is not None
    reference = items_pointed_at("how much is i10?", (), None, lambda text: ((item,), text))
    assert reference.items == (item,) and reference.is_explicit

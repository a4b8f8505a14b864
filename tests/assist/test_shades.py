"""Lighter, darker, plainer, more or less colourful: read against what is on screen."""

from __future__ import annotations

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.reply import Reply
from bowerbird.assist.understand.patterns.shades import read_shade_change
from bowerbird.text.colours import look_of
from talking import talk_to


def _values(assistant: Assistant, reply: Reply, facet: str) -> set[str]:
    return {
        value for item in reply.items for value in assistant.parts.vocabulary.values_of(item.position, facet)
    }


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("too colourful", "less_colourful"),
        ("even less colorful please", "less_colourful"),
        ("nothing so flashy", "less_colourful"),
        ("something more muted", "less_colourful"),
        ("more colourful please", "more_colourful"),
        ("it's not bright enough", "more_colourful"),
        ("something plainer", "more_plain"),
        ("too busy for me", "more_plain"),
        ("that is too plain", "less_plain"),
        ("a lighter one", "more_light"),
        ("lighter in colour", "more_light"),
        ("too dark", "more_light"),
        ("in a darker shade", "less_light"),
        ("a lighter jacket", None),
        ("lighter in weight", None),
        ("a lighter for candles", None),
        ("not too dark", "more_light"),
        ("more colours", None),
        ("a dark sofa", None),
    ],
)
def test_changes_of_shade(text: str, key: str | None) -> None:
    change = read_shade_change(text)
    assert (change and change.key) == key


@pytest.mark.parametrize(
    "message", ["too dark", "zu dunkel", "demasiado oscuro", "trop foncé", "troppo scuro"]
)
def test_too_dark_gives_lighter_colours(message: str, assistant: Assistant) -> None:
    _, dark, lighter = talk_to(assistant, "rugs", "in dark blue", message)
    bound = look_of("Dark Blue")
    assert _values(assistant, dark, "colour") == {"Dark Blue"} and lighter.items and bound
    looks = [look_of(value) for value in _values(assistant, lighter, "colour")]
    assert all(look and look.lightness > bound.lightness for look in looks)
    assert _values(assistant, lighter, "type") == {"Rug"}


def test_lighter_keeps_to_the_colour_that_was_asked_for(assistant: Assistant) -> None:
    _, reply = talk_to(assistant, "blue rugs", "the dark blue one, but lighter")
    assert _values(assistant, reply, "colour") <= {"Blue", "Dark Blue"}
    assert reply.items and reply.request.wording["colour"] == "lighter blue"


def test_a_change_of_shade_holds_for_what_follows(assistant: Assistant) -> None:
    *_, plainer, cheaper = talk_to(assistant, "floral rugs", "too busy", "under 80")
    assert _values(assistant, plainer, "pattern") == _values(assistant, cheaper, "pattern") == {"Solid"}


def test_a_shade_that_no_item_has_is_reported(assistant: Assistant) -> None:
    _, reply = talk_to(assistant, "grey solid rugs", "less colourful")
    assert not reply.items and "less colourful" in reply.text
    assert reply.request.facets["colour"] == {"Grey"}


@pytest.mark.parametrize(
    ("message", "darkest"),
    [
        ("which one is the darkest?", True),
        ("the darkest one please", True),
        ("which is the lightest in colour?", False),
        ("welche ist am dunkelsten?", True),
        ("¿cuál es el más oscuro?", True),
        ("laquelle est la plus claire ?", False),
        ("qual è il più chiaro?", False),
    ],
)
def test_ends_of_a_list_by_lightness(message: str, darkest: bool, assistant: Assistant) -> None:
    shown, reply = talk_to(assistant, "t-shirts", message)
    by_lightness = {}
    for item in shown.items:
        look = look_of(assistant.parts.vocabulary.values_of(item.position, "colour")[0])
        assert look is not None
        by_lightness[item.title] = look.lightness
    assert len(set(by_lightness.values())) > 1, "the answer is trivial"
    end = (min if darkest else max)(by_lightness.values())
    assert any(title in reply.text for title, lightness in by_lightness.items() if lightness == end)
    assert reply.state.on_screen == shown.state.on_screen

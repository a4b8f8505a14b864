"""What goes with an item: of a kind that is named, or of any other; in five languages."""

from __future__ import annotations

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.state import DialogueState
from bowerbird.assist.understand.act_patterns import Act


@pytest.mark.parametrize(
    ("opening", "message"),
    [
        ("a grey sofa", "lamps that go with it"),
        ("a grey sofa", "a matching lamp"),
        ("a grey sofa", "which lamps would go well with the first one?"),
        ("a grey sofa", "a lamp to match"),
        ("un sofá gris", "lámparas que combinen"),
        ("un sofá gris", "una lámpara que vaya con eso"),
        ("ein graues Sofa", "Lampen, die dazu passen"),
        ("ein graues Sofa", "eine passende Lampe"),
        ("un canapé gris", "des lampes qui vont avec"),
        ("un canapé gris", "une lampe assortie"),
        ("un divano grigio", "lampade che si abbinano"),
        ("un divano grigio", "una lampada che ci sta bene"),
    ],
)
def test_a_kind_that_goes_with_what_is_shown(opening: str, message: str, assistant: Assistant) -> None:
    first = assistant.reply(DialogueState(), opening)
    reply = assistant.reply(first.state, message)
    assert reply.act == Act.COMPLETE and first.items[0].title in reply.text.split("\n")[0]
    kinds = {assistant.parts.vocabulary.values_of(item.position, "type")[0] for item in reply.items}
    assert reply.items and kinds <= {"Table lamp", "Floor lamp"}
    again = assistant.reply(reply.state, "a matching rug")
    assert first.items[0].title in again.text.split("\n")[0], "the sofa is still what is completed"


@pytest.mark.parametrize("message", ["does it go with a red rug?", "a lamp that goes with my grey sofa"])
def test_what_completes_nothing_on_screen(message: str, assistant: Assistant) -> None:
    first = assistant.reply(DialogueState(), "a grey sofa")
    assert assistant.reply(first.state, message).act != Act.COMPLETE

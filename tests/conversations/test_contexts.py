"""Contexts and examples: what was named before, by whom, how it was liked, and what came next."""

from bowerbird.conversations.contexts import ContextBuilder, ContextTurn, Sentiment
from bowerbird.conversations.linking import ItemLinker
from bowerbird.data.dialogues import Dialogue, DialogueTurn, Role

TITLES = ["Heat (1995)", "Casino (1995)", "Jumanji (1995)"]
BUILDER = ContextBuilder(ItemLinker(TITLES), {"h": 0, "c": 1, "j": 2})
TURNS = (
    DialogueTurn(Role.USER, "I loved Heat (1995) but I hated Jumanji (1995)", mentioned=("h", "j")),
    DialogueTurn(Role.ASSISTANT, "Casino (1995), or Heat again", recommended=("c", "h")),
    DialogueTurn(Role.USER, "Thanks"),
    DialogueTurn(Role.ASSISTANT, "Do see Casino (1995)", recommended=("c",)),
)


def test_an_example_has_what_was_named_before_and_what_is_new() -> None:
    (example,) = BUILDER.examples([Dialogue("d", TURNS)])
    assert example.targets == (1,)
    assert example.context.mentioned_items.tolist() == [0, 2]
    assert [(each.item, each.role, each.sentiment) for each in example.context.mentions] == [
        (0, Role.USER, Sentiment.LIKED),
        (2, Role.USER, Sentiment.DISLIKED),
    ]
    assert [turn.text for turn in example.context.turns] == [TURNS[0].text]


def test_a_context_in_training_is_the_one_that_is_answered() -> None:
    (example,) = BUILDER.examples([Dialogue("d", TURNS)])
    assert BUILDER.context([ContextTurn(Role.USER, TURNS[0].text)]) == example.context


def test_a_dialogue_without_text_gives_its_labelled_items() -> None:
    turns = (
        DialogueTurn(Role.USER, mentioned=("h",), liked=("h",)),
        DialogueTurn(Role.ASSISTANT, mentioned=("c",), recommended=("c",)),
        DialogueTurn(Role.ASSISTANT, mentioned=("j",), recommended=("j",)),
    )
    first, second = BUILDER.examples([Dialogue("d", turns)])
    assert (first.targets, second.targets) == ((1,), (2,))
    assert [each.item for each in second.context.mentions] == [0, 1]
    assert second.context.turns == ()

"""What people say of a list on screen: its order, its prices, one of its kinds, the same question again."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.price_range import format_price
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState


def _talk(assistant: Assistant, *messages: str) -> list[Reply]:
    state, replies = DialogueState(), []
    for message in messages:
        replies.append(assistant.reply(state, message))
        state = DialogueState.from_dict(replies[-1].state.as_dict())
    return replies


def _prices(reply: Reply) -> list[float]:
    return [item.price for item in reply.items if item.price is not None]


def _kinds(assistant: Assistant, reply: Reply) -> set[str]:
    return {assistant.parts.vocabulary.values_of(item.position, "type")[0] for item in reply.items}


def test_a_list_is_sorted_and_turned_round(assistant: Assistant) -> None:
    _, ascending, descending, again = _talk(
        assistant, "rugs", "sort them by price", "the other way round", "and the cheapest?"
    )
    assert _prices(ascending) == sorted(_prices(ascending)) == _prices(again)
    assert _prices(descending) == sorted(_prices(descending), reverse=True)
    assert min(_prices(descending)) >= max(_prices(ascending))


@pytest.mark.parametrize(
    "message", ["what's the total?", "how much is it altogether", "was kostet das zusammen?"]
)
def test_prices_are_added_up(message: str, assistant: Assistant) -> None:
    rugs, reply = _talk(assistant, "rugs", message)
    assert format_price(sum(_prices(rugs)), "EUR", reply.state.language) in reply.text


def test_the_prices_of_several_items_are_all_named(assistant: Assistant) -> None:
    rugs, reply = _talk(assistant, "rugs", "how much are the first two?")
    assert [line.rsplit(": ", 1)[1] for line in reply.text.splitlines()] == [
        f"€{price:.2f}" for price in _prices(rugs)[:2]
    ]


def test_a_question_is_asked_again_of_another_item(assistant: Assistant) -> None:
    rugs, _, second, third = _talk(
        assistant, "rugs", "how much is the first one?", "and the second one?", "what about the third?"
    )
    assert f"€{_prices(rugs)[1]:.2f}" in second.text and f"€{_prices(rugs)[2]:.2f}" in third.text


def test_who_makes_an_item_is_its_brand(assistant: Assistant) -> None:
    rugs, reply = _talk(assistant, "rugs", "and who makes the first one?")
    assert (
        assistant.catalogue.item(rugs.items[0].position).brand in reply.text and reply.act == "item_question"
    )


@pytest.mark.parametrize("message", ["leave out the blue ones", "remove the blue ones"])
def test_items_of_a_colour_are_left_out(message: str, assistant: Assistant) -> None:
    _, reply, next_page = _talk(assistant, "rugs", message, "show me more")
    colours = [
        assistant.parts.vocabulary.values_of(item.position, "colour")
        for item in reply.items + next_page.items
    ]
    assert colours and not any("Blue" in values for values in colours)


@pytest.mark.parametrize("message", ["remove the sofa", "I don't need a sofa", "you can drop the sofa"])
def test_one_of_two_kinds_is_left_out(message: str, assistant: Assistant) -> None:
    first, rest = _talk(assistant, "a sofa and a rug", message)
    assert _kinds(assistant, first) == {"Sofa", "Rug"} and _kinds(assistant, rest) == {"Rug"}


def test_one_of_two_kinds_is_to_be_cheaper(assistant: Assistant) -> None:
    first, cheaper = _talk(assistant, "a sofa and a rug", "swap the sofa for a cheaper one")
    mask = assistant.parts.vocabulary.mask("type", {"Sofa"})
    before, after = (
        [item.price for item in reply.items if mask[item.position]] for reply in (first, cheaper)
    )
    assert after and max(after) < min(before)
    assert _kinds(assistant, cheaper) == {"Sofa", "Rug"}


def test_any_one_of_each_kind_is_within_a_budget_for_all(assistant: Assistant) -> None:
    reply = _talk(assistant, "a sofa and a rug for 110 in total")[0]
    highest_prices = [
        max(price for item in reply.items if mask[item.position] and (price := item.price) is not None)
        for mask in (assistant.parts.vocabulary.mask("type", {kind}) for kind in ("Sofa", "Rug"))
    ]
    assert sum(highest_prices) <= 110


@pytest.mark.parametrize(
    ("message", "missing"),
    [
        ("two rugs and one teapot", "teapots"),
        ("a sofa, a keyboard and a rug", "keyboards"),
        ("keyboard, sofa, rug", "keyboards"),
        ("a rug and something cosy", ""),
        ("a rug and a sofa, please", ""),
    ],
)
def test_missing_kinds_are_named(message: str, missing: str, assistant: Assistant) -> None:
    text = _talk(assistant, message)[0].text
    assert (f"We don't have {missing}." in text) if missing else ("don't have" not in text)


def test_other_values_of_a_list_are_looked_for(assistant: Assistant) -> None:
    _, reply = _talk(assistant, "rugs", "do they come in blue?")
    assert reply.items and all(
        "Blue" in assistant.parts.vocabulary.values_of(item.position, "colour")[0] for item in reply.items
    )


def test_what_something_is_for_is_not_what_it_is(assistant: Assistant) -> None:
    _, reply = _talk(assistant, "rugs", "something for the sofa")
    assert reply.items and "Sofa" not in _kinds(assistant, reply)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (["how many rugs do you have?"], "rugs in stock"),
        (["rugs", "how many do you have?"], "rugs in stock"),
        (["blue rugs", "wie viele gibt es?"], "sind"),
    ],
)
def test_items_are_counted(messages: list[str], expected: str, assistant: Assistant) -> None:
    reply = _talk(assistant, *messages)[-1]
    parts = assistant.parts
    mask = parts.vocabulary.mask("type", {"Rug"}) & parts.catalogue.available
    if "blue" in messages[0]:
        mask &= parts.vocabulary.mask("colour", {"Blue", "Dark Blue"})
    assert f" {mask.sum()} " in reply.text and expected in reply.text


@pytest.mark.parametrize(
    "message", ["how is the second one?", "wie ist der zweite?", "¿cómo es el segundo?", "com'è il secondo?"]
)
def test_an_item_is_described(message: str, assistant: Assistant) -> None:
    rugs, reply = _talk(assistant, "rugs", message)
    assert rugs.items[1].title in reply.text and "reading corner" in reply.text


@pytest.mark.parametrize(
    "message",
    [
        "I'm decorating a nursery",
        "we are moving into a castle",
        "I bought a red sofa last year, what rugs match?",
    ],
)
def test_places_and_what_one_owns_are_not_asked_for(message: str, assistant: Assistant) -> None:
    reply = _talk(assistant, message)[0]
    assert "don't have" not in reply.text and "have no" not in reply.text
    assert "Sofa" not in _kinds(assistant, reply)


def test_the_ones_of_a_kind_narrow_the_list(assistant: Assistant) -> None:
    _, reply = _talk(assistant, "rugs", "only the green ones")
    colours = {assistant.parts.vocabulary.values_of(item.position, "colour")[0] for item in reply.items}
    assert colours == {"Green"} and _kinds(assistant, reply) == {"Rug"}


def test_one_item_is_compared_with_nothing(assistant: Assistant) -> None:
    *_, reply = _talk(assistant, "a rug over 90", "compare the first and the last")
    assert reply.comparison is None and "which two" in reply.text.lower()


@pytest.mark.parametrize("message", ["only the rugs", "never mind, just the rugs please"])
def test_one_of_two_kinds_is_all_that_is_wanted(message: str, assistant: Assistant) -> None:
    _, reply = _talk(assistant, "a sofa and a rug", message)
    assert _kinds(assistant, reply) == {"Rug"}


@pytest.mark.parametrize("message", ["swap the rug for a sweater", "a sweater instead of the rug"])
def test_one_of_two_kinds_is_swapped(message: str, assistant: Assistant) -> None:
    _, reply = _talk(assistant, "a sofa and a rug", message)
    assert _kinds(assistant, reply) == {"Sofa", "Sweater"}


@pytest.mark.parametrize(
    "message", ["actually bring the rug back", "add a rug", "bring mir den Teppich zurück", "remets le tapis"]
)
def test_a_kind_comes_to_the_one_before(message: str, assistant: Assistant) -> None:
    *_, reply = _talk(assistant, "a sofa and a rug", "drop the rug", message)
    assert _kinds(assistant, reply) == {"Sofa", "Rug"}


def test_a_third_kind_comes_with_its_own_needs(assistant: Assistant) -> None:
    _, reply = _talk(assistant, "a sofa and a rug", "and a sweater under 90")
    sweater = next(kind for kind in reply.state.request.kinds if kind.types == {"Sweater"})
    assert len(reply.state.request.kinds) == 3 and sweater.price.high == 90


def test_a_total_budget_holds_for_what_is_bought_of_it(assistant: Assistant) -> None:
    _, reply = _talk(assistant, "I want to furnish a room, 900 total", "a sofa and a rug")
    assert reply.state.request.has_total_budget and reply.state.request.budget.high == 900


def test_both_are_the_kinds_that_were_asked_for(assistant: Assistant) -> None:
    _, reply = _talk(assistant, "a sofa and a rug", "show both")
    assert _kinds(assistant, reply) == {"Sofa", "Rug"}


def test_what_is_left_of_two_kinds_is_named_alone(assistant: Assistant) -> None:
    _, reply = _talk(assistant, "sofas or rugs", "no sofas after all")
    assert "rugs" in reply.text and "or rugs" not in reply.text.split("(")[0]


@pytest.mark.parametrize("message", ["a rug, nothing too expensive", "un tappeto non troppo caro"])
def test_not_too_expensive_lists_the_cheaper_half(message: str, assistant: Assistant) -> None:
    prices = assistant.catalogue.prices[assistant.parts.vocabulary.mask("type", {"Rug"})]
    _, reply = _talk(assistant, "hello", message)
    assert max(_prices(reply)) <= float(np.nanmedian(prices))


@pytest.mark.parametrize(
    ("message", "expected"),
    [("what did I ask for so far?", "green rugs"), ("was suche ich?", "Teppiche"), ("recap", "under 500")],
)
def test_the_need_so_far_is_worded(message: str, expected: str, assistant: Assistant) -> None:
    *_, reply = _talk(assistant, "a green rug under 500", message)
    assert expected in reply.text


@pytest.mark.parametrize(
    "message", ["show me the second one", "the second one again", "zeig mir den zweiten"]
)
def test_an_item_is_shown_again(message: str, assistant: Assistant) -> None:
    rugs, reply = _talk(assistant, "rugs", message)
    price = format_price(_prices(rugs)[1], "EUR", reply.state.language)
    assert rugs.items[1].title in reply.text and price in reply.text


@pytest.mark.parametrize("message", ["you showed me those already", "I've already seen them"])
def test_what_was_seen_is_not_shown_again(message: str, assistant: Assistant) -> None:
    rugs, reply = _talk(assistant, "rugs", message)
    assert not {item.item_id for item in rugs.items} & {item.item_id for item in reply.items}


def test_praise_with_a_but_saves_nothing(assistant: Assistant) -> None:
    rugs, reply = _talk(assistant, "rugs", "I like the second one but it's too big")
    assert reply.items and rugs.items[1].item_id not in {item.item_id for item in reply.items}


def test_what_was_completed_is_what_is_spoken_of(assistant: Assistant) -> None:
    rugs, _, reply = _talk(assistant, "rugs", "what goes with the second one?", "how much is it?")
    assert f"€{_prices(rugs)[1]:.2f}" in reply.text


@pytest.mark.parametrize(
    "message", ["the first ones again", "go back", "show me the previous ones", "los de antes"]
)
def test_the_list_before_is_shown_again(message: str, assistant: Assistant) -> None:
    rugs, _, reply = _talk(assistant, "rugs", "show me more", message)
    assert [item.item_id for item in reply.items] == [item.item_id for item in rugs.items]

"""How many of an item somebody wants: a number of pieces is no price, no place in a list and no kind."""

from __future__ import annotations

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.price_range import format_price
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.patterns.quantities import read_bare_quantity, read_quantity
from talking import talk_to


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("i need four of them", 4),
        ("and how much would six of those cost?", 6),
        ("i'd take 2 of the second one, what would that come to?", 2),
        ("do you have 12 in stock?", 12),
        ("i need of them three", 3),
        ("i need four of those rugs under 40", None),
        ("a table for four", None),
        ("how much are the first two?", None),
        ("what do you have under 50", None),
        ("how much is number 2?", None),
        ("two lamps", None),
        ("i'll need half a dozen of those", 6),
    ],
)
def test_a_number_of_items_is_read(text: str, units: int | None) -> None:
    quantity = read_quantity(text)
    assert (quantity and quantity.units) == units


@pytest.mark.parametrize(
    ("text", "question", "is_item_in_focus", "units"),
    [
        ("make it five", "how much for 2 of them", False, 5),
        ("and two?", "how much is the third one", True, 2),
        ("i want two", "is it of oak", True, 2),
        ("i want two", "", False, None),
        ("two", "is it of oak", True, None),
        ("make it 80", "how much for 2 of them", True, None),
    ],
)
def test_a_number_alone_counts_what_was_spoken_of(
    text: str, question: str, is_item_in_focus: bool, units: int | None
) -> None:
    assert read_bare_quantity(text, question, is_item_in_focus=is_item_in_focus) == units


@pytest.mark.parametrize(
    "message",
    [
        "I need four of the second one",
        "how much would four of the second cost?",
        "ich brauche vier vom zweiten",
        "quiero cuatro del segundo",
        "il m'en faut quatre du deuxième",
        "ne voglio quattro del secondo",
    ],
)
def test_several_of_an_item_cost_so_many_times_its_price(assistant: Assistant, message: str) -> None:
    rugs, reply = talk_to(assistant, "rugs", message)
    item = rugs.items[1]
    assert item.price is not None
    for amount in (4 * item.price, item.price):
        assert format_price(amount, item.currency, reply.state.language) in reply.text
    assert item.title in reply.text and reply.act == Act.ITEM_QUESTION and not reply.items
    assert reply.request.price == rugs.request.price, "a number of pieces is no budget"


def test_of_a_list_each_item_has_its_total(assistant: Assistant) -> None:
    rugs, reply = talk_to(assistant, "rugs", "I need three of them")
    totals = [format_price(3 * item.price, "EUR") for item in rugs.items if item.price]
    assert all(
        f": {total} (" in line for total, line in zip(totals, reply.text.splitlines()[1:], strict=True)
    )


def test_a_number_alone_changes_how_many(assistant: Assistant) -> None:
    rugs, _, five, of_second = talk_to(
        assistant, "rugs", "I need two of the first one", "make it five", "and of the second one?"
    )
    first, second = (item.price for item in rugs.items[:2])
    assert first and format_price(5 * first, "EUR") in five.text
    assert second and format_price(5 * second, "EUR") in of_second.text


def test_how_many_are_in_stock_is_not_invented(assistant: Assistant) -> None:
    _, _, reply = talk_to(assistant, "rugs", "tell me about the first one", "do you have 6 in stock?")
    assert "is in stock" in reply.text and "doesn't say" in reply.text


def test_several_of_several_items_are_added_up(assistant: Assistant) -> None:
    rugs, reply = talk_to(assistant, "rugs", "I need three of the first and two of the second")
    first, second = (item.price or 0 for item in rugs.items[:2])
    amounts = (3 * first, 2 * second, 3 * first + 2 * second)
    lines = reply.text.splitlines()
    assert all(format_price(amount, "EUR") in line for amount, line in zip(amounts, lines, strict=True))


def test_both_of_a_longer_list_is_asked_back(assistant: Assistant) -> None:
    assert talk_to(assistant, "rugs", "how much for both?")[-1].act == Act.UNCLEAR


def test_nothing_is_counted_before_anything_is_shown(assistant: Assistant) -> None:
    assert talk_to(assistant, "I need four of them")[0].act == Act.UNCLEAR


@pytest.mark.parametrize("wording", ["something in between", "a compromise please", "etwas dazwischen"])
def test_in_between_two_lists_is_a_price_between(assistant: Assistant, wording: str) -> None:
    rugs, cheaper, between = talk_to(assistant, "rugs over 40", "something cheaper than 60", wording)
    assert rugs.items and cheaper.items
    highest = max(item.price or 0 for item in (*rugs.items, *cheaper.items))
    price = between.request.price
    assert 0 < price.low < price.high < highest
    assert all(item.price in price for item in between.items)


def test_in_between_two_items_is_a_price_between_theirs(assistant: Assistant) -> None:
    rugs, reply = talk_to(assistant, "rugs", "something between the cheapest and the most expensive")
    prices = sorted(item.price for item in rugs.items if item.price)
    assert reply.request.price.low >= prices[0] and reply.request.price.high <= prices[-1]
    assert "type" in reply.request.facets and reply.act == Act.FIND

"""What items cost: each, together, and several pieces of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bowerbird.assist.answers.facts import is_price_question
from bowerbird.assist.find.offers import in_currency, price_with_sale
from bowerbird.assist.request import Shown
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.patterns.item_questions import TOTAL
from bowerbird.assist.understand.patterns.quantities import read_quantities, read_quantity
from bowerbird.assist.understand.pointing import items_pointed_at
from bowerbird.data.items import Item


def answer_prices(turn: Turn) -> str:
    """The prices of the items that a message points at, or their sum; empty where it asks for neither."""
    if turn.reference.missing:
        return ""  # "both" of four
    is_total_question = TOTAL.pattern.search(turn.plain) is not None
    is_about_list = is_total_question and len(turn.reference.items) < 2
    shown = turn.on_screen if is_about_list else turn.reference.items
    if len(shown) < 2 or (turn.focus and not turn.reference.is_explicit and not is_total_question):
        return ""
    catalogue = turn.parts.catalogue
    items = [catalogue.item(catalogue.position[item.item_id]) for item in shown]
    if is_total_question:
        return _total(turn, items)
    if not is_price_question(turn.plain):
        return ""
    unknown = turn.say("no_value")
    prices = [price_with_sale(item, turn.language) or unknown for item in items]
    return "\n".join(
        f"{item.title or item.item_id}: {price}" for item, price in zip(items, prices, strict=True)
    )


def _total(turn: Turn, items: list[Item]) -> str:
    prices = [item.price for item in items if item.price is not None]
    currencies = {item.currency for item in items}
    if len(prices) < len(items) or len(currencies) > 1:
        return turn.say("total_unknown")
    price = in_currency(sum(prices), currencies.pop(), turn.language)
    return turn.say("total_price", count=len(items), price=price)


def answer_quantity(turn: Turn) -> str:
    """What several pieces of an item cost, and whether there are any; of a list, of each item on it.

    Empty where a message counts no pieces.
    """
    quantity, shown = read_quantity(turn.plain), counted_items(turn)
    if quantity is None or not shown or (quantity.is_about_stock and len(shown) > 1):
        return ""
    if len(shown) > 1:
        lines = list(_lines_of_quantity(turn, shown, quantity.units))
        which = turn.say("quantity_which", count=quantity.units)
        return "\n".join([which, *lines]) if lines else turn.say("missing_item")
    item = turn.parts.catalogue.item(turn.parts.catalogue.position[shown[0].item_id])
    sentences = [price_of_quantity(turn, item, quantity.units)]
    is_available = turn.parts.catalogue.available[turn.parts.catalogue.position[item.item_id]]
    if not is_available:
        sentences = [f"{turn.say('fact_out_of_stock', title=shown[0].title)}.", *sentences]
    elif quantity.is_about_stock:
        sentences = [turn.say("quantity_stock", title=shown[0].title), *sentences]
    return " ".join(sentences)


def answer_quantities(turn: Turn) -> str:
    """What several of each of several items cost, "three of the first and two of the second", and together.

    Empty where a message counts one item or none, or points at what is not on screen.
    """
    catalogue, counted = turn.parts.catalogue, list[tuple[int, Item]]()
    for count, words in read_quantities(turn.plain):
        shown = items_pointed_at(words, turn.on_screen, turn.focus).items
        if len(shown) != 1:
            return ""
        counted.append((count, catalogue.item(catalogue.position[shown[0].item_id])))
    prices = [count * item.price for count, item in counted if item.price is not None]
    currencies = {item.currency for _, item in counted}
    if len(prices) < len(counted) or len(currencies) != 1:
        return ""
    sentences = [price_of_quantity(turn, item, count) for count, item in counted]
    total = in_currency(sum(prices), currencies.pop(), turn.language)
    n_items = sum(count for count, _ in counted)
    return "\n".join([*sentences, turn.say("total_price", count=n_items, price=total)])


def counted_items(turn: Turn) -> tuple[Shown, ...]:
    """What "four of them" counts: the items pointed at, else the one spoken of, else each of the list."""
    if turn.reference.is_explicit or turn.reference.missing:
        return turn.reference.items
    return (turn.focus,) if turn.focus else turn.reference.items or turn.on_screen


def price_of_quantity(turn: Turn, item: Item, count: int) -> str:
    """A sentence on what several pieces of an item cost."""
    title = item.title or item.item_id
    if item.price is None:
        return turn.say("quantity_no_price", title=title, count=count)
    total = in_currency(count * item.price, item.currency, turn.language)
    price = in_currency(item.price, item.currency, turn.language)
    return turn.say("quantity_total", title=title, count=count, total=total, price=price)


def _lines_of_quantity(turn: Turn, shown: Sequence[Shown], count: int) -> Iterator[str]:
    """What several pieces cost, a line for each item; without those that have no price."""
    catalogue = turn.parts.catalogue
    for number, each in enumerate(shown, 1):
        item = catalogue.item(catalogue.position[each.item_id])
        if item.price is None:
            continue
        yield turn.say(
            "quantity_line",
            number=number,
            title=each.title,
            total=in_currency(count * item.price, item.currency, turn.language),
            price=in_currency(item.price, item.currency, turn.language),
        )

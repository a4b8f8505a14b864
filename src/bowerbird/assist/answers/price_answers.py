"""What several items cost, each and together."""

from __future__ import annotations

from bowerbird.assist.answers.facts import is_price_question
from bowerbird.assist.find.offers import price_with_sale
from bowerbird.assist.price_range import exact_price
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.patterns.item_questions import TOTAL
from bowerbird.data.items import Item


def answer_prices(turn: Turn) -> str:
    """The prices of the items that a message points at, or their sum; empty where it asks for neither."""
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
    price = f"{exact_price(sum(prices))} {currencies.pop()}".strip()
    return turn.say("total_price", count=len(items), price=price)

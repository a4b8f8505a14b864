"""What an item costs, what it cost before its sale, and what else it comes in, as replies say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bowerbird.assist.languages import ENGLISH, Language
from bowerbird.assist.price_range import format_price
from bowerbird.data.articles.variants import describe_variants
from bowerbird.data.items import Item
from bowerbird.text.facets import FACETS, facet_name

MAX_VALUES = 6
"""Values of one attribute that a line names."""


def priced(item: Item, language: Language) -> str:
    """The price as written in replies, empty where there is none."""
    return "" if item.price is None else in_currency(item.price, item.currency, language)


def price_before_sale(item: Item, language: Language) -> str:
    """What an item on sale cost before, "was €79.00"; else empty."""
    if not item.on_sale or item.list_price is None:
        return ""
    return language.say("was_price", price=in_currency(item.list_price, item.currency, language))


def price_with_sale(item: Item, language: Language) -> str:
    """The price, and what it was before the sale: "€59.00 (was €79.00)"."""
    before = price_before_sale(item, language)
    return f"{priced(item, language)} ({before})" if before else priced(item, language)


def say_also_in(also_in: Mapping[str, Sequence[str]], language: Language) -> str:
    """What other variants come in, "also in M, L / blue"; empty where there are none."""
    if not also_in:
        return ""
    worded = {
        name: [
            language.value_for(facet_name(name), value) if _is_word(name, value) else value
            for value in values
        ]
        for name, values in also_in.items()
    }
    return language.say("also_in", values=describe_variants(worded, MAX_VALUES))


def _is_word(name: str, value: str) -> bool:
    """Whether a value is a word that has a translation, no size and no name."""
    return facet_name(name) in FACETS and facet_name(name) not in ("size", "brand") and value.isalpha()


def in_currency(amount: float, currency: str, language: Language) -> str:
    """An amount of money as a reply in a language writes it."""
    return format_price(amount, currency, language.code if language.has_file else ENGLISH)

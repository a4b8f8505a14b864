"""All rules of acts in the order in which they are tried, the most particular first."""

from __future__ import annotations

from bowerbird.assist.understand.patterns import courtesies, items, shop

RULES = (
    courtesies.INJECTION,
    courtesies.RESET,
    courtesies.ABUSE,
    items.VARIANTS,
    items.ITS_FACTS,
    items.TOTAL,
    items.PRICES,
    items.SORT,
    items.UNDO,
    items.EXCLUDE_SHOWN,
    items.EXCLUDE_MORE,
    items.EXCLUDE_SEEN,
    shop.DELETE_ME,
    shop.MY_TASTE,
    shop.NEED_SO_FAR,
    shop.SAVED,
    items.WHY,
    items.COMPARE,
    shop.RANGE,
    shop.POPULAR,
    shop.NEW,
    shop.SALE,
    shop.COUNT,
    shop.ABOUT_ASSISTANT,
    shop.FACET_VALUES,
    items.IDEAS,
    items.NOT_THESE,
    items.EARLIER,
    courtesies.OFF_TOPIC,
    items.SAVE,
    items.HIDE,
    courtesies.HOW_ARE_YOU,
    courtesies.SMALL_TALK,
    items.COMPLETE,
    items.SIMILAR,
    items.MORE,
)

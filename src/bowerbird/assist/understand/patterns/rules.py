"""All rules of acts in the order in which they are tried, the most particular first."""

from __future__ import annotations

from bowerbird.assist.understand.patterns import courtesies, item_actions, item_questions, shop

RULES = (
    courtesies.INJECTION,
    courtesies.RESET,
    courtesies.ABUSE,
    item_questions.VARIANTS,
    item_questions.ITS_FACTS,
    item_questions.TOTAL,
    item_questions.PRICES,
    item_questions.SORT,
    item_actions.UNDO,
    item_actions.EXCLUDE_SHOWN,
    item_actions.EXCLUDE_MORE,
    item_actions.EXCLUDE_SEEN,
    shop.DELETE_ME,
    shop.MY_TASTE,
    shop.NEED_SO_FAR,
    shop.SAVED,
    item_questions.WHY,
    item_questions.COMPARE,
    shop.RANGE,
    shop.POPULAR,
    shop.NEW,
    shop.SALE,
    shop.COUNT,
    shop.ABOUT_ASSISTANT,
    shop.FACET_VALUES,
    item_actions.IDEAS,
    item_actions.NOT_THESE,
    item_actions.EARLIER,
    courtesies.OFF_TOPIC,
    item_actions.SAVE,
    item_actions.HIDE,
    courtesies.HOW_ARE_YOU,
    courtesies.SMALL_TALK,
    item_actions.COMPLETE,
    item_actions.SIMILAR,
    item_actions.MORE,
)

"""What a message does (`Act`), and a rule by which it is known; the rules themselves are in `patterns`.

Patterns read plain English. Each repeats a bounded number of times over a text that was cut before, so no
message is slow.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class Act(StrEnum):
    """What a user's message does."""

    FIND = "find"
    MORE = "more"
    SIMILAR = "similar"
    COMPLETE = "complete"
    COMPARE = "compare"
    ITEM_QUESTION = "item_question"
    WHY = "why"
    SAVE = "save"
    HIDE = "hide"
    UNDO = "undo"
    EXCLUDE = "exclude"
    ABOUT_ME = "about_me"
    ABOUT_SHOP = "about_shop"
    ABOUT_ASSISTANT = "about_assistant"
    GREETING = "greeting"
    HOW_ARE_YOU = "how_are_you"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    AFFIRM = "affirm"
    DENY = "deny"
    ABUSE = "abuse"
    INJECTION = "injection"
    RESET = "reset"
    UNCLEAR = "unclear"


class Rule(NamedTuple):
    """A pattern of an act; `topic` is what it is about, or "what": the words of the group of that name."""

    act: Act
    topic: str
    pattern: re.Pattern[str]


def any_of(*alternatives: str) -> re.Pattern[str]:
    """A pattern that matches where any of the alternatives does."""
    return re.compile("|".join(alternatives))

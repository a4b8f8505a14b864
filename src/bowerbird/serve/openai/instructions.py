"""What a shop's system prompt asks for, as far as every writer can do it.

Replies are worded from the catalogue's facts and checked, so a prompt can't change what is true. It can set
the language of the replies, and how many items a list holds at most.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bowerbird.serve.openai.chat_request import Message

LANGUAGES = {"english": "en", "spanish": "es", "german": "de", "french": "fr", "italian": "it"}
_LANGUAGE = re.compile(
    rf"\b(?:answer|reply|respond|write|speak)\b[^.!?\n]{{0,30}}\bin\s+({'|'.join(LANGUAGES)})\b",
    re.IGNORECASE,
)
_MAX_ITEMS = re.compile(
    r"\b(?:at most|no more than|up to|maximum of|max)\s+(\d{1,2}|one|two|three|four|five|six|eight|ten)\s+"
    r"(?:items?|products?|results?|recommendations?|suggestions?|articles?)\b",
    re.IGNORECASE,
)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10}


@dataclass(frozen=True)
class Instructions:
    """What is honoured of the messages with role system or developer."""

    language: str | None = None
    max_items: int | None = None


def read_instructions(messages: Sequence[Message]) -> Instructions:
    """Read the system and developer messages; of contradicting ones the last holds.

    >>> read_instructions([Message(role="system", content="Reply in German, with at most two items.")])
    Instructions(language='de', max_items=2)
    """
    text = "\n".join(message.text for message in messages if message.role in ("system", "developer"))
    languages, numbers = _LANGUAGE.findall(text), _MAX_ITEMS.findall(text)
    number = numbers[-1].lower() if numbers else ""
    max_items = _NUMBERS.get(number) or (int(number) if number.isdigit() else None)
    return Instructions(LANGUAGES[languages[-1].lower()] if languages else None, max_items or None)

"""Training examples of the act classifier: a message, what it does, and what was on screen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bowerbird.assist.languages import detect_language, load_language
from bowerbird.assist.request import Shown
from bowerbird.assist.understand.acts import Message
from bowerbird.assist.understand.mentions import named_facets
from bowerbird.assist.understand.pointing import items_pointed_at
from bowerbird.text.numbers import digits_for_words
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import normalize_text


@dataclass(frozen=True)
class ActExample:
    """A message with its label: an act, or "act/topic"."""

    text: str
    label: str
    language: str | None = None
    """None: guessed from the text."""
    n_on_screen: int = 0
    has_question: bool = False
    names_type: bool = False
    names_value: bool = False


def read_example(example: ActExample) -> Message:
    """The message as the assistant would read it, with items without names on screen."""
    message = message_without_items(example.text, example.n_on_screen, example.has_question, example.language)
    return replace(message, names_type=example.names_type, names_value=example.names_value)


def message_without_items(
    text: str,
    n_on_screen: int,
    has_question: bool = False,
    language: str | None = None,
    vocabulary: Vocabulary | None = None,
) -> Message:
    """A message where only the number of the items on screen is known, not what they are."""
    cleaned = normalize_text(text)
    words = load_language(language or detect_language(cleaned))
    plain = words.to_english(digits_for_words(cleaned, words.code))
    on_screen = tuple(Shown(str(number), "", None) for number in range(n_on_screen))
    reference = items_pointed_at(plain, on_screen, None)
    facets = named_facets(plain, vocabulary, {}) if vocabulary else frozenset()
    return Message(
        cleaned, plain, reference, n_on_screen, "type" in facets, bool(facets - {"type"}), has_question
    )

"""One message of a user, read: its language, its act, what it points at, and the state it comes with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from bowerbird.assist.languages import (
    CODES,
    ENGLISH,
    Language,
    detect_language,
    load_language,
    name_language,
)
from bowerbird.assist.languages.names import LANGUAGE_NAMES
from bowerbird.assist.languages.typos import correct_words
from bowerbird.assist.parts import Parts
from bowerbird.assist.parts.shades import extreme_items
from bowerbird.assist.request import Order, Shown
from bowerbird.assist.state import DialogueState
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import Message, Recognition
from bowerbird.assist.understand.mentions import mentions_of, named_facets
from bowerbird.assist.understand.patterns.quantities import (
    quantity_question,
    read_bare_quantity,
)
from bowerbird.assist.understand.patterns.shades import read_extreme
from bowerbird.assist.understand.pointing import ItemReference, items_pointed_at
from bowerbird.assist.understand.prices import GAP, states_price
from bowerbird.assist.understand.readable import is_foreign
from bowerbird.assist.understand.recipients import take_recipient, with_own_audience
from bowerbird.assist.understand.references import COMPARES_ALONE, COMPARES_PRICE
from bowerbird.text.numbers import digits_for_words
from bowerbird.text.words import normalize_text, tokenize

if TYPE_CHECKING:
    from bowerbird.data.events import Event

_SAME_QUESTION = re.compile(r"^(?:and|what about|how about|also)\b")
"""The last question, of another item: "and the second one?"."""
_AGAIN = re.compile(r"\b(?:again|once more|one more time|then|please|actually|rather|instead|sorry)\b")
_RANK_ALONE = re.compile(r"#?(\d{1,2})\W*")
"""A place in the list and nothing else: "2"."""
Record = Callable[["Event"], None]
"""Logs an event of the user."""


@dataclass(frozen=True)
class Turn:
    """A message in its context."""

    parts: Parts
    state: DialogueState
    text: str
    """As it was written."""
    plain: str
    """Cleaned, and brought to English."""
    language: Language
    on_screen: tuple[Shown, ...]
    focus: Shown | None
    reference: ItemReference
    recognised: Recognition
    user: str | None = None
    image: bytes | None = None
    items: tuple[str, ...] = ()
    """Ids of items to resemble, sent along with the message."""
    n: int = 4
    record: Record | None = field(default=None, repr=False)

    def say(self, key: str, **values: object) -> str:
        """A wording in the user's language; the same message always gets the same one."""
        return self.language.say(key, seed=self.text, **values)

    @property
    def items_at_hand(self) -> tuple[Shown, ...]:
        """The items that the message points at, else the item in focus, else those on screen."""
        return self.items_in_focus or self.on_screen

    @property
    def items_in_focus(self) -> tuple[Shown, ...]:
        """The items that the message points at, else the item in focus."""
        return self.reference.items or (() if self.focus is None else (self.focus,))

    @property
    def compared_with(self) -> tuple[Shown, ...]:
        """The items that "bigger" is measured by: those pointed at, the one in focus if it is on screen, or
        else all on screen."""
        in_focus = (self.focus,) if self.focus and self.focus in self.on_screen else ()
        return self.reference.items or in_focus or self.on_screen

    @cached_property
    def wanted_values(self) -> dict[str, set[str]]:
        """The values by facet that the message asks for, as far as the catalogue has them."""
        return mentions_of(self.plain, self.parts.vocabulary, self.parts.lexicon.items_by_stem).facets

    def with_state(self, **changes: object) -> Turn:
        """The same message after a change of the state."""
        return replace(self, state=replace(self.state, **changes))  # type: ignore[arg-type]


def read_message(
    parts: Parts,
    state: DialogueState,
    text: str,
    user: str | None = None,
    image: bytes | None = None,
    items: Sequence[str] = (),
    n: int = 4,
    record: Record | None = None,
    reply_language: str | None = None,
) -> Turn:
    """Read a message: nothing is retrieved yet. With `reply_language`, its code, the answer is in that one,
    whatever the message is in."""
    original = normalize_text(text)
    language = _language_of(parts, detect_language(original, state.language, parts.languages_folder))
    plain = _in_english(parts, language, original)
    on_screen = tuple(item for item in map(parts.shown, state.on_screen) if item is not None)
    focus = parts.shown(state.focus) if state.focus else None

    reader = _MessageReader(parts, state, original, on_screen, focus)
    plain, reference, is_same_question = reader.read_reference(plain)
    if not any(letter.isalnum() for letter in plain):
        has_need = not text.strip() and state.request is not None and state.request.constrained
        without_words = Act.FIND if has_need else Act.UNCLEAR
        recognised = Recognition(Act.SIMILAR if image or items else without_words)
    elif is_same_question:
        recognised = Recognition(Act.ITEM_QUESTION)
    else:
        recognised = parts.acts.recognise(reader.message(plain, reference))
    if recognised.english:  # a model had to read it
        plain = digits_for_words(recognised.english)
        reference = reader.point(plain)
        language = _language_of(parts, recognised.language)
    return Turn(
        parts=parts,
        state=replace(state, language=language.code, turns=state.turns + 1, item_question=""),
        text=text,
        plain=plain,
        language=load_language(reply_language, parts.languages_folder) if reply_language else language,
        on_screen=on_screen,
        focus=focus,
        reference=reference,
        recognised=recognised,
        user=user,
        image=image,
        items=tuple(items),
        n=n,
        record=record,
    )


@dataclass(frozen=True)
class _MessageReader:
    """Reads what a message points at, and what the act depends on."""

    parts: Parts
    state: DialogueState
    original: str
    on_screen: tuple[Shown, ...]
    focus: Shown | None

    def point(self, plain: str) -> ItemReference:
        """What a cleaned English text points at."""
        sorted_by = self.state.request.order if self.state.request else Order.RELEVANCE
        described_on = _described_on(self.parts, self.on_screen)
        reference = items_pointed_at(
            plain, self.on_screen, self.focus, _names_of(self.parts), described_on, sorted_by
        )
        kinds = self.state.request.kinds if self.state.request else ()
        if reference.missing.startswith("both") and len(kinds) == 2:
            return ItemReference(rest=plain)  # "show both", of chairs and lamps
        return reference

    def read_reference(self, plain: str) -> tuple[str, ItemReference, bool]:
        """The text to read, what it points at, and whether it asks again what was asked last.

        Nothing but an item ("the first one again") asks what it is, or after a question the same of it:
        "and the second one?".
        """
        count = read_bare_quantity(plain, self.state.item_question, is_item_in_focus=self.focus is not None)
        if count:  # "make it five" of those counted before
            plain = quantity_question(count)
            return plain, self.point(plain), True
        rank = _RANK_ALONE.fullmatch(plain)
        if rank and int(rank[1]) <= len(self.on_screen):
            plain = f"number {rank[1]}"
        reference = self.point(plain)
        rest = _AGAIN.sub(" ", reference.rest)
        is_alone = (
            (reference.items or reference.missing)
            and reference.is_explicit
            and not self.parts.lexicon.content_stems(rest)
            and not COMPARES_PRICE.search(plain)
        )
        if not is_alone:
            return plain, reference, False
        question = self.state.item_question
        if question and _SAME_QUESTION.search(plain):
            return question, replace(reference, rest=question), True
        return f"{plain} ?", reference, False

    def message(self, plain: str, reference: ItemReference) -> Message:
        """The message as the recognisers of acts see it."""
        parts = self.parts
        facets = named_facets(plain, parts.vocabulary, parts.lexicon.items_by_stem)
        return Message(
            text=self.original,
            plain=plain,
            reference=reference,
            n_on_screen=len(self.on_screen),
            names_type="type" in facets,
            names_value=bool(facets - {"type"}),
            states_price=any(pattern.search(plain) for pattern in (COMPARES_PRICE, COMPARES_ALONE))
            or states_price(plain),
            names_recipient=bool(take_recipient(plain)[0]),
            has_question=self.state.question is not None,
            is_foreign=parts.endpoint is not None and is_foreign(self.original, parts.knows_word),
        )


def _in_english(parts: Parts, language: Language, text: str) -> str:
    """A cleaned message in English, word by word, its typing mistakes corrected and its numbers in digits."""
    text = correct_words(text, language, parts.vocabulary.known_stems, parts.knows_word)
    text = digits_for_words(text, language.code if language.has_file else ENGLISH)
    return with_own_audience(language.to_english(text).strip("¿¡ "))


def _language_of(parts: Parts, code: str) -> Language:
    """A language to answer in; English for one without a file that no model here can write."""
    if code not in CODES and code in LANGUAGE_NAMES:
        return name_language(code) if parts.writes_any_language else load_language(ENGLISH)
    return load_language(code, parts.languages_folder)


def _names_of(parts: Parts) -> Callable[[str], tuple[tuple[Shown, ...], str]]:
    """Finds items of the catalogue by exact id or whole title."""

    def find(text: str) -> tuple[tuple[Shown, ...], str]:
        matches: dict[str, Shown] = {}
        for word in text.split():
            item = parts.shown(word.strip(".,;:!?\"'()")) or parts.shown(word.strip(".,;:!?\"'()").upper())
            if item is not None and any(letter.isdigit() for letter in word) and len(word) > 3:
                matches[item.item_id] = item
                text = text.replace(word, GAP)
        words = tokenize(text)
        for size in range(min(12, len(words)), 1, -1):
            for start in range(len(words) - size + 1):
                title = " ".join(words[start : start + size])
                position = parts.positions_by_title.get(title)
                item = None if position is None else parts.shown(parts.catalogue.ids[position])
                # "an oak clock" is a wish; "the oak clock" names the item of that title.
                if item is not None and re.search(
                    rf"(?:\b(?:the|this|that|about|of|like|to)\s+|^|[\"“']){re.escape(title)}(?!\w)", text
                ):
                    matches[item.item_id] = item
                    text = text.replace(title, GAP, 1)
        return tuple(matches.values()), text

    return find


def _described_on(parts: Parts, on_screen: Sequence[Shown]) -> Callable[[str], Sequence[Shown]]:
    """Finds items on screen by words of their facets, or by a superlative: "the green one", "the darkest"."""

    def find(words: str) -> Sequence[Shown]:
        extreme = read_extreme(words)
        if extreme:
            return extreme_items(parts, on_screen, extreme)
        facets = mentions_of(words, parts.vocabulary, {}).facets
        if not facets:
            return ()
        positions = parts.catalogue.position
        return [
            item
            for item in on_screen
            if all(
                not values.isdisjoint(parts.vocabulary.values_of(positions[item.item_id], facet))
                for facet, values in facets.items()
            )
        ]

    return find

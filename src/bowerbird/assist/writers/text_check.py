"""Checks what a model at an endpoint says of items: each sentence is proven by their entries, or rejected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from bowerbird.assist.draft import Draft
from bowerbird.assist.parts import Parts
from bowerbird.assist.reply import ReplyItem
from bowerbird.assist.request import Request
from bowerbird.assist.writers.grounding import Ground, listing_numbers, problems, with_titles
from bowerbird.assist.writers.item_tools import harmless_sentences
from bowerbird.graft.naming.made_up_names import TitleIndex
from bowerbird.text.words import normalize_text, stem, tokenize

MAX_SENTENCES = 6
MAX_SENTENCE_WORDS = 40
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class RejectedText(Exception):
    """A text that may not be said; the message says why."""


@dataclass(frozen=True)
class TextCheck:
    """Checks texts about the items of a catalogue."""

    parts: Parts

    def check_answer(
        self, text: str, items: Sequence[ReplyItem], draft: Draft
    ) -> tuple[str, list[ReplyItem]]:
        """The answer with titles, and the items that it names. Raises `RejectedText`.

        A sentence speaks of the items that it names, else of those that the one before spoke of, and first
        of the item in focus.
        """
        sentences = self.sentences_of(text)
        turn = draft.turn
        focus = {item.item_id for item in (*turn.reference.items, *((turn.focus,) if turn.focus else ()))[:1]}
        subject = [item for item in items if item.item_id in focus] or list(items)
        items_named: list[ReplyItem] = []
        written = []
        for sentence in sentences:
            numbers = [int(number) for number in re.findall(r"\[(\d{1,3})\]", sentence)]
            if any(not 1 <= number <= len(items) for number in numbers):
                raise RejectedText(f"it names an item that does not exist in {sentence!r}")
            subject = [items[number - 1] for number in dict.fromkeys(numbers)] or subject
            items_named += [item for item in subject if numbers and item not in items_named]
            local = {items.index(item) + 1: at for at, item in enumerate(subject, 1)}
            renumbered = re.sub(r"\[(\d{1,3})\]", partial(_renumber, local), sentence)
            written.append(self.check(renumbered, subject, Request(), (), draft.opening))
        return " ".join(written), items_named

    def sentences_of(self, text: str) -> list[str]:
        """The sentences of an answer. Raises `RejectedText` where it has none, or too many."""
        sentences = [sentence for sentence in _SENTENCE_END.split(" ".join(text.split())) if sentence]
        if not 1 <= len(sentences) <= MAX_SENTENCES:
            raise RejectedText(f"{len(sentences)} sentences, expected 1 to {MAX_SENTENCES}")
        return sentences

    def check(
        self,
        text: str,
        items: Sequence[ReplyItem],
        request: Request,
        superlatives: Sequence[str] = (),
        draft: str = "",
    ) -> str:
        """The text with titles in place of markers; words of the draft are proven.

        Raises `RejectedText` where it may not be said.
        """
        stems, numbers = self._entry_words(items)
        stems |= {stem(word) for word in tokenize(normalize_text(draft))}
        numbers |= listing_numbers(draft)
        ground = Ground(
            items, request, self.parts.vocabulary, stems, superlatives, self._names, numbers=numbers
        )
        faults = problems(text, ground, MAX_SENTENCE_WORDS)
        if faults:
            raise RejectedText("; ".join(faults[:3]))
        return with_titles(text, items)

    def _entry_words(self, items: Sequence[ReplyItem]) -> tuple[set[str], set[float]]:
        """Stems and numbers that the entries of all the items have in common."""
        texts = []
        for shown in items:
            item = self.parts.catalogue.item(shown.position)
            harmless = replace(item, description=" ".join(harmless_sentences(item)))
            values = " ".join((*harmless.attributes, *harmless.attributes.values(), *harmless.category))
            texts.append(normalize_text(f"{harmless.title} {values} {harmless.brand} {harmless.description}"))
        stems = [{stem(word) for word in tokenize(text)} for text in texts]
        numbers = [listing_numbers(text) for text in texts]
        return (set.intersection(*stems), set.intersection(*numbers)) if texts else (set(), set())

    @cached_property
    def _names(self) -> TitleIndex:
        return TitleIndex.from_titles(
            [title or "" for title in self.parts.catalogue.table["title"].to_pylist()]
        )


def _renumber(numbers: Mapping[int, int], marker: re.Match[str]) -> str:
    return f"[{numbers[int(marker[1])]}]"

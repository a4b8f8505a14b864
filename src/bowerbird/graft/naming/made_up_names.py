"""Detects product names in a text that belong to none of the turn's candidates: made up, or another item's.

A name is text that is written like one (capitals, quotes) or that is the title of another catalogue item. A
made-up name in lower case, "the aurora deluxe lamp", can't be distinguished from a description here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bowerbird.graft.naming.allowed_words import FUNCTION_WORDS, AllowedWords
from bowerbird.graft.naming.markers import MARKER
from bowerbird.graft.naming.spelling import (
    BRACKETS,
    Word,
    find_capitalised_runs,
    find_quoted_names,
    ngrams,
    normalise_words,
    span_of,
    split_at_markers,
)

_MAX_TITLE_WORDS = 16
"""Longest title, in words, that is matched as a whole."""
_RUN_WORDS = 4
"""This many consecutive words that occur only in other items' titles are a name, even in lower case."""


@dataclass(frozen=True)
class MadeUpName:
    """A name that belongs to no candidate: its start and end in the text, and the name itself."""

    span: tuple[int, int]
    text: str


@dataclass(frozen=True)
class TitleIndex:
    """An index of a catalogue's titles, to recognise other items' names. Built once per catalogue.

    Titles are stored as hashes of their words, one number each: large catalogues have millions of n-grams.
    """

    title_hashes: frozenset[int] = field(default=frozenset(), repr=False)
    ngram_hashes: frozenset[int] = field(default=frozenset(), repr=False)

    @classmethod
    def from_titles(cls, titles: Sequence[str]) -> TitleIndex:
        words_by_title = [normalise_words(title) for title in titles]
        title_hashes = frozenset(hash(words) for words in words_by_title if words)
        return cls(
            title_hashes,
            frozenset(hash(ngram) for words in words_by_title for ngram in ngrams(words, _RUN_WORDS)),
        )

    def find_made_up(
        self,
        text: str,
        candidates: Sequence[str],
        request: str = "",
        is_catalogue_word: Callable[[str], bool] = lambda word: False,
    ) -> list[MadeUpName]:
        """Find names that are neither a title of `candidates` (or words of one, in its order) nor in
        `request`.

        Returned in the order of the text. Markers are names too: `[1]` is the first candidate.

        `is_catalogue_word` tells which words describe rather than name: colours, materials, categories.
        """
        allowed = AllowedWords(
            [normalise_words(title) for title in candidates], normalise_words(request), is_catalogue_word
        )
        unknown_spans = [
            m.span() for m in BRACKETS.finditer(text) if not _is_valid_marker(m.group(), len(candidates))
        ]
        quoted_spans = find_quoted_names(text)
        for words in split_at_markers(text):
            spans, other_words = self._find_other_titles(words, allowed)
            unknown_spans += spans
            unknown_spans += [
                span_of(words_of_name)
                for run in find_capitalised_runs(other_words, text)
                for words_of_name in allowed.disallowed_parts(run)
            ]
            for start, end in quoted_spans:
                quoted_words = [word for word in words if start <= word.span[0] and word.span[1] <= end]
                unknown_spans += (
                    [span_of(quoted_words)] if quoted_words and not allowed.allows(quoted_words) else []
                )
        return [MadeUpName(span, text[slice(*span)]) for span in _merge_overlapping(unknown_spans)]

    def _find_other_titles(
        self, words: Sequence[Word], allowed: AllowedWords
    ) -> tuple[list[tuple[int, int]], list[Word]]:
        """Spans of other items' titles, and the words that are not part of any title."""
        spans, remaining, start = [], [], 0
        while start < len(words):
            length, is_candidate = self._match_title(words, start, allowed)
            if length and not is_candidate:
                spans.append(span_of(words[start : start + length]))
            elif not length:
                ngram = words[start : start + _RUN_WORDS]
                spans += [span_of(ngram)] if self._is_foreign_ngram(ngram, allowed) else []
                remaining.append(words[start])
            start += length or 1
        return spans, remaining

    def _match_title(self, words: Sequence[Word], start: int, allowed: AllowedWords) -> tuple[int, bool]:
        """Length of the longest title that starts at a word, 0 if none, and whether it is a candidate's."""
        for size in range(min(_MAX_TITLE_WORDS, len(words) - start), 0, -1):
            title_words = words[start : start + size]
            words_key = tuple(word.form for word in title_words)
            if words_key in allowed.titles:
                return size, True
            if hash(words_key) in self.title_hashes and allowed.names_other_item(title_words):
                return size, False
        return 0, False

    def _is_foreign_ngram(self, ngram: Sequence[Word], allowed: AllowedWords) -> bool:
        """Whether consecutive words occur only in other items' titles, and are more than a description."""
        forms = tuple(word.form for word in ngram)
        if len(forms) < _RUN_WORDS or hash(forms) not in self.ngram_hashes or allowed.permits(ngram):
            return False
        return sum(form not in FUNCTION_WORDS for form in forms) >= _RUN_WORDS - 1 and allowed.is_distinctive(
            ngram
        )


def _is_valid_marker(marker: str, n_candidates: int) -> bool:
    match = MARKER.fullmatch(marker)
    return match is not None and int(match[1]) <= n_candidates


def _merge_overlapping(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sort spans and merge those that overlap."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged

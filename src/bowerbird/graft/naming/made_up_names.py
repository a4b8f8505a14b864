"""Finds product names in a text that name none of the turn's candidates: made up, or another item's.

A name is what a text writes like one (capitals, quotes) or what the catalogue calls another item. A made-up
name in small letters, "the aurora deluxe lamp", can't be told from description here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bowerbird.graft.naming.markers import MARKER
from bowerbird.graft.naming.spelling import (
    BRACKETS,
    JOINS,
    Word,
    capital_runs,
    forms_of,
    in_a_row,
    quotes,
    span_of,
    stretches,
)

_SMALL = JOINS.union(
    forms_of("a an in on at to for with by from or it its is are as be you your i me my we our this that"),
    forms_of("these those not no so too all any some one two three here there"),
)
_NO_NAMES = frozenset(
    forms_of("I I'm I'd I'll I've Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February")
    + forms_of("March April May June July August September October November December Christmas Easter")
    + forms_of("EUR USD GBP XS S M L XL XXL LED USB TV DIY")
)
"""In capitals by custom; they name no product."""
_LONGEST = 16
"""Words of a title that are looked at whole."""
_RUN = 4
"""So many words in a row that only other titles have are a name, also in small letters."""


@dataclass(frozen=True)
class MadeUpName:
    """A name of no candidate: from where to where it stands in the text, and what it says."""

    span: tuple[int, int]
    text: str


@dataclass(frozen=True)
class TitleIndex:
    """The titles of a catalogue, to tell other items' names from the candidates'. Built once a catalogue.

    Titles are kept as hashes of their words: a number each, since large catalogues have millions of runs.
    """

    wholes: frozenset[int] = field(default=frozenset(), repr=False)
    runs: frozenset[int] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, titles: Sequence[str]) -> TitleIndex:
        all_forms = [forms_of(title) for title in titles]
        wholes = frozenset(hash(forms) for forms in all_forms if forms)
        return cls(wholes, frozenset(hash(run) for forms in all_forms for run in in_a_row(forms, _RUN)))

    def invented(
        self,
        text: str,
        candidates: Sequence[str],
        request: str = "",
        known: Callable[[str], bool] = lambda word: False,
    ) -> list[MadeUpName]:
        """Names in a text that are no title of `candidates` (nor words of one, in its order) and that
        `request` does not say, in the order of the text. Markers are names too: `[1]` is the first candidate.

        `known` tells which words name no product: the catalogue's colours, materials, kinds of things.
        """
        ground = _Ground([forms_of(title) for title in candidates], forms_of(request), known)
        wrong = [m.span() for m in BRACKETS.finditer(text) if not _resolves(m.group(), len(candidates))]
        quoted = quotes(text)
        for words in stretches(text):
            spans, rest = self._titles_in(words, ground)
            wrong += spans
            wrong += [span_of(part) for run in capital_runs(rest, text) for part in ground.unknown(run)]
            for start, end in quoted:
                inside = [word for word in words if start <= word.span[0] and word.span[1] <= end]
                wrong += [span_of(inside)] if inside and not ground.knows(inside) else []
        return [MadeUpName(span, text[slice(*span)]) for span in _merged(wrong)]

    def _titles_in(self, words: Sequence[Word], ground: _Ground) -> tuple[list[tuple[int, int]], list[Word]]:
        """Where other items' titles stand, and the words that are no part of any title named there."""
        spans, rest, at = [], [], 0
        while at < len(words):
            size, own = self._title_at(words, at, ground)
            if size and not own:
                spans.append(span_of(words[at : at + size]))
            elif not size:
                run = words[at : at + _RUN]
                spans += [span_of(run)] if self._is_run(run, ground) else []
                rest.append(words[at])
            at += size or 1
        return spans, rest

    def _title_at(self, words: Sequence[Word], at: int, ground: _Ground) -> tuple[int, bool]:
        """Words of the longest title named at a place, 0 for none, and whether it is a candidate's."""
        for size in range(min(_LONGEST, len(words) - at), 0, -1):
            some = words[at : at + size]
            forms = tuple(word.form for word in some)
            if forms in ground.titles:
                return size, True
            if hash(forms) in self.wholes and ground.other_item(some):
                return size, False
        return 0, False

    def _is_run(self, run: Sequence[Word], ground: _Ground) -> bool:
        """Whether some words in a row stand in other titles only, and are more than description."""
        forms = tuple(word.form for word in run)
        if len(forms) < _RUN or hash(forms) not in self.runs or ground.excuses(run):
            return False
        return sum(form not in _SMALL for form in forms) >= _RUN - 1 and ground.telling(run)


@dataclass(frozen=True)
class _Ground:
    """What may be named: the words of the candidates' titles and of the request, and the catalogue's own."""

    titles: Sequence[tuple[str, ...]]
    request: tuple[str, ...]
    known: Callable[[str], bool]

    def excuses(self, words: Sequence[Word]) -> bool:
        """Whether these are words of one candidate's title in its order, or in a row in the request."""
        forms = tuple(word.form for word in words)
        return self._in_a_title(forms) or forms in in_a_row(self.request, len(forms))

    def _in_a_title(self, forms: Sequence[str]) -> bool:
        return any(all(form in left for form in forms) for title in self.titles for left in [iter(title)])

    def telling(self, words: Sequence[Word]) -> bool:
        """Whether some word tells products apart: not small, not the catalogue's nor the request's."""
        return any(
            word.form not in _SMALL and word.form not in self.request and not self.known(word.said.lower())
            for word in words
        )

    def knows(self, words: Sequence[Word]) -> bool:
        """Whether words that are written like a name may be said."""
        words = [word for word in words if word.form not in _NO_NAMES]
        generic = all(word.form in _SMALL or self.known(word.said.lower()) for word in words)
        return generic or self.excuses(words)

    def unknown(self, run: Sequence[Word]) -> list[list[Word]]:
        """The parts of a run in capitals that may not be said; "Alma and Fjord" are two names."""
        if self.knows(run):
            return []
        parts: list[list[Word]] = [[]]
        for word in run:
            if word.form == "and":
                parts.append([])
            else:
                parts[-1].append(word)
        return [part for part in parts if part and not self.knows(part)]

    def other_item(self, words: Sequence[Word]) -> bool:
        """Whether words that are another item's title are meant as its name, not as description."""
        forms = tuple(word.form for word in words)
        if forms in in_a_row(self.request, len(forms)):
            return False
        told = self.telling(words)
        if not told and self._in_a_title(forms):
            return False  # "Table Lamp" is an item, and also what a candidate is
        if any(word.capital and not word.opens for word in words):
            return told or len(words) > 1
        return told and len(words) > 2 and sum(form not in _SMALL for form in forms) > 1


def _resolves(marker: str, count: int) -> bool:
    match = MARKER.fullmatch(marker)
    return match is not None and int(match[1]) <= count


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order; those that overlap are one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged

"""Words that a text may use as names: those of candidates' titles, of the request, and of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bowerbird.graft.naming.spelling import (
    JOINING_WORDS,
    Word,
    ngrams,
    normalise_words,
)

FUNCTION_WORDS = JOINING_WORDS.union(
    normalise_words(
        "a an in on at to for with by from or it its is are as be you your i me my we our this that"
    ),
    normalise_words("these those not no so too all any some one two three here there"),
)
_NEVER_NAMES = frozenset(
    normalise_words(
        "I I'm I'd I'll I've Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February"
    )
    + normalise_words("March April May June July August September October November December Christmas Easter")
    + normalise_words("EUR USD GBP XS S M L XL XXL LED USB TV DIY")
)
"""Capitalised by convention; they do not name a product."""


@dataclass(frozen=True)
class AllowedWords:
    """Words that a text may use as names: those of the candidates' titles, of the request, and the
    catalogue's own."""

    titles: Sequence[tuple[str, ...]]
    request: tuple[str, ...]
    is_catalogue_word: Callable[[str], bool]

    def permits(self, words: Sequence[Word]) -> bool:
        """Whether these are words of one candidate's title in its order, or consecutive words of the
        request."""
        forms = tuple(word.form for word in words)
        return self._is_within_title(forms) or forms in ngrams(self.request, len(forms))

    def _is_within_title(self, forms: Sequence[str]) -> bool:
        return any(
            all(form in remaining for form in forms) for title in self.titles for remaining in [iter(title)]
        )

    def is_distinctive(self, words: Sequence[Word]) -> bool:
        """Whether some word distinguishes products: not a function word, nor the catalogue's or the
        request's."""
        return any(
            word.form not in FUNCTION_WORDS
            and word.form not in self.request
            and not self.is_catalogue_word(word.text.lower())
            for word in words
        )

    def allows(self, words: Sequence[Word]) -> bool:
        """Whether words that are written like a name may be used."""
        words = [word for word in words if word.form not in _NEVER_NAMES]
        generic = all(
            word.form in FUNCTION_WORDS or self.is_catalogue_word(word.text.lower()) for word in words
        )
        return generic or self.permits(words)

    def disallowed_parts(self, run: Sequence[Word]) -> list[list[Word]]:
        """The names of a capitalised run that may not be used; "Alma and Fjord" are two names."""
        if self.allows(run):
            return []
        names: list[list[Word]] = [[]]
        for word in run:
            if word.form == "and":
                names.append([])
            else:
                names[-1].append(word)
        return [name for name in names if name and not self.allows(name)]

    def names_other_item(self, words: Sequence[Word]) -> bool:
        """Whether words that equal another item's title are meant as its name, not as a description."""
        forms = tuple(word.form for word in words)
        if forms in ngrams(self.request, len(forms)):
            return False
        distinctive = self.is_distinctive(words)
        if not distinctive and self._is_within_title(forms):
            return False  # "Table Lamp" is an item, and also what a candidate is
        if any(word.has_capital and not word.starts_sentence for word in words):
            return distinctive or len(words) > 1
        return distinctive and len(words) > 2 and sum(form not in FUNCTION_WORDS for form in forms) > 1

"""Items that a text names: titles with a year, bare titles, and titles with typos.

A title with a year is taken at its word: a year that differs by more than one is another item, and the words
are not tried as a bare title again. A bare title of several items is the most popular one. Bare titles of one
word or of everyday words count only where capitals, quotation marks or the whole message speak for them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from bowerbird.conversations.titles import parse_title, without_article, words_with_offsets
from bowerbird.text.words import word_set

MAX_WORDS = 14
"""Longest title that is looked for, in words."""
MAX_CHARACTERS = 4000
"""Longest part of one message that is read."""
MIN_SIMILARITY = 88.0
"""Least similarity (0 to 100) of a mistyped title with a year."""
_YEAR_IN_TEXT = re.compile(r"[\(\[]?\b((?:18|19|20)\d\d)\b[\)\]]?")
_QUOTES = "\"“”'‘’*_«»"
_TITLE_VERBS = word_set(
    """
    see saw seen watch watched watching like liked love loved called titled named recommend recommended
    suggest enjoyed enjoy try tried about of is movie film hated
    """
)


@dataclass(frozen=True, slots=True)
class Link:
    """An item named in a text, at `text[start:end]`."""

    item: int
    start: int
    end: int
    is_certain: bool
    """Whether title and year are there, or the bare title can hardly mean anything else."""


def find_everyday_words(texts: Iterable[str], min_texts: int = 5) -> frozenset[str]:
    """Words that at least `min_texts` texts hold in lower case, and mostly so: they are not only titles."""
    lower: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for text in texts:
        forms = {
            (word, text[start].isupper()) for word, start, _ in words_with_offsets(text[:MAX_CHARACTERS])
        }
        for word, is_capital in forms:
            (capital if is_capital else lower)[word] += 1
    return frozenset(word for word, n in lower.items() if n >= min_texts and 2 * n >= capital[word])


class ItemLinker:
    """Finds the items of a catalogue in texts."""

    def __init__(
        self,
        titles: Sequence[str],
        popularity: NDArray[np.float32] | None = None,
        everyday_words: Collection[str] = (),
    ) -> None:
        """`titles` (items,) in the order of positions; `popularity` (items,) decides between namesakes.

        `everyday_words` are normalised words that also occur outside of titles, see `find_everyday_words`.
        """
        self._everyday = frozenset(everyday_words) | _SMALL_WORDS
        self._popularity = np.zeros(len(titles), np.float32) if popularity is None else popularity
        self._years: list[int | None] = []
        self._items: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._short: dict[tuple[str, ...], list[int]] = defaultdict(list)
        """Items by what stands before their subtitle, for spellings that are no other item's whole title."""
        for item, title in enumerate(titles):
            parsed = parse_title(title)
            self._years.append(parsed.year)
            for form in parsed.forms:
                for spelling in dict.fromkeys((form, without_article(form))):
                    words = tuple(spelling.split())
                    if len(words) <= MAX_WORDS:
                        self._items[words].append(item)
            for form in parsed.short_forms:
                for spelling in dict.fromkeys((form, without_article(form))):
                    self._short[tuple(spelling.split())].append(item)
        self._max_words = max((len(words) for words in self._items), default=0)
        self._by_year: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for words, items in self._items.items():
            for item in items:
                if (year := self._years[item]) is not None:
                    self._by_year[year].append((" ".join(words), item))

    def link(self, text: str) -> list[Link]:
        """The items named in a text, in order, without overlaps."""
        text = text[:MAX_CHARACTERS]
        words = words_with_offsets(text)
        if not words:
            return []
        free = np.ones(len(words), bool)
        links = [*self._dated(text, words, free), *self._bare(text, words, free)]
        return sorted(links, key=lambda link: link.start)

    # -- titles with a year -------------------------------------------------------------------------------

    def _dated(self, text: str, words: list[tuple[str, int, int]], free: NDArray[np.bool_]) -> list[Link]:
        links = []
        for row, (word, start, _) in enumerate(words):
            if len(word) != 4 or not _YEAR_IN_TEXT.fullmatch(word) or not row:
                continue
            in_parentheses = start > 0 and text[start - 1] in "(["
            first = self._start_of_name(text, words, row, free)
            link = self._dated_at(words, first, row, int(word), in_parentheses)
            if link is not None:
                links.append(link)
                first = next(i for i, each in enumerate(words) if each[1] >= link.start)
            if link is not None:
                free[first : row + 1] = False
            elif in_parentheses:  # names an item that the catalogue does not have
                free[self._unknown_name(text, words, first, row) : row + 1] = False
        return links

    def _start_of_name(
        self, text: str, words: list[tuple[str, int, int]], row: int, free: NDArray[np.bool_]
    ) -> int:
        """First word that can belong to the name before the year in `row`."""
        first = row
        while first > 0 and row - first < MAX_WORDS and free[first - 1]:
            between = text[words[first - 1][2] : words[first][1]]
            if re.search(r"[!?;\n]\s|\)\s*\S*$", between) and first != row:
                break
            first -= 1
        return first

    def _dated_at(
        self, words: list[tuple[str, int, int]], first: int, row: int, year: int, in_parentheses: bool
    ) -> Link | None:
        for start in range(first, row):
            spelling = tuple(word for word, _, _ in words[start:row])
            item = self._of_year(self._items.get(spelling, ()), year)
            if item is None:
                item = self._of_year(self._short.get(spelling, ()), year)
            if item is not None:
                return Link(item, words[start][1], words[row][2], True)
        return self._mistyped(words, first, row, year) if in_parentheses else None

    def _of_year(self, items: Sequence[int], year: int) -> int | None:
        """Of namesakes the one of the year, else the most popular one of a neighbouring year."""
        gaps = []
        for item in items:
            own_year = self._years[item]
            gap = 1 if own_year is None else abs(own_year - year)
            gaps.append((gap, -self._popularity[item], item))
        near = [each for each in gaps if each[0] <= 1]
        return min(near)[2] if near else None

    def _mistyped(self, words: list[tuple[str, int, int]], first: int, row: int, year: int) -> Link | None:
        names = [name for near in (year, year - 1, year + 1) for name in self._by_year.get(near, ())]
        spellings = [name for name, _ in names]
        best: tuple[float, int, int] | None = None
        for start in range(max(first, row - 8), row):
            text = " ".join(word for word, _, _ in words[start:row])
            if len(text) < 5:
                continue
            match = process.extractOne(text, spellings, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY)
            if match is not None and (best is None or match[1] > best[0]):
                best = (match[1], start, match[2])
        if best is None:
            best = self._subtitled(words, first, row, spellings)
        return None if best is None else Link(names[best[2]][1], words[best[1]][1], words[row][2], True)

    def _subtitled(
        self, words: list[tuple[str, int, int]], first: int, row: int, spellings: list[str]
    ) -> tuple[float, int, int] | None:
        """A title whose words all stand in the text, or the other way round, starting with the same word."""
        for start in range(max(first, row - MAX_WORDS), row - 1):
            text = " ".join(word for word, _, _ in words[start:row])
            opening = words[start][0]
            if opening in _SMALL_WORDS:
                continue
            same = [i for i, name in enumerate(spellings) if " " in name and name.startswith(f"{opening} ")]
            match = process.extractOne(
                text, [spellings[i] for i in same], scorer=fuzz.token_set_ratio, score_cutoff=99.0
            )
            if match is not None:
                return match[1], start, same[match[2]]
        return None

    def _unknown_name(self, text: str, words: list[tuple[str, int, int]], first: int, row: int) -> int:
        """Where an unknown name before a year begins: at its first capital without a gap of small words."""
        start = row
        while start > first:
            raw = text[words[start - 1][1] : words[start - 1][2]]
            if raw[0].islower() and raw.lower() not in _SMALL_WORDS:
                break
            start -= 1
        return start

    # -- bare titles --------------------------------------------------------------------------------------

    def _bare(self, text: str, words: list[tuple[str, int, int]], free: NDArray[np.bool_]) -> list[Link]:
        links, row = [], 0
        while row < len(words):
            length = self._bare_length(text, words, row, free)
            if not length:
                row += 1
                continue
            spelling = tuple(word for word, _, _ in words[row : row + length])
            item = max(self._items_of(spelling), key=lambda each: (self._popularity[each], -each))
            is_certain = spelling in self._items and (len(spelling) >= 3 or self._is_unusual(spelling))
            links.append(Link(item, words[row][1], words[row + length - 1][2], is_certain))
            row += length
        return links

    def _bare_length(
        self, text: str, words: list[tuple[str, int, int]], row: int, free: NDArray[np.bool_]
    ) -> int:
        """Number of words of the longest bare title that starts at a word; 0 where none does."""
        for length in range(min(self._max_words, len(words) - row), 0, -1):
            if not free[row : row + length].all():
                continue
            spelling = tuple(word for word, _, _ in words[row : row + length])
            if self._items_of(spelling) and self._is_meant(text, words, row, length):
                return length
        return 0

    def _items_of(self, spelling: tuple[str, ...]) -> Sequence[int]:
        return self._items[spelling] if spelling in self._items else self._short.get(spelling, [])

    def _is_meant(self, text: str, words: list[tuple[str, int, int]], row: int, length: int) -> bool:
        """Whether words that spell a title are likely to mean it."""
        start, end = words[row][1], words[row + length - 1][2]
        quoted = start > 0 and text[start - 1] in _QUOTES and end < len(text) and text[end] in _QUOTES
        if quoted or length == len(words):
            return True
        spelling = tuple(word for word, _, _ in words[row : row + length])
        raw = [text[begin:stop] for _, begin, stop in words[row : row + length]]
        capital = all(word[0].isupper() or word[0].isdigit() or word in _SMALL_WORDS for word in raw)
        capital = capital and any(word[0].isupper() for word in raw) and not text.isupper()
        everyday = all(word in self._everyday for word in spelling)
        opens_sentence = row == 0 or bool(re.search(r"[.!?\n]", text[words[row - 1][2] : start]))
        if length >= 6 or (length >= 2 and not everyday):
            return True
        if length >= 2:
            return capital and (length == 3 or not opens_sentence or raw[-1][0].isupper())
        if self._is_part_of_a_name(text, words, row):
            return False
        if not everyday:
            return capital or len(spelling[0]) >= 7
        after_verb = row > 0 and words[row - 1][0] in _TITLE_VERBS
        return capital and after_verb and not opens_sentence and spelling[0] not in ("i", "a")

    def _is_part_of_a_name(self, text: str, words: list[tuple[str, int, int]], row: int) -> bool:
        """Whether a capitalised neighbour follows or precedes directly, as in "Adam Sandler"."""
        if row + 1 < len(words):
            _, start, end = words[row + 1]
            if text[start].isupper() and text[words[row][2] : start] == " " and end - start > 1:
                return words[row + 1][0] not in self._everyday
        if row > 0:
            _, start, end = words[row - 1]
            if text[start].isupper() and text[end : words[row][1]] == " " and end - start > 1:
                return words[row - 1][0] not in self._everyday
        return False

    def _is_unusual(self, spelling: tuple[str, ...]) -> bool:
        return any(word not in self._everyday for word in spelling)


_SMALL_WORDS = word_set("the a an of and in on to for with at by from vs or i i'm i'll i've i'd it is")

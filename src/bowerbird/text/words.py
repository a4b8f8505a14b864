"""Tokenisation, stemming and typo correction for requests and catalogue texts.

Small on purpose: a light stemmer, one edit of tolerance. Meaning beyond that is left to
the text encoder; these rules decide *hard* constraints, where a wrong guess is worse than none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz.distance import OSA

_TOKEN_PATTERN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[,.;:!?§&]")
_IRREGULAR = {
    "shelves": "shelf",
    "scarves": "scarf",
    "knives": "knife",
    "wooden": "wood",
    "woollen": "wool",
    "woolen": "wool",
    "golden": "gold",
    "color": "colour",
    "colors": "colour",
    "colored": "coloured",
    "colorful": "colourful",
    "multicolored": "multicoloured",
    "multicolor": "multicolour",
    "gray": "grey",
    "jewelry": "jewellery",
    "pajama": "pyjama",
    "pajamas": "pyjama",
    "fiber": "fibre",
    "checkered": "check",
    "chequered": "check",
}


def word_set(text: str) -> frozenset[str]:
    """Split a text at white space into a set of words."""
    return frozenset(text.split())


# Common words of five letters and more that are one edit away from catalogue words: never corrected.
_COMMON_WORDS = word_set(
    """
    about above after again along among around because before being below better between black board
    bored bread break bring brought build cable carry catch cause chain cheap cheaper cheapest chess
    child china choose class clean clear close cloth clothes coast count court cover cream cross crown
    dance dining doing drawn dream dreamy dressed dressy drink drive early earth eight every evening
    except fancy faced family first flash flight floor focus force found frame fresh friend front games
    given glance glasses going grand grant grass great greed greet group grown guess guest happy heart
    hate hates hated
    heavy hello horse hotel house image instead issue joint judge kitchen known large later laugh learn
    least leave leaves length level light liked likes limit little living local looks loose lower lucky
    lunch maker match maybe metre might month mother mount mouse mouth movie music needs never night
    noise north nothing offer office older other outer paint paper party peace phone photo piece pitch
    place plane plant plate point power press price pride print prior prize quick quiet quite radio
    settle seater
    range rather reach ready really right river round route scale scene score sense seven shade shake
    shape share sharp shelf shell shift shine shiny shock shoot short shots should shown shows sight
    since sized sizes skill skirts sleep small smart smile smoke soft solar someone something sorry
    sound south space spare speak spend sport spring stage stand start state steal steel still stock
    stone store storm story style sugar suite summer sunny super sweet table taken taste teach thank
    thanks their them then there these thick thing think third those three throw tight times title today
    total touch tough towel tower trade train treat trend tried truly trust twice under until upper
    urban usual value video visit voice walls warmer watch water wedding weeks where which while whole
    whose width winter without woman women works world would write wrong years young yours
    """
)


def normalize_text(text: str, limit: int = 2000) -> str:
    """Lower-case a text, unify its white space and cut it to `limit` characters: its start and its end.

    The request in a long text is at its start or its end; the middle of 100,000 characters is pasted text.
    """
    if len(text) > limit:
        head, tail = text[: limit * 3 // 4], text[-limit // 4 :]
        # The words at the cut are dropped; a text of blanks has none.
        text = f"{''.join(head.rsplit(None, 1)[:1])} . {''.join(tail.split(None, 1)[-1:])}"
    return " ".join(unicodedata.normalize("NFKC", text)[: 2 * limit].lower().replace("’", "'").split())


def tokenize(text: str) -> list[str]:
    """Split a text into words and the punctuation that ends a clause.

    >>> tokenize("a t-shirt, off-white")
    ['a', 't', 'shirt', ',', 'off', 'white']
    """
    return _TOKEN_PATTERN.findall(text)


def spans(text: str) -> list[tuple[int, int]]:
    """Start and end offsets of each token of `tokenize`."""
    return [match.span() for match in _TOKEN_PATTERN.finditer(text)]


def stem(word: str) -> str:
    """Map singular and plural, British and American spelling to one form.

    >>> [stem(w) for w in ("dresses", "gray", "trousers", "accessories", "dress", "shelves")]
    ['dress', 'grey', 'trouser', 'accessory', 'dress', 'shelf']
    """
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith(("ies", "ie")):
        return word.removesuffix("s")[:-2] + "y"  # hoodie and hoodies, accessory and accessories
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@lru_cache(100_000)  # a catalogue repeats its values
def stem_phrase(text: str) -> tuple[str, ...]:
    """Stem the words of a phrase: two spellings of one value give the same tuple.

    >>> stem_phrase("Table Lamps") == stem_phrase("table-lamp")
    True
    """
    return tuple(stem(word) for word in tokenize(normalize_text(text, 200)) if word[0].isalnum())


def correct_typo(word: str, vocabulary: Iterable[str], length: int = 0) -> str | None:
    """Find the only word of `vocabulary` one edit away from `word`; None where there is none or several.

    An edit inserts, deletes or replaces a letter, or swaps two neighbours (Damerau, CACM 1964). The first
    letters must agree (they are rarely mistyped), and the mistyped word has five letters or more, the right
    one four; of four letters, two may be swapped. `length` is that of the word before it was stemmed.

    >>> correct_typo("lmap", ["lamp"]), correct_typo("limp", ["lamp"])
    ('lamp', None)
    """
    is_short = max(len(word), length) < 5
    if len(word) < 4 or word in _COMMON_WORDS:
        return None
    candidates = {
        candidate
        for candidate in vocabulary
        if len(candidate) >= 4
        and candidate[0] == word[0]
        and OSA.distance(word, candidate, score_cutoff=1) == 1
        and (not is_short or sorted(word) == sorted(candidate))
    }
    return candidates.pop() if len(candidates) == 1 else None

"""Which language a catalogue is written in: the share of its words that are a language's commonest ones.

Stop words are a tenth to a half of any running text and are hardly ever shared between languages, so a few
hundred items suffice (Grefenstette, "Comparing two language identification schemes", JADT 1995).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.text.words import word_set

ENGLISH, OTHER_SCRIPT = "en", "other"
LANGUAGE_NAMES = {
    "en": "English",
    "es": "Spanish",
    "de": "German",
    "fr": "French",
    "it": "Italian",
    OTHER_SCRIPT: "a language that is not written in Latin letters",
}
STOP_WORDS = {
    "en": word_set(
        "the a an and or of to in on for with from by at is are be this that these it its as your you our we "
        "not no into up out when who his her their they he she has have had was were will can which one all"
    ),
    "es": word_set(
        "el la los las un una unos unas y o de del al a en con por para sin sobre es son ser este esta estos "
        "estas su sus se que como más no lo muy entre desde hasta cuando todo todos tu nuestro nuestra"
    ),
    "de": word_set(
        "der die das den dem des ein eine einen einem einer eines und oder von vom zu zum zur in im auf für "
        "mit aus bei beim ist sind sein dieser diese dieses als auch nicht ohne über durch nach wie sich es "
        "an am ihr ihre wird werden hat sehr"
    ),
    "fr": word_set(
        "le la les l un une des de du d et ou à au aux en dans sur pour avec par sans sous est sont être ce "
        "cette ces son sa ses se que qui ne pas plus très entre chez vous votre vos nous notre nos il elle"
    ),
    "it": word_set(
        "il lo la i gli le un uno una e o di del dello della dei degli delle da dal dalla a al alla ai alle "
        "in nel nella con su sul sulla per senza è sono essere questo questa questi queste suo sua che non "
        "più molto tra fra come si ed"
    ),
}
SAMPLE_SIZE = 1000
"""Items that are read."""
MIN_SHARE = 0.03
"""Share of words that must be stop words of another language before a catalogue is taken for it: English
titles hold foreign names, and titles without sentences hold few stop words of any language."""
_WORD = re.compile(r"[^\W\d_]+")


def detect_language(texts: Iterable[str]) -> str | None:
    """Guess the language of texts: a code of `LANGUAGE_NAMES`, or None where too few words tell.

    >>> detect_language(["Confiture de fraises, avec des morceaux de fruits"])
    'fr'
    >>> detect_language(["Vase, oak"]) is None
    True
    """
    counts = Counter(word for text in texts for word in _WORD.findall(text.lower()))
    n_latin = sum(count for word, count in counts.items() if word < "\u0370")
    if 2 * n_latin < counts.total():
        return OTHER_SCRIPT
    scores = {
        language: sum(counts[word] / _n_languages(word) for word in words)
        for language, words in STOP_WORDS.items()
    }
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] > MIN_SHARE * counts.total() else None


def detect_catalogue_language(catalogue: Catalogue) -> str | None:
    """Guess the language of a catalogue from titles and descriptions of items spread over all of it."""
    step = max(1, len(catalogue) // SAMPLE_SIZE)
    columns = catalogue.table.select(["title", "description"]).take(np.arange(0, len(catalogue), step))
    return detect_language(
        f"{title or ''} {description or ''}"
        for title, description in zip(*(column.to_pylist() for column in columns.columns), strict=True)
    )


def _n_languages(word: str) -> int:
    return sum(word in words for words in STOP_WORDS.values())

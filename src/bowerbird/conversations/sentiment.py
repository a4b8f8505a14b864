"""Whether a speaker likes an item, by cues in the words around its name.

A few cues only: in recorded conversations nearly every named item is liked, so what matters is to see the
rare dislike. English; in other languages every mention is neutral.
"""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"[.!?;\n]|\bbut\b|\bhowever\b", re.IGNORECASE)
_DISLIKE = re.compile(
    r"\b(?:hate[ds]?|dislike[ds]?|(?:did|do|does|was|were|is)(?:n[o'’]?t| not)(?: \w+){0,2} "
    r"(?:like|love|enjoy|care|good|fan|into)|n[o'’]?t a (?:big )?fan|terrible|awful|boring|worst|"
    r"can[n'’]?o?t stand|not (?:like|interested|good|really into)|disappoint\w+|"
    r"too (?:scary|slow|long|silly))\b",
    re.IGNORECASE,
)
_LIKE = re.compile(
    r"\b(?:love[ds]?|like[ds]?|enjoy(?:ed)?|favou?rites?|great|awesome|amazing|good|excellent|fantastic|"
    r"best|funny|hilarious|fun)\b",
    re.IGNORECASE,
)


def sentiment_at(text: str, start: int, end: int) -> int:
    """Sentiment of the clause around `text[start:end]`: -1 dislike, 1 like, 0 neither.

    >>> text = "I loved Heat but I did not like Saw."
    >>> sentiment_at(text, 8, 12), sentiment_at(text, 32, 35), sentiment_at("Seen Up?", 5, 7)
    (1, -1, 0)
    """
    before = list(_SENTENCE_END.finditer(text, 0, start))
    after = _SENTENCE_END.search(text, end)
    # The name itself says nothing: "Ugly Americans", "The Good Thief".
    clause = (
        text[before[-1].end() if before else 0 : start]
        + " "
        + text[end : after.start() if after else len(text)]
    )
    if _DISLIKE.search(clause):
        return -1
    return 1 if _LIKE.search(clause) else 0

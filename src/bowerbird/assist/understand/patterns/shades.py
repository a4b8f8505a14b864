"""How people compare colours: "too colourful", "something plainer", "a lighter one", "the darkest one"."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class Quality(StrEnum):
    """What items are compared by."""

    LIGHT = "light"
    COLOURFUL = "colourful"
    PLAIN = "plain"


class ShadeChange(NamedTuple):
    """More (`is_more`) or less of a quality; `rest` is the text without the words that said so."""

    quality: Quality
    is_more: bool
    rest: str

    @property
    def key(self) -> str:
        """Names the wording of the change: "more_light"."""
        return f"{'more' if self.is_more else 'less'}_{self.quality}"

    def of_other(self, quality: Quality) -> ShadeChange:
        """The opposite of another quality, which does for it: plain for less colourful."""
        return ShadeChange(quality, not self.is_more, self.rest)


_DEGREE = (
    r"(?:\b(?:far|way|much|a bit|a little|a lot|a touch|even|still|slightly|somewhat|really|just|rather) )*"
)
_TONE = r"(?:(?: in)? (?:colou?rs?|tones?|shades?))?(?: than\b)?"
_LOUD = r"(?:colou?rful|bright|vivid|loud|flashy|garish|gaudy|bold)"
_DULL = r"(?:dull|drab|boring|grey|gloomy)"
_BUSY = r"(?:busy|patterned|fussy)"


def _comparing(*comparatives: str, too: str, enough: str) -> re.Pattern[str]:
    """Comparatives, and what says the same of what is shown: "too dark", "not light enough"."""
    wordings = (
        *comparatives,
        rf"(?<!not )(?<!nothing )too {too}(?! ?weight)",
        rf"(?:less|(?:not|nothing) (?:so|that|quite so|too|as)) {too}(?! ?weight)",
        rf"(?:not|isn't|aren't) {enough} enough",
    )
    return re.compile(rf"{_DEGREE}\b(?:{'|'.join(wordings)})\b{_TONE}")


_CHANGES = {
    (Quality.COLOURFUL, False): _comparing(
        r"more (?:muted|subdued|subtle|neutral|understated|discreet)|calmer|quieter|toned[- ]down",
        too=_LOUD,
        enough=r"(?:muted|neutral|subtle|discreet)",
    ),
    (Quality.COLOURFUL, True): _comparing(
        rf"more (?:colou?rful|vivid|cheerful)|livelier|brighter|bolder|cheerier|less {_DULL}",
        too=_DULL,
        enough=_LOUD,
    ),
    (Quality.PLAIN, True): _comparing(r"plainer|more plain", too=_BUSY, enough="plain"),
    (Quality.PLAIN, False): _comparing(r"more patterned|less plain", too="plain", enough=_BUSY),
    (Quality.LIGHT, True): _comparing(
        r"lighter(?! ?weight)(?= in colou?r| (?:one|ones|than|colou?rs?|shades?|tones?|please|red|green|blue|"
        r"grey|brown|pink|purple|orange|yellow|beige)\b|\W*$)|paler",
        too="dark",
        enough="(?:light|pale)",
    ),
    (Quality.LIGHT, False): _comparing("darker", too="(?:light|pale|white)", enough="dark"),
}
_SUPERLATIVES = {
    r"lightest|palest": (Quality.LIGHT, True),
    "darkest": (Quality.LIGHT, False),
    r"brightest|most (?:colou?rful|vivid)|boldest|loudest": (Quality.COLOURFUL, True),
    r"least (?:colou?rful|bright|bold)|most (?:muted|neutral|subtle)": (Quality.COLOURFUL, False),
    r"plainest|least (?:busy|patterned)": (Quality.PLAIN, True),
}
_OF_LIST = (
    r"(?: (?:one|item|option)s?)?(?: (?:in|of) (?:colou?rs?|shade|tone))?"
    r"(?: of (?:them|these|those|all|the (?:two|three|four)))?(?=\W*$|,| (?:please|and|but|to|for|from)\b)"
)
EXTREME_SHADE = re.compile(
    rf"\b(?:the |which (?:one )?is (?:the )?)(?P<which>{'|'.join(_SUPERLATIVES)}){_OF_LIST}"
)
"""The end of a list by a quality of its colours: "the lightest in colour"."""


def read_shade_change(text: str) -> ShadeChange | None:
    """More or less of a quality than what is shown has; None where a text holds none.

    >>> read_shade_change("it's too colourful").key, read_shade_change("a lighter blue").rest
    ('less_colourful', 'a blue')
    """
    for (quality, is_more), pattern in _CHANGES.items():
        match = pattern.search(text)
        if match:
            rest = " ".join(f"{text[: match.start()]} {text[match.end() :]}".split())
            return ShadeChange(quality, is_more, rest)
    return None


def read_extreme(words: str) -> ShadeChange | None:
    """The quality that a superlative or comparative is about: "darkest", "lighter"."""
    for pattern, (quality, is_more) in _SUPERLATIVES.items():
        if re.search(rf"\b(?:{pattern})\b", words):
            return ShadeChange(quality, is_more, "")
    return read_shade_change(words)

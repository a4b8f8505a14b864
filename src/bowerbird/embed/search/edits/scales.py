"""Scales such as short–long: the meaning of "longer", "less shiny" and "too bright".

A catalogue does not compare items, but its texts use the words at the ends of a scale: what is called maxi is
longer than what is called mini. An end of a scale counts only as far as the catalogue uses its words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bowerbird.text.words import stem, stem_phrase


@dataclass(frozen=True)
class Scale:
    """Two ends, each the words and short phrases for it, the most general first."""

    low: tuple[str, ...]
    high: tuple[str, ...]


SCALES = (
    Scale(
        ("short", "mini", "cropped", "above the knee", "waist length"),
        ("long", "maxi", "midi", "ankle length", "calf length", "full length", "floor length"),
    ),
    Scale(("dark", "black", "navy", "deep"), ("light", "pale", "pastel", "white", "faded")),
    Scale(("muted", "dusty", "subtle", "neutral", "dull"), ("bright", "vivid", "neon", "bold", "vibrant")),
    Scale(
        ("monochrome", "monochromatic", "solid", "plain", "black"),
        (
            "colourful",
            "multicoloured",
            "multicolour",
            "multi",
            "patterned",
            "colour blocking",
            "all over pattern",
        ),
    ),
    Scale(
        ("plain", "simple", "solid", "basic", "minimalist", "clean", "subtle"),
        (
            "patterned",
            "pattern",
            "print",
            "printed",
            "decorative",
            "ornate",
            "busy",
            "bold",
            "graphic",
            "detailed",
        ),
    ),
    Scale(
        ("loose", "oversized", "relaxed", "wide", "flared", "flowing", "flowy", "a line", "baggy", "boxy"),
        ("tight", "fitted", "slim", "skinny", "snug", "bodycon", "fitting", "figure hugging"),
    ),
    Scale(("small", "mini", "compact", "little", "tiny"), ("large", "big", "oversized", "huge", "maxi")),
    Scale(("low", "short"), ("high", "tall")),
    Scale(("narrow", "slim", "skinny"), ("wide", "broad")),
    Scale(
        ("thin", "sheer", "lightweight", "airy", "fine knit"), ("thick", "heavy", "chunky", "padded", "warm")
    ),
    Scale(
        ("matt", "matte", "dull", "brushed"), ("shiny", "glossy", "glittery", "metallic", "satin", "sequin")
    ),
    Scale(
        ("casual", "sporty", "relaxed", "everyday", "sweatshirt", "sports", "jersey"),
        ("formal", "elegant", "dressy", "tailored", "classy", "sophisticated", "smart", "suit", "evening"),
    ),
    Scale(
        ("modest", "conservative", "covered", "high neck", "polo neck", "turtleneck"),
        (
            "revealing",
            "sexy",
            "low cut",
            "v neck",
            "sheer",
            "cut out",
            "open back",
            "strapless",
            "off shoulder",
        ),
    ),
    Scale(
        ("modern", "contemporary", "sleek"), ("traditional", "classic", "vintage", "retro", "rustic", "old")
    ),
    Scale(("masculine", "men", "manly"), ("feminine", "girly", "women", "frilly", "lace", "ruffle", "bow")),
    Scale(("opaque", "lined"), ("sheer", "transparent", "see through", "mesh", "lace")),
    Scale(("hard", "firm", "rough", "stiff"), ("soft", "plush", "fluffy", "cosy", "comfortable")),
    Scale(("round", "rounded", "curved"), ("square", "angular", "pointed")),
)
_IRREGULAR_COMPARATIVES = {
    "bigger": "big",
    "larger": "large",
    "deeper": "deep",
    "whiter": "white",
    "closer": "tight",
}


@cache
def _index_ends() -> dict[tuple[str, ...], tuple[int, bool, int]]:
    """Map each word to its scale, end and rank there: the end where it ranks first, then the first scale."""
    ends: dict[tuple[str, ...], tuple[int, bool, int]] = {}
    for number, scale in enumerate(SCALES):
        for high in (False, True):
            for rank, word in enumerate(scale.high if high else scale.low):
                key = stem_phrase(word)
                if key not in ends or rank < ends[key][2]:
                    ends[key] = number, high, rank
    return ends


@dataclass(frozen=True)
class ScaleEnd:
    """One end of a scale: its words and those of the other end, as stems."""

    wanted: tuple[tuple[str, ...], ...]
    unwanted: tuple[tuple[str, ...], ...]
    is_plainest: bool
    """Whether the word stands for the whole end, as long does and ankle-length does not."""


def find_scale_end(stems: tuple[str, ...]) -> ScaleEnd | None:
    """Find the end of a scale that a word or short phrase belongs to; None if it is on no scale.

    >>> find_scale_end(("maxi",)).unwanted[0]
    ('short',)
    """
    if stems not in _index_ends():
        return None
    number, high, rank = _index_ends()[stems]
    ends = SCALES[number].high, SCALES[number].low
    wanted, unwanted = (tuple(map(stem_phrase, end)) for end in (ends if high else ends[::-1]))
    return ScaleEnd(wanted, unwanted, rank == 0)


def comparative_base(word: str, known: frozenset[str] | set[str] = frozenset()) -> str | None:
    """Find the adjective of a comparative: a word of a scale or one of `known` stems; None for other words.

    >>> [comparative_base(word, {"blue"}) for word in ("longer", "shinier", "sweater", "bluer")]
    ['long', 'shiny', None, 'blue']
    """
    if word in _IRREGULAR_COMPARATIVES:
        return _IRREGULAR_COMPARATIVES[word]
    if not word.endswith("er") or len(word) < 5:
        return None
    stripped = word.removesuffix("er")
    forms = [stripped[:-1] + "y"] if stripped.endswith("i") else [stripped, stripped + "e"]
    if len(stripped) > 2 and stripped[-1] == stripped[-2]:
        forms.append(stripped[:-1])
    return next((form for form in forms if (stem(form),) in _index_ends() or stem(form) in known), None)

"""Words that lie on one scale, such as short and long: what "longer", "less shiny" and "too bright" mean.

A catalogue says none of these as a comparison, but its texts hold the ends: what is called maxi is longer
than what is called mini. An end of a scale counts only as far as a shop's own texts use its words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bowerbird.text.words import key_of, stem


@dataclass(frozen=True)
class Scale:
    """Two ends, each the words and short phrases that stand for it, the plainest first."""

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
_IRREGULAR = {"bigger": "big", "larger": "large", "deeper": "deep", "whiter": "white", "closer": "tight"}


@cache
def _ends() -> dict[tuple[str, ...], tuple[int, bool, int]]:
    """Number of the scale, end, and rank there of each word: where it is plainest, then the first."""
    places: dict[tuple[str, ...], tuple[int, bool, int]] = {}
    for number, scale in enumerate(SCALES):
        for high in (False, True):
            for rank, word in enumerate(scale.high if high else scale.low):
                key = key_of(word)
                if key not in places or rank < places[key][2]:
                    places[key] = number, high, rank
    return places


@dataclass(frozen=True)
class End:
    """One end of a scale: its words and those of the other end, as stems."""

    wanted: tuple[tuple[str, ...], ...]
    unwanted: tuple[tuple[str, ...], ...]
    plainest: bool
    """Whether the word that was said stands for the whole end, as long does and ankle-length does not."""


def end_named(stems: tuple[str, ...]) -> End | None:
    """The end that a word or short phrase lies at; None where it lies on no scale.

    >>> end_named(("maxi",)).unwanted[0]
    ('short',)
    """
    if stems not in _ends():
        return None
    number, high, rank = _ends()[stems]
    ends = SCALES[number].high, SCALES[number].low
    wanted, unwanted = (tuple(map(key_of, end)) for end in (ends if high else ends[::-1]))
    return End(wanted, unwanted, rank == 0)


def base_of(word: str, known: frozenset[str] | set[str] = frozenset()) -> str | None:
    """What a comparative compares: of a word of a scale, or of one of `known` stems; None where it is none.

    >>> base_of("longer"), base_of("shinier"), base_of("sweater"), base_of("bluer", {"blue"})
    ('long', 'shiny', None, 'blue')
    """
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if not word.endswith("er") or len(word) < 5:
        return None
    root = word.removesuffix("er")
    forms = [root[:-1] + "y"] if root.endswith("i") else [root, root + "e"]
    if len(root) > 2 and root[-1] == root[-2]:
        forms.append(root[:-1])
    return next((form for form in forms if (stem(form),) in _ends() or stem(form) in known), None)

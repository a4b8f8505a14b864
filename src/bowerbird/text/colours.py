"""How light and how colourful a colour is, by its name: "navy" is dark, "beige" is hardly a colour.

Names are those of CSS, with a few that shops use and CSS lacks, or means otherwise; of "dusty light pink" the
words before the name move it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageColor

from bowerbird.text.words import normalize_text, stem, tokenize, word_set

_SHOP_COLOURS = {
    "off white": "#f7f3e8",
    "cream": "#f5efd8",
    "ecru": "#eae2cc",
    "sand": "#d9c7a0",
    "camel": "#b58b57",
    "brown": "#6f4e37",
    "mole": "#8a7f76",
    "taupe": "#8b7d70",
    "rust": "#b0451f",
    "terracotta": "#c8643f",
    "mustard": "#d3a518",
    "copper": "#b06a3c",
    "bronze": "#8c6a3a",
    "burgundy": "#6d1228",
    "bordeaux": "#6d1228",
    "petrol": "#0f5c66",
    "mint": "#b5e3c8",
    "lilac": "#c0a2cf",
    "apricot": "#f5b58a",
    "peach": "#f7c9a8",
    "pink": "#ee8fb0",
    "rose": "#e3a1ac",
    "charcoal": "#36393e",
    "anthracite": "#36393e",
    "natural": "#e2d6bd",
    "metal": "#a8a9ad",
}
_LIGHTER, _DARKER = word_set("light pale pastel soft baby powder"), word_set("dark deep midnight")
_DULLER, _PURER = word_set("dusty greyish muted faded washed"), word_set("bright neon vivid hot electric")
_MODIFIERS = _LIGHTER | _DARKER | _DULLER | _PURER
_STEP = 0.25
"""How far "light" or "dark" goes of the way to white or black."""
_PLAIN = word_set("plain solid unpatterned uni melange denim chambray treatment slub")


@dataclass(frozen=True)
class ColourLook:
    """How a colour looks; both from 0 to 1."""

    lightness: float
    colourfulness: float


@lru_cache(1000)  # a catalogue repeats its colours
def look_of(name: str) -> ColourLook | None:
    """How a colour looks; None for a name that is no colour.

    >>> [look_of(name).lightness > 0.5 for name in ("Light Beige", "Dark Blue", "Greyish Beige")]
    [True, False, True]
    >>> look_of("Transparent") is None
    True
    """
    words = [stem(word) for word in tokenize(normalize_text(name, 60)) if word[0].isalpha()]
    for size in (2, 1):
        # CSS's dark grey is lighter than its grey.
        is_base = len(words) >= size and (size == 1 or words[-2] not in _MODIFIERS)
        rgb = _rgb(" ".join(words[-size:])) if is_base else None
        if rgb is not None:
            red, green, blue = (channel / 255 for channel in rgb)
            lightness = 0.2126 * red + 0.7152 * green + 0.0722 * blue
            colourfulness = max(red, green, blue) - min(red, green, blue)
            return _moved(ColourLook(lightness, colourfulness), words[:-size])
    return None


def _rgb(name: str) -> tuple[int, ...] | None:
    try:
        return ImageColor.getrgb(_SHOP_COLOURS.get(name) or name.replace(" ", ""))[:3]
    except ValueError:
        return None


def _moved(look: ColourLook, modifiers: list[str]) -> ColourLook:
    """A colour's look after the words before its name: "light", "dusty"."""
    lightness, colourfulness = look.lightness, look.colourfulness
    for word in modifiers:
        if word in _LIGHTER or word in _DARKER:
            lightness += _STEP * ((1.0 if word in _LIGHTER else 0.0) - lightness)
            colourfulness *= 1 - _STEP
        elif word in _DULLER or word in _PURER:
            colourfulness += _STEP * ((1.0 if word in _PURER else 0.0) - colourfulness)
    return ColourLook(lightness, colourfulness)


def is_plain(pattern: str) -> bool:
    """Whether a pattern is none: "Solid"."""
    return not _PLAIN.isdisjoint(tokenize(normalize_text(pattern, 60)))

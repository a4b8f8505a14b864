"""What items state about themselves, as facets (type, colour, material, …) and their values.

Whatever reads facets reads them here: the assistant's vocabulary, the names of interests, the questions that
a graft is trained on, attribute affinity and the words of the embeddings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from bowerbird.data.items import Item
from bowerbird.text.audiences import AUDIENCE
from bowerbird.text.words import normalize_text

FACETS = ("type", "colour", "material", "pattern", "style", "brand", "genre", "size", AUDIENCE)
"""Hard facets in order of precedence, where one phrase is a value of several; other attributes are soft."""
VALUE_SEPARATOR = r"\s*,\s*"
"""Between the values of an attribute: "Crime, Thriller" are two genres."""
MAX_VALUE_CHARACTERS = 120
"""A longer value is a sentence."""
_ALIASES = {
    "color": "colour",
    "colour_group": "colour",
    "colour_group_name": "colour",
    "product_type": "type",
    "product_type_name": "type",
    "item_type": "type",
    "graphical_appearance": "pattern",
    "graphical_appearance_name": "pattern",
    "genres": "genre",
    "fabric": "material",
    **dict.fromkeys(("farbe", "couleur", "colore"), "colour"),
    **dict.fromkeys(("materiale", "matière", "matiere", "matériau", "werkstoff"), "material"),
    **dict.fromkeys(("muster", "motif", "motivo", "estampado", "fantasia"), "pattern"),
    **dict.fromkeys(("stil", "estilo", "stile"), "style"),
    **dict.fromkeys(("größe", "taille", "talla", "taglia"), "size"),
}
_ALTERNATIVES = re.compile(r"\s*[|;]\s*")
_COMMA = re.compile(VALUE_SEPARATOR)


@lru_cache(10_000)  # a catalogue repeats its names
def facet_name(name: str) -> str:
    """Return the facet that an attribute's name stands for; other names in lower case.

    >>> facet_name("Color"), facet_name("Neckline")
    ('colour', 'neckline')
    """
    plain = normalize_text(name, 60)
    return _ALIASES.get(plain, plain)


def facet_values(item: Item) -> Iterator[tuple[str, str]]:
    """Yield (facet, value) of an item: its attributes, its brand, the last level of its category as the
    type."""
    attributes = {facet_name(name): value for name, value in item.attributes.items()}
    if not attributes.get("type") and item.category:
        yield "type", item.category[-1]
    for level in item.category[:-1]:
        yield "category", level
    if item.brand:
        yield "brand", item.brand
    for name, value in attributes.items():
        if value and len(value) <= MAX_VALUE_CHARACTERS:
            for alternative in _ALTERNATIVES.split(value):
                yield name, alternative


def split_values(text: str) -> list[str]:
    """Split an attribute's text into its values.

    >>> split_values("Crime, Thriller ")
    ['Crime', 'Thriller']
    """
    text = text.strip()
    return [value for value in _COMMA.split(text) if value] if "," in text else [text] if text else []


def lower_case_values(item: Item) -> set[str]:
    """Return the values that an item's attributes, category levels and brand hold, in lower case."""
    values = (value for text in item.attributes.values() for value in split_values(text))
    return {value.lower() for value in (*values, *item.category, item.brand) if value}

"""Parses a text that edits a picture or an item: "is shorter and has a floral print", "without a belt".

Rules over the catalogue's own words, no model. Each part of the text in words of the catalogue becomes an
`AttributeEdit`: values of a facet ("in blue"), words of its texts ("a v-neck"), or an end of a scale
("longer", "less shiny"). The rest is left to the text encoder.
"""

from __future__ import annotations

from bowerbird.embed.search.edits.catalogue_facts import CatalogueWords
from bowerbird.embed.search.edits.catalogue_rules import parse_compound, parse_words
from bowerbird.embed.search.edits.edit import Modification, merge_edits
from bowerbird.embed.search.edits.edit_words import FILLER, NEGATORS
from bowerbird.embed.search.edits.parser_state import (
    ParserState,
    parse_different_facet,
    parse_filler,
    parse_negation,
    parse_price,
    parse_punctuation,
)
from bowerbird.embed.search.edits.scale_rules import parse_scale
from bowerbird.embed.search.edits.scales import comparative_base, find_scale_end
from bowerbird.text.words import correct_typo, normalize_text, stem, tokenize

MAX_WORDS = 60
"""Of a text; a longer one is a description, not an edit."""
# Each rule returns the number of words that it parsed, or 0.
_RULES = (
    parse_punctuation,
    parse_price,
    parse_different_facet,
    parse_scale,
    parse_negation,
    parse_words,
    parse_compound,
    parse_filler,
)


def parse_modification(text: str, catalogue_words: CatalogueWords) -> Modification:
    """Parse a text as edits of a picture or an item.

    A text of more than `MAX_WORDS` words, or one whose words the catalogue does not use, has no edits.
    """
    words = tokenize(normalize_text(text))
    if len(words) > MAX_WORDS:
        return Modification(unknown_words=tuple(words))
    state = ParserState(words, [_stem_or_correct(word, catalogue_words) for word in words], catalogue_words)
    while state.at < len(words):
        n_words = next((n for rule in _RULES if (n := rule(state))), 0)
        if not n_words:
            state.unknown_words.append(words[state.at])
        state.at += max(1, n_words)
    edits = merge_edits(state.edits)
    return Modification(
        tuple(edits), frozenset(state.different), state.price_direction, tuple(state.unknown_words)
    )


def _stem_or_correct(word: str, catalogue_words: CatalogueWords) -> str:
    stemmed = stem(word)
    is_known = (
        stemmed in catalogue_words.stems
        or stemmed in catalogue_words.vocabulary.known_stems
        or find_scale_end((stemmed,)) is not None
    )
    if is_known or word in FILLER or word in NEGATORS or not word[0].isalpha():
        return stemmed
    if comparative_base(word, catalogue_words.stems):
        return stemmed
    return correct_typo(stemmed, catalogue_words.typo_targets.get(stemmed[0], ())) or stemmed

"""Rules that find values and words of the catalogue in a request. Each returns the words it parsed, or 0."""

from __future__ import annotations

from bowerbird.embed.search.edits.catalogue_facts import TYPE_FACET, CatalogueWords, Phrase
from bowerbird.embed.search.edits.edit import AttributeEdit
from bowerbird.embed.search.edits.edit_words import DETERMINERS, FACETS, FILLER, KEEPS_NEGATION, SAME_PART
from bowerbird.embed.search.edits.parser_state import ParserState, add_edit
from bowerbird.embed.search.edits.scales import find_scale_end
from bowerbird.text.words import stem, stem_phrase

MAX_PHRASE_WORDS = 4


def parse_value(state: ParserState) -> int:
    """Parse the longest phrase that names values of a facet."""
    at, vocabulary = state.at, state.catalogue_words.vocabulary
    for size in range(min(vocabulary.max_phrase_words, len(state.stems) - at), 0, -1):
        phrase = tuple(state.stems[at : at + size])
        meanings = vocabulary.phrases.get(phrase)
        if not meanings or (size == 1 and phrase[0] in FILLER):
            continue
        meaning = meanings[0]
        if _starts_longer_phrase(state, size) or (size == 1 and phrase[0].removesuffix("ed") in FACETS):
            return 0
        if meaning.facet == TYPE_FACET:
            end = find_scale_end(phrase)
            if end and end.is_plainest and phrase[0] == state.words[at]:
                return 0  # "a short dress" is not a pair of shorts
            if state.is_negated or state.in_part:
                return 0
            if _describes_query(state):
                return size
        elif state.in_part and any(edit.facet == meaning.facet for edit in state.edits):
            return size  # "white with black lettering" is white
        exact, loose = (
            frozenset(map(stem_phrase, values)) for values in (meaning.exact, meaning.loose - meaning.exact)
        )
        text = " ".join(state.words[at : at + size])
        add_edit(
            state, AttributeEdit(text, meaning.facet, exact | loose, loose=loose if exact else frozenset())
        )
        return size
    return 0


def _describes_query(state: ParserState) -> bool:
    """Whether the next word names the item of the query, as in "the shirt is grey"."""
    previous = state.words[max(0, state.at - 1) : state.at]
    return bool(previous) and previous[0] in DETERMINERS


def _starts_longer_phrase(state: ParserState, size: int) -> bool:
    """Whether the catalogue uses a longer phrase that starts here: "top" of "top stitching"."""
    at = state.at
    for longer in range(MAX_PHRASE_WORDS, size, -1):
        phrase = tuple(state.stems[at : at + longer])
        is_words = len(phrase) == longer and all(word[0].isalnum() for word in phrase)
        if is_words and not set(phrase) & FILLER and state.catalogue_words.is_used(phrase):
            tail = tuple(state.stems[at + size : at + longer])
            return tail not in state.catalogue_words.vocabulary.phrases and find_scale_end(tail) is None
    return False


def parse_words(state: ParserState) -> int:
    """Parse the longest phrase that the catalogue's texts use."""
    at, catalogue_words = state.at, state.catalogue_words
    for size in range(min(MAX_PHRASE_WORDS, len(state.stems) - at), 0, -1):
        phrase = tuple(state.stems[at : at + size])
        spellings = {*phrase, *state.words[at : at + size]}
        if spellings & FILLER or spellings & KEEPS_NEGATION or not all(word[0].isalnum() for word in phrase):
            continue
        forms = {(*phrase[:-1], *form) for form in word_forms(phrase[-1], catalogue_words)} | {phrase}
        wanted = frozenset(form for form in forms if catalogue_words.is_used(form))
        if wanted:
            text = " ".join(state.words[at : at + size])
            add_edit(state, AttributeEdit(text, None, wanted, _words_for_lacking(phrase, catalogue_words)))
            return size
    return 0


def word_forms(word: str, catalogue_words: CatalogueWords) -> list[Phrase]:
    """List a noun and its participle: belt, belted; collar, collared."""
    forms = {word, word + "ed", word + "d", word + word[-1] + "ed"}
    forms |= next((group for group in SAME_PART if word in group), frozenset())
    if word.endswith("ed"):
        forms |= {word.removesuffix("ed"), word.removesuffix("d")}
    return [(form,) for form in sorted(forms) if form == word or form in catalogue_words.stems]


def _words_for_lacking(phrase: Phrase, catalogue_words: CatalogueWords) -> frozenset[Phrase]:
    """Words of the catalogue for items that lack the noun: sleeveless."""
    base = phrase[-1].removesuffix("d").removesuffix("e")
    lacking = {phrase[-1] + "less", base + "less", base + "eless"}
    return frozenset((word,) for word in lacking if word in catalogue_words.stems)


def parse_compound(state: ParserState) -> int:
    """Parse "vneck" where the catalogue writes v-neck."""
    word, catalogue_words = state.words[state.at], state.catalogue_words
    for end in range(1, len(word) if word not in FILLER else 0):
        parts = stem(word[:end]), stem(word[end:])
        if catalogue_words.is_used(parts) and len(word) > 3:
            add_edit(state, AttributeEdit(word, None, frozenset({parts})))
            return 1
    return 0

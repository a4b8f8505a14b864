"""Rules for ends of scales: "longer", "less shiny", "shorter sleeves"."""

from __future__ import annotations

from dataclasses import replace

from bowerbird.embed.search.edits.catalogue_facts import CatalogueWords
from bowerbird.embed.search.edits.catalogue_rules import parse_value, parse_words, word_forms
from bowerbird.embed.search.edits.edit import AttributeEdit
from bowerbird.embed.search.edits.edit_words import DEGREE_WORDS, FILLER
from bowerbird.embed.search.edits.parser_state import ParserState, add_edit
from bowerbird.embed.search.edits.scales import ScaleEnd, comparative_base, find_scale_end
from bowerbird.text.words import stem


def parse_scale(state: ParserState) -> int:
    """Parse "longer", "less shiny", "too bright", "shorter sleeves"."""
    at, stems = state.at, state.stems
    base = comparative_base(state.words[at], state.catalogue_words.stems)
    if base is None:
        if n_words := parse_value(state):
            return n_words
    elif stems[at + 1 :] and (stem(base), stems[at + 1]) in state.catalogue_words.vocabulary.phrases:
        stems[at] = stem(base)  # "darker blue" where Dark Blue is a value
        return parse_value(state)
    for size in (3, 2, 1):
        phrase = tuple(stems[at : at + size])
        if size == 1 and base is not None:
            phrase = (stem(base),)
        end = find_scale_end(phrase) if len(phrase) == size else None
        if end is None:
            continue
        text = " ".join(state.words[at : at + size])
        if size == 1 and (n_noun_words := _parse_scale_of_part(state, end, at + 1)):
            return 1 + n_noun_words
        is_compared = base is not None or state.words[at - 1 : at] in DEGREE_WORDS
        wanted = frozenset(end.wanted) if is_compared or end.is_plainest else frozenset({phrase})
        edit = AttributeEdit(text, None, wanted | {phrase}, frozenset(end.unwanted))
        add_edit(state, _keep_used_phrases(edit, state.catalogue_words))
        return size
    if base is None:
        return 0
    state.stems[at] = stem(base)  # "bluer": more of what the catalogue calls blue
    return parse_value(state) or parse_words(state)


def _keep_used_phrases(edit: AttributeEdit, catalogue_words: CatalogueWords) -> AttributeEdit:
    wanted, unwanted = (
        frozenset(filter(catalogue_words.is_used, phrases)) for phrases in (edit.wanted, edit.unwanted)
    )
    return replace(edit, wanted=wanted, unwanted=unwanted - wanted)


def _parse_scale_of_part(state: ParserState, end: ScaleEnd, at: int) -> int:
    """Parse a scale of one part of the item: "shorter sleeves" means short, not mini. Number of words, or
    0."""
    noun, catalogue_words = "".join(state.stems[at : at + 1]), state.catalogue_words
    if noun in FILLER or noun not in catalogue_words.stems or (noun,) in catalogue_words.vocabulary.phrases:
        return 0
    forms = [form[-1] for form in word_forms(noun, catalogue_words)]
    ends = [
        frozenset((*word, form) for word in words for form in forms) for words in (end.wanted, end.unwanted)
    ]
    edit = _keep_used_phrases(
        AttributeEdit(" ".join(state.words[at - 1 : at + 1]), None, *ends), catalogue_words
    )
    if not edit.wanted:
        return 0
    lacking = frozenset({(noun + "less",)}) & {(word,) for word in catalogue_words.stems}
    if ("short",) in end.wanted:  # no sleeves are the shortest
        edit = replace(edit, wanted=edit.wanted | lacking)
    add_edit(state, replace(edit, unwanted=edit.unwanted | lacking - edit.wanted))
    return 1

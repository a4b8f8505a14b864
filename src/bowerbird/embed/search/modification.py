"""Parses a text that edits a picture or an item: "is shorter and has a floral print", "without a belt".

Rules over the catalogue's own words, no model. Each part of the text in words of the catalogue becomes an
`AttributeEdit`: values of a facet ("in blue"), words of its texts ("a v-neck"), or an end of a scale
("longer", "less shiny"). The rest is left to the text encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bowerbird.embed.search.catalogue_facts import TYPE_FACET, CatalogueWords, ItemFacts, Phrase
from bowerbird.embed.search.scales import ScaleEnd, comparative_base, find_scale_end
from bowerbird.text.lexicon import EMPTY_WORDS
from bowerbird.text.words import correct_typo, normalize_text, stem, stem_phrase, tokenize, word_set

MAX_PHRASE_WORDS = 4
MAX_WORDS = 60
"""Of a text; a longer one is a description, not an edit."""
LOOSE_MATCH = 0.8
"""Match of a value that only ends in the word ("blue": Dark Blue); the value itself has 1."""
_NEGATORS = word_set(
    "no not non without none never less lacks lacking minus remove drop too isn't doesn't don't free"
)
_KEEPS_NEGATION = word_set(
    "a an the any so as very much have has with of be that is in quite overly and more like"
)
_DIFFERENT = word_set("different another other")
_SAME = word_set("same similar identical")
_DETERMINERS = word_set("the this that these those its it's it")
_FACETS = {
    "colour": "colour",
    "shade": "colour",
    "hue": "colour",
    "pattern": "pattern",
    "print": "pattern",
    "design": "pattern",
    "graphic": "pattern",
    "image": "pattern",
    "material": "material",
    "fabric": "material",
    "brand": "brand",
    "style": "style",
    "type": "type",
}
_FILLER = EMPTY_WORDS | word_set(
    """
    colour coloured colouring shade tone toned tint hue length fit style styled look looks looking item
    product desired picture version overall slightly bit little lot much many several different same similar
    only both all completely entirely mostly rather instead kind type piece garment way comes come features
    feature featured having being there their where while they s t d m re ve one ones two three four on it's
    its i add added keep without change changed make please prefer want wanted need but now then also just has
    have than seem seems appear appears still again better through across along down up off side
    """
)
_PART_MARKERS = word_set("with has have having featuring features and's")
"""What follows is a part of the item: "with a belt" does not ask for a belt as the item."""
_SAME_PART = tuple(
    word_set(group)
    for group in (
        "text lettering letter writing written wording word slogan",
        "lace lacy",
        "frill frilly ruffle ruffled frilled flounce flounced",
        "floral flower flowery flowered",
        "sheer transparent",
        "strap strappy",
        "animal leopard cheetah zebra tiger snakeskin",
        "check checked checkered plaid gingham tartan",
        "graphic motif logo emblem image picture",
        "belt belted",
    )
)
"""Stems that name the same part of an item."""
_DEGREE_WORDS = [[word] for word in ("more", "less", "too", "very", "much", "so", "most", "extra")]
_CHEAPER = word_set("cheaper inexpensive affordable")
_MORE_EXPENSIVE = word_set("dearer pricier costlier")


@dataclass(frozen=True)
class AttributeEdit:
    """One requested change: values of a facet or, without a facet, phrases of an item's texts."""

    text: str
    """The words of the request."""
    facet: str | None
    wanted: frozenset[Phrase] = frozenset()
    unwanted: frozenset[Phrase] = frozenset()
    loose: frozenset[Phrase] = frozenset()
    """Phrases of `wanted` that match only loosely."""

    def match(self, facts: ItemFacts) -> float:
        """Match an item: 1 if its facts satisfy the edit, -1 if they contradict it, 0 if they do not tell."""
        if self.facet is not None:
            return self._match_value(facts.values.get(self.facet, frozenset()))
        has_wanted, has_unwanted = facts.mentions(self.wanted), facts.mentions(self.unwanted)
        return float(has_wanted) - float(has_unwanted)

    def _match_value(self, values: frozenset[Phrase]) -> float:
        if not values:
            return 0.0
        if not self.wanted:
            return -1.0 if values & self.unwanted else 1.0
        if values & (self.wanted - self.loose):
            return 1.0
        return LOOSE_MATCH if values & self.wanted else -1.0


@dataclass(frozen=True)
class Modification:
    """A text parsed as edits of a query."""

    edits: tuple[AttributeEdit, ...] = ()
    different: frozenset[str] = frozenset()
    """Facets whose value shall be another than the query's."""
    price_direction: int = 0
    """-1 for cheaper, 1 for more expensive."""
    unknown_words: tuple[str, ...] = ()
    """Words that the catalogue does not use."""

    def __bool__(self) -> bool:
        return bool(self.edits or self.different or self.price_direction)


@dataclass
class _ParserState:
    """The state of the parser, which reads from left to right."""

    words: list[str]
    stems: list[str]
    catalogue_words: CatalogueWords
    at: int = 0
    is_negated: bool = False
    in_part: bool = False
    edits: list[AttributeEdit] = field(default_factory=list)
    different: set[str] = field(default_factory=set)
    price_direction: int = 0
    unknown_words: list[str] = field(default_factory=list)


def parse_modification(text: str, catalogue_words: CatalogueWords) -> Modification:
    """Parse a text as edits of a picture or an item.

    A text of more than `MAX_WORDS` words, or one whose words the catalogue does not use, has no edits.
    """
    words = tokenize(normalize_text(text))
    if len(words) > MAX_WORDS:
        return Modification(unknown_words=tuple(words))
    state = _ParserState(words, [_stem_or_correct(word, catalogue_words) for word in words], catalogue_words)
    while state.at < len(words):
        n_words = next((n for rule in _RULES if (n := rule(state))), 0)
        if not n_words:
            state.unknown_words.append(words[state.at])
        state.at += max(1, n_words)
    edits = _merge_edits(state.edits)
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
    if is_known or word in _FILLER or word in _NEGATORS or not word[0].isalpha():
        return stemmed
    if comparative_base(word, catalogue_words.stems):
        return stemmed
    return correct_typo(stemmed, catalogue_words.typo_targets.get(stemmed[0], ())) or stemmed


def _parse_punctuation(state: _ParserState) -> int:
    if state.words[state.at][0].isalnum():
        return 0
    state.is_negated = state.in_part = False
    return 1


def _parse_negation(state: _ParserState) -> int:
    word, previous = state.words[state.at], state.words[max(0, state.at - 1)]
    is_instead_of = (previous, word) in (("instead", "of"), ("rather", "than"), ("other", "than"))
    if word not in _NEGATORS and not word.endswith("n't") and not is_instead_of:
        return 0
    state.is_negated = True
    return 1


def _parse_price(state: _ParserState) -> int:
    word, following = state.words[state.at], state.words[state.at + 1 : state.at + 2]
    sign = -1 if word in _CHEAPER or word == "cheap" else 1 if word in (*_MORE_EXPENSIVE, "expensive") else 0
    if not sign or following == ["looking"]:
        return 0
    state.price_direction = -sign if state.is_negated else sign
    state.is_negated = False
    return 1


def _parse_different_facet(state: _ParserState) -> int:
    """Parse "a different pattern", "another colour"; and "the same colour", which changes nothing."""
    word, at = state.words[state.at], state.at
    if word not in _DIFFERENT and word not in _SAME:
        return 0
    for size, following in enumerate(state.stems[at + 1 : at + 3], 2):
        if following in _FACETS:
            facet = _FACETS[following]
            if (
                word in _DIFFERENT
            ) != state.is_negated and facet in state.catalogue_words.vocabulary.positions:
                state.different.add(facet)
            state.is_negated = False
            return size
    return 1


def _parse_value(state: _ParserState) -> int:
    """Parse the longest phrase that names values of a facet."""
    at, vocabulary = state.at, state.catalogue_words.vocabulary
    for size in range(min(vocabulary.max_phrase_words, len(state.stems) - at), 0, -1):
        phrase = tuple(state.stems[at : at + size])
        meanings = vocabulary.phrases.get(phrase)
        if not meanings or (size == 1 and phrase[0] in _FILLER):
            continue
        meaning = meanings[0]
        if _starts_longer_phrase(state, size) or (size == 1 and phrase[0].removesuffix("ed") in _FACETS):
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
        _add_edit(
            state, AttributeEdit(text, meaning.facet, exact | loose, loose=loose if exact else frozenset())
        )
        return size
    return 0


def _describes_query(state: _ParserState) -> bool:
    """Whether the next word names the item of the query, as in "the shirt is grey"."""
    previous = state.words[max(0, state.at - 1) : state.at]
    return bool(previous) and previous[0] in _DETERMINERS


def _starts_longer_phrase(state: _ParserState, size: int) -> bool:
    """Whether the catalogue uses a longer phrase that starts here: "top" of "top stitching"."""
    at = state.at
    for longer in range(MAX_PHRASE_WORDS, size, -1):
        phrase = tuple(state.stems[at : at + longer])
        is_words = len(phrase) == longer and all(word[0].isalnum() for word in phrase)
        if is_words and not set(phrase) & _FILLER and state.catalogue_words.is_used(phrase):
            tail = tuple(state.stems[at + size : at + longer])
            return tail not in state.catalogue_words.vocabulary.phrases and find_scale_end(tail) is None
    return False


def _parse_scale(state: _ParserState) -> int:
    """Parse "longer", "less shiny", "too bright", "shorter sleeves"."""
    at, stems = state.at, state.stems
    base = comparative_base(state.words[at], state.catalogue_words.stems)
    if base is None:
        if n_words := _parse_value(state):
            return n_words
    elif stems[at + 1 :] and (stem(base), stems[at + 1]) in state.catalogue_words.vocabulary.phrases:
        stems[at] = stem(base)  # "darker blue" where Dark Blue is a value
        return _parse_value(state)
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
        is_compared = base is not None or state.words[at - 1 : at] in _DEGREE_WORDS
        wanted = frozenset(end.wanted) if is_compared or end.is_plainest else frozenset({phrase})
        edit = AttributeEdit(text, None, wanted | {phrase}, frozenset(end.unwanted))
        _add_edit(state, _keep_used_phrases(edit, state.catalogue_words))
        return size
    if base is None:
        return 0
    state.stems[at] = stem(base)  # "bluer": more of what the catalogue calls blue
    return _parse_value(state) or _parse_words(state)


def _keep_used_phrases(edit: AttributeEdit, catalogue_words: CatalogueWords) -> AttributeEdit:
    wanted, unwanted = (
        frozenset(filter(catalogue_words.is_used, phrases)) for phrases in (edit.wanted, edit.unwanted)
    )
    return replace(edit, wanted=wanted, unwanted=unwanted - wanted)


def _parse_scale_of_part(state: _ParserState, end: ScaleEnd, at: int) -> int:
    """Parse a scale of one part of the item: "shorter sleeves" means short, not mini. Number of words, or
    0."""
    noun, catalogue_words = "".join(state.stems[at : at + 1]), state.catalogue_words
    if noun in _FILLER or noun not in catalogue_words.stems or (noun,) in catalogue_words.vocabulary.phrases:
        return 0
    forms = [form[-1] for form in _word_forms(noun, catalogue_words)]
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
    _add_edit(state, replace(edit, unwanted=edit.unwanted | lacking - edit.wanted))
    return 1


def _parse_words(state: _ParserState) -> int:
    """Parse the longest phrase that the catalogue's texts use."""
    at, catalogue_words = state.at, state.catalogue_words
    for size in range(min(MAX_PHRASE_WORDS, len(state.stems) - at), 0, -1):
        phrase = tuple(state.stems[at : at + size])
        spellings = {*phrase, *state.words[at : at + size]}
        if (
            spellings & _FILLER
            or spellings & _KEEPS_NEGATION
            or not all(word[0].isalnum() for word in phrase)
        ):
            continue
        forms = {(*phrase[:-1], *form) for form in _word_forms(phrase[-1], catalogue_words)} | {phrase}
        wanted = frozenset(form for form in forms if catalogue_words.is_used(form))
        if wanted:
            text = " ".join(state.words[at : at + size])
            _add_edit(state, AttributeEdit(text, None, wanted, _words_for_lacking(phrase, catalogue_words)))
            return size
    return 0


def _word_forms(word: str, catalogue_words: CatalogueWords) -> list[Phrase]:
    """List a noun and its participle: belt, belted; collar, collared."""
    forms = {word, word + "ed", word + "d", word + word[-1] + "ed"}
    forms |= next((group for group in _SAME_PART if word in group), frozenset())
    if word.endswith("ed"):
        forms |= {word.removesuffix("ed"), word.removesuffix("d")}
    return [(form,) for form in sorted(forms) if form == word or form in catalogue_words.stems]


def _words_for_lacking(phrase: Phrase, catalogue_words: CatalogueWords) -> frozenset[Phrase]:
    """Words of the catalogue for items that lack the noun: sleeveless."""
    base = phrase[-1].removesuffix("d").removesuffix("e")
    lacking = {phrase[-1] + "less", base + "less", base + "eless"}
    return frozenset((word,) for word in lacking if word in catalogue_words.stems)


def _parse_compound(state: _ParserState) -> int:
    """Parse "vneck" where the catalogue writes v-neck."""
    word, catalogue_words = state.words[state.at], state.catalogue_words
    for end in range(1, len(word) if word not in _FILLER else 0):
        parts = stem(word[:end]), stem(word[end:])
        if catalogue_words.is_used(parts) and len(word) > 3:
            _add_edit(state, AttributeEdit(word, None, frozenset({parts})))
            return 1
    return 0


def _parse_filler(state: _ParserState) -> int:
    word, at = state.words[state.at], state.at
    if word in _PART_MARKERS or word == "is":
        state.in_part = word != "is"
    if word not in _FILLER and state.stems[at] not in _FILLER and word not in _KEEPS_NEGATION:
        return 0
    if word not in _KEEPS_NEGATION and word not in ("and", "or", "nor"):
        state.is_negated = state.is_negated and word in _FILLER
    return 1


# Each rule returns the number of words that it parsed, or 0.
_RULES = (
    _parse_punctuation,
    _parse_price,
    _parse_different_facet,
    _parse_scale,
    _parse_negation,
    _parse_words,
    _parse_compound,
    _parse_filler,
)


def _add_edit(state: _ParserState, edit: AttributeEdit) -> None:
    if state.is_negated:
        edit = replace(edit, wanted=edit.unwanted, unwanted=edit.wanted, loose=frozenset())
        following: Sequence[str] = state.words[state.at + 1 : state.at + 3]
        state.is_negated = any(word in ("or", "nor") for word in following)  # "no red or blue"
    if edit.wanted or edit.unwanted:
        state.edits.append(edit)


def _merge_edits(edits: Sequence[AttributeEdit]) -> list[AttributeEdit]:
    """Merge edits of one facet: its values are alternatives, "black and white" may be either."""
    by_facet: dict[str, AttributeEdit] = {}
    word_edits: list[AttributeEdit] = []
    for edit in edits:
        earlier = by_facet.get(edit.facet or "")
        if edit.facet is None:
            if not any(
                (other.wanted, other.unwanted) == (edit.wanted, edit.unwanted) for other in word_edits
            ):
                word_edits.append(edit)
        elif earlier is None:
            by_facet[edit.facet] = edit
        else:
            by_facet[edit.facet] = AttributeEdit(
                f"{earlier.text}, {edit.text}",
                edit.facet,
                (earlier.wanted | edit.wanted) - earlier.unwanted - edit.unwanted,
                earlier.unwanted | edit.unwanted,
                earlier.loose | edit.loose,
            )
    return [*by_facet.values(), *word_edits]

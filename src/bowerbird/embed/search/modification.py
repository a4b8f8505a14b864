"""What a text asks to change of a picture or an item: "is shorter and has a floral print", "without a belt".

Rules over the shop's own words, no model. Each part of the text that the shop has words for becomes a `Wish`:
values of a facet ("in blue"), words that its texts use ("a v-neck"), or an end of a scale ("longer", "less
shiny"). The rest is left to the text encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bowerbird.embed.search.catalogue_words import KIND, Facts, Phrase, ShopWords
from bowerbird.embed.search.scales import End, base_of, end_named
from bowerbird.text.lexicon import EMPTY_WORDS
from bowerbird.text.words import cleaned, corrected, key_of, stem, tokens, word_set

LONGEST = 4  # words of a phrase
MOST_WORDS = 60
"""Of a text; what is longer describes a thing and is no change."""
LOOSE = 0.8
"""How well a value that merely ends in the word fits ("blue": Dark Blue) beside the value itself."""
_NEGATORS = word_set(
    "no not non without none never less lacks lacking minus remove drop too isn't doesn't don't free"
)
_THROUGH = word_set("a an the any so as very much have has with of be that is in quite overly and more like")
_OTHER = word_set("different another other")
_SAME = word_set("same similar identical")
_ITSELF = word_set("the this that these those its it's it")
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
_PARTS = word_set("with has have having featuring features and's")
"""What follows is a part of the thing: "with a belt" asks for no belt."""
_ALIKE = tuple(
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
"""Stems that name the same part of a thing."""
_COMPARED = [[word] for word in ("more", "less", "too", "very", "much", "so", "most", "extra")]
_CHEAPER = word_set("cheaper inexpensive affordable")
_DEARER = word_set("dearer pricier costlier")


@dataclass(frozen=True)
class Wish:
    """One thing that is asked for: values of a facet, or, without a facet, phrases of an item's words."""

    said: str
    facet: str | None
    wanted: frozenset[Phrase] = frozenset()
    unwanted: frozenset[Phrase] = frozenset()
    loose: frozenset[Phrase] = frozenset()
    """Of `wanted`, those that fit less exactly."""

    def met(self, facts: Facts) -> float:
        """1 where an item meets the wish, -1 where it does the contrary, 0 where it does not say."""
        if self.facet is not None:
            return self._by_value(facts.values.get(self.facet, frozenset()))
        for_it, against = facts.says(self.wanted), facts.says(self.unwanted)
        return float(for_it) - float(against)

    def _by_value(self, values: frozenset[Phrase]) -> float:
        if not values:
            return 0.0
        if not self.wanted:
            return -1.0 if values & self.unwanted else 1.0
        if values & (self.wanted - self.loose):
            return 1.0
        return LOOSE if values & self.wanted else -1.0


@dataclass(frozen=True)
class Modification:
    """A text understood as a change."""

    wishes: tuple[Wish, ...] = ()
    other: frozenset[str] = frozenset()
    """Facets in which the answer shall differ from what it was, whatever it becomes."""
    price: int = 0
    """-1 for cheaper, 1 for dearer."""
    rest: tuple[str, ...] = ()
    """Words that the shop has no words for."""

    def __bool__(self) -> bool:
        return bool(self.wishes or self.other or self.price)


@dataclass
class _Reading:
    """The state of one reading, from left to right."""

    words: list[str]
    stems: list[str]
    shop: ShopWords
    at: int = 0
    negated: bool = False
    part: bool = False
    wishes: list[Wish] = field(default_factory=list)
    other: set[str] = field(default_factory=set)
    price: int = 0
    rest: list[str] = field(default_factory=list)


def modification_of(text: str, shop: ShopWords) -> Modification:
    """Read a text as a change.

    A text of more than `MOST_WORDS` words, or one whose words the shop does not use, has no wishes.
    """
    words = tokens(cleaned(text))
    if len(words) > MOST_WORDS:
        return Modification(rest=tuple(words))
    reading = _Reading(words, [_spelt(word, shop) for word in words], shop)
    while reading.at < len(words):
        used = next((size for read in _READERS if (size := read(reading))), 0)
        if not used:
            reading.rest.append(words[reading.at])
        reading.at += max(1, used)
    wishes = _joined(reading.wishes)
    return Modification(tuple(wishes), frozenset(reading.other), reading.price, tuple(reading.rest))


def _spelt(word: str, shop: ShopWords) -> str:
    plain = stem(word)
    known = plain in shop.stems or plain in shop.vocabulary.known_stems or end_named((plain,)) is not None
    if known or word in _FILLER or word in _NEGATORS or base_of(word, shop.stems) or not word[0].isalpha():
        return plain
    return corrected(plain, shop.common.get(plain[0], ())) or plain


def _punctuation(reading: _Reading) -> int:
    if reading.words[reading.at][0].isalnum():
        return 0
    reading.negated = reading.part = False
    return 1


def _negation(reading: _Reading) -> int:
    word, before = reading.words[reading.at], reading.words[max(0, reading.at - 1)]
    instead = (before, word) in (("instead", "of"), ("rather", "than"), ("other", "than"))
    if word not in _NEGATORS and not word.endswith("n't") and not instead:
        return 0
    reading.negated = True
    return 1


def _price(reading: _Reading) -> int:
    word, after = reading.words[reading.at], reading.words[reading.at + 1 : reading.at + 2]
    sign = -1 if word in _CHEAPER or word == "cheap" else 1 if word in (*_DEARER, "expensive") else 0
    if not sign or after == ["looking"]:
        return 0
    reading.price = -sign if reading.negated else sign
    reading.negated = False
    return 1


def _other_facet(reading: _Reading) -> int:
    """ "A different pattern", "another colour"; and "the same colour", which asks for nothing."""
    word, at = reading.words[reading.at], reading.at
    if word not in _OTHER and word not in _SAME:
        return 0
    for size, following in enumerate(reading.stems[at + 1 : at + 3], 2):
        if following in _FACETS:
            facet = _FACETS[following]
            if (word in _OTHER) != reading.negated and facet in reading.shop.vocabulary.positions:
                reading.other.add(facet)
            reading.negated = False
            return size
    return 1


def _value(reading: _Reading) -> int:
    """The longest phrase that names values of a facet."""
    at, vocabulary = reading.at, reading.shop.vocabulary
    for size in range(min(vocabulary.longest, len(reading.stems) - at), 0, -1):
        phrase = tuple(reading.stems[at : at + size])
        meanings = vocabulary.phrases.get(phrase)
        if not meanings or (size == 1 and phrase[0] in _FILLER):
            continue
        meaning = meanings[0]
        if _longer_words(reading, size) or (size == 1 and phrase[0].removesuffix("ed") in _FACETS):
            return 0
        if meaning.facet == KIND:
            end = end_named(phrase)
            if end and end.plainest and phrase[0] == reading.words[at]:
                return 0  # "a short dress" is no pair of shorts
            if reading.negated or reading.part:
                return 0
            if _is_itself(reading):
                return size
        elif reading.part and any(wish.facet == meaning.facet for wish in reading.wishes):
            return size  # "white with black lettering" is white
        exact, loose = (
            frozenset(map(key_of, values)) for values in (meaning.exact, meaning.loose - meaning.exact)
        )
        said = " ".join(reading.words[at : at + size])
        _take(reading, Wish(said, meaning.facet, exact | loose, loose=loose if exact else frozenset()))
        return size
    return 0


def _is_itself(reading: _Reading) -> bool:
    """ "The shirt is grey" speaks of what is there."""
    before = reading.words[max(0, reading.at - 1) : reading.at]
    return bool(before) and before[0] in _ITSELF


def _longer_words(reading: _Reading, size: int) -> bool:
    """Whether the shop's texts use a longer phrase that begins here: "top" of "top stitching"."""
    at = reading.at
    for more in range(LONGEST, size, -1):
        phrase = tuple(reading.stems[at : at + more])
        written = len(phrase) == more and all(word[0].isalnum() for word in phrase)
        if written and not set(phrase) & _FILLER and reading.shop.used(phrase):
            last = tuple(reading.stems[at + size : at + more])
            return last not in reading.shop.vocabulary.phrases and end_named(last) is None
    return False


def _scale(reading: _Reading) -> int:
    """ "Longer", "less shiny", "too bright", "shorter sleeves"."""
    at, stems = reading.at, reading.stems
    base = base_of(reading.words[at], reading.shop.stems)
    if base is None:
        if used := _value(reading):
            return used
    elif stems[at + 1 :] and (stem(base), stems[at + 1]) in reading.shop.vocabulary.phrases:
        stems[at] = stem(base)  # "darker blue" where Dark Blue is a value
        return _value(reading)
    for size in (3, 2, 1):
        phrase = tuple(stems[at : at + size])
        if size == 1 and base is not None:
            phrase = (stem(base),)
        end = end_named(phrase) if len(phrase) == size else None
        if end is None:
            continue
        said = " ".join(reading.words[at : at + size])
        if size == 1 and (noun := _of_a_part(reading, end, at + 1)):
            return 1 + noun
        compared = base is not None or reading.words[at - 1 : at] in _COMPARED
        wanted = frozenset(end.wanted) if compared or end.plainest else frozenset({phrase})
        _take(reading, _used(Wish(said, None, wanted | {phrase}, frozenset(end.unwanted)), reading.shop))
        return size
    if base is None:
        return 0
    reading.stems[at] = stem(base)  # "bluer": more of what the shop calls blue
    return _value(reading) or _words(reading)


def _used(wish: Wish, shop: ShopWords) -> Wish:
    wanted, unwanted = (frozenset(filter(shop.used, phrases)) for phrases in (wish.wanted, wish.unwanted))
    return replace(wish, wanted=wanted, unwanted=unwanted - wanted)


def _of_a_part(reading: _Reading, end: End, at: int) -> int:
    """A scale of one part of the thing: "shorter sleeves" is about short, not mini. Words used, or 0."""
    noun, shop = "".join(reading.stems[at : at + 1]), reading.shop
    if noun in _FILLER or noun not in shop.stems or (noun,) in shop.vocabulary.phrases:
        return 0
    forms = [form[-1] for form in _forms(noun, shop)]
    ends = [
        frozenset((*word, form) for word in words for form in forms) for words in (end.wanted, end.unwanted)
    ]
    wish = _used(Wish(" ".join(reading.words[at - 1 : at + 1]), None, *ends), shop)
    if not wish.wanted:
        return 0
    lacking = frozenset({(noun + "less",)}) & {(word,) for word in shop.stems}
    if ("short",) in end.wanted:  # none is the shortest
        wish = replace(wish, wanted=wish.wanted | lacking)
    _take(reading, replace(wish, unwanted=wish.unwanted | lacking - wish.wanted))
    return 1


def _words(reading: _Reading) -> int:
    """The longest phrase that the shop's texts use."""
    at, shop = reading.at, reading.shop
    for size in range(min(LONGEST, len(reading.stems) - at), 0, -1):
        phrase = tuple(reading.stems[at : at + size])
        said = {*phrase, *reading.words[at : at + size]}
        if said & _FILLER or said & _THROUGH or not all(word[0].isalnum() for word in phrase):
            continue
        forms = {(*phrase[:-1], *form) for form in _forms(phrase[-1], shop)} | {phrase}
        known = frozenset(form for form in forms if shop.used(form))
        if known:
            _take(reading, Wish(" ".join(reading.words[at : at + size]), None, known, _without(phrase, shop)))
            return size
    return 0


def _forms(word: str, shop: ShopWords) -> list[Phrase]:
    """A noun and its participle: belt, belted; collar, collared."""
    forms = {word, word + "ed", word + "d", word + word[-1] + "ed"}
    forms |= next((group for group in _ALIKE if word in group), frozenset())
    if word.endswith("ed"):
        forms |= {word.removesuffix("ed"), word.removesuffix("d")}
    return [(form,) for form in sorted(forms) if form == word or form in shop.stems]


def _without(phrase: Phrase, shop: ShopWords) -> frozenset[Phrase]:
    """What a shop calls things that lack something: sleeveless."""
    bare = phrase[-1].removesuffix("d").removesuffix("e")
    lacking = {phrase[-1] + "less", bare + "less", bare + "eless"}
    return frozenset((word,) for word in lacking if word in shop.stems)


def _split(reading: _Reading) -> int:
    """ "Vneck", where the shop writes v-neck."""
    word, shop = reading.words[reading.at], reading.shop
    for end in range(1, len(word) if word not in _FILLER else 0):
        parts = stem(word[:end]), stem(word[end:])
        if shop.used(parts) and len(word) > 3:
            _take(reading, Wish(word, None, frozenset({parts})))
            return 1
    return 0


def _filler(reading: _Reading) -> int:
    word, at = reading.words[reading.at], reading.at
    if word in _PARTS or word == "is":
        reading.part = word != "is"
    if word not in _FILLER and reading.stems[at] not in _FILLER and word not in _THROUGH:
        return 0
    if word not in _THROUGH and word not in ("and", "or", "nor"):
        reading.negated = reading.negated and word in _FILLER
    return 1


_READERS = (_punctuation, _price, _other_facet, _scale, _negation, _words, _split, _filler)


def _take(reading: _Reading, wish: Wish) -> None:
    if reading.negated:
        wish = replace(wish, wanted=wish.unwanted, unwanted=wish.wanted, loose=frozenset())
        following: Sequence[str] = reading.words[reading.at + 1 : reading.at + 3]
        reading.negated = any(word in ("or", "nor") for word in following)  # "no red or blue"
    if wish.wanted or wish.unwanted:
        reading.wishes.append(wish)


def _joined(wishes: Sequence[Wish]) -> list[Wish]:
    """Values of one facet are alternatives: "black and white" may be either."""
    by_facet: dict[str, Wish] = {}
    out: list[Wish] = []
    for wish in wishes:
        before = by_facet.get(wish.facet or "")
        if wish.facet is None:
            if not any((one.wanted, one.unwanted) == (wish.wanted, wish.unwanted) for one in out):
                out.append(wish)
        elif before is None:
            by_facet[wish.facet] = wish
        else:
            by_facet[wish.facet] = Wish(
                f"{before.said}, {wish.said}",
                wish.facet,
                (before.wanted | wish.wanted) - before.unwanted - wish.unwanted,
                before.unwanted | wish.unwanted,
                before.loose | wish.loose,
            )
    return [*by_facet.values(), *out]

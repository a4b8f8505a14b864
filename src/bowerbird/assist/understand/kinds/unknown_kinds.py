"""Nouns that a message asks for, where they are no type of the catalogue: "headphones under 50"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from bowerbird.assist.request import Request
from bowerbird.assist.understand.kinds.compound_kinds import unknown_compound
from bowerbird.assist.understand.kinds.several_kinds import SEVERAL
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.text.audiences import AUDIENCE_OF
from bowerbird.text.lexicon import EMPTY_WORDS
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import stem_phrase, word_set

_HEAD = re.compile(
    r"(?:\b(?:an?|any|some|the|your|have|got|sell|stock|need|want|for|me|buy|see|find|of|about)\s+|^)"
    r"(?P<noun>(?:[^\W\d_][\w'-]+\s+){0,3}?[^\W\d_][\w'-]+)(?=\s*(?:$|[.,!?§]|\b(?:for|with|in|under|over|"
    r"below|above|from|to|that|"
    r"which|who|between|around|up|at|made|on|please|and|or|but|less|cheaper|like|about|near|by|here|"
    r"today|now|instead|too|then|maybe|perhaps)\b))"
)
_NO_KINDS = word_set(
    """
    something anything things thing stuff gift gifts present presents item items product products
    one ones idea ideas it them this that these those more others other else everything all any some
    kind kinds sort sorts option options piece pieces sale offer deals help me you us birthday
    christmas anniversary wedding home house room kitchen garden living bedroom bathroom office
    mother father sister brother friend summer winter spring autumn party work evening morning day
    night time budget money price euros dollars pounds euro dollar pound colour color size style
    look outfit set shop store catalogue what brand brands limit though anyway thanks thx bit much
    lot while nothing none recommend suggest advice question people person next then ok okay well
    actually hmm sorry again also maybe perhaps rather instead just only really quite please pls yes
    not now tomorrow there mine yours another both search see show find get give take make buy want
    need like love keep send tell know think use try move switch drop scrap change plan topic way
    range max min minimum maximum total cheap cheaper cheapest dear deal bargain quality sizes
    choice selection collection catalog stock list page flat apartment place family guy guys folks
    hello hi hey sir madam afternoon week month year minute second first last rest end start top
    bottom middle side front back couple few several lots plenty number half double single pair too
    very far near close good great fine nice cool perfect new old same different similar favourite
    favorite sure fun taste preference preferences colours colors shade shades material materials
    pattern patterns styles brand-new moment problem reason fact case kitchenette hallway entrance
    got gotten everything surprise surprises treat souvenir souvenirs product article articles favour favor
    clothes clothing apparel garment garments clothings furniture furnishings homeware decoration decorations
    anywhere somewhere anybody somebody anyone someone everybody everyone whatever whichever
    pick picks choose
    come comes
    round square oval rectangular circular long short tall wide narrow thick thin soft hard heavy slim
    plain simple
    soon today tomorrow tonight idea ideas even still bit lot way rest
    two three four five six seven eight ten dozen out
    before earlier previous nah nope meh ugh yuck eww wedding ceremony fancy add buy order talk
    hate hates loves likes prefers dislikes thinks says said
    hmmm ah oh uh er um lol wow how why when where who whose which whether cost costs want wants
    """
)
"""Words that stand where a noun stands, and name no kind of thing that a shop sells."""
_ADJECTIVE_ENDINGS = (
    *(
        "y",
        "ful",
        "ous",
        "ish",
        "able",
        "ible",
        "al",
        "ic",
        "ive",
        "ant",
        "ent",
        "less",
        "ed",
        "ing",
        "er",
        "est",
        "ish",
    ),
    *("ern", "ile", "ary", "ant", "id", "ly"),
)


_QUALITIES = ("colour", "pattern", "style", "size")
_CASES = word_set("case set")
"""No kinds of their own, but with a word before them: "an iphone case"."""
_DEGREES = word_set("bit little lot size shade tad touch much far more less even slightly")
_NEGATORS = word_set("without no not nor never except don't isn't doesn't")
_PLACEHOLDERS = word_set("gift gifts present presents something anything")
_COUNTS = word_set("two three four five six seven eight nine ten twelve")
_NOUNS = word_set(
    "fish candy honey toy key battery tray brandy whisky pastry cutlery stationery pottery jewellery "
    "crockery lingerie towel journal metal printer blender toaster mixer computer camera powder washing "
    "butter beer cider water paper leather bread medal cereal ring clothing bedding lighting painting"
)
"""Nouns that end like adjectives."""
_SENTENCE_STARTS = word_set("she he they we i it you that this there my loves likes enjoys collects")
_CONTRACTION = re.compile(
    r"(?:n['’]t|['’](?:m|re|ve|ll|d))$|^(?:let|it|that|what|there|here|who|he|she)['’]s$"
)
_NO_PART = word_set(
    "sell sells stock carry have has get got buy do does you your she he they we i it "
    "there is are was who likes "
    "loves like love me cheapest best other expensive most least"
)
"""Words before a noun that are no part of what it names."""
_BETWEEN = re.compile(rf"{SEVERAL.pattern}|:")
"""What stands between the parts of a list of kinds: "an office: desk, chair"."""
_COUNTED = re.compile(
    r"^(?:(?:and|also|plus|maybe) )*(?:an?|some|one|two|three|four|five|six|\d+)\s(?!for\b|of\b|in\b|with\b)"
)
_PURPOSE_BEFORE = re.compile(
    r"\b(?:outfits?|looks?|something|anything|clothes|clothing|things|stuff|gifts?|presents?|wear|"
    r"dress up|ideas?) (?:for|to|at) (?:(?:an?|my|the|our|his|her|their|this|some) )?(?:[a-z]+ )?$"
)
"""Says what something is for: "an outfit for a job interview"."""
_PLACE_BEFORE = re.compile(
    r"\b(?:decorat|furnish|renovat|redo|equip|design|build|open|host|plan|celebrat|attend|visit|"
    r"organi[sz])(?:e|es|ed|ing|n?ing)?(?: (?:an?|the|my|our|his|her|their|new|small|little|big))* $|"
    r"\b(?:moving|moved|move) (?:in|into|to)(?: (?:an?|the|my|our|new|small|little|big))* $"
)
"""What one does with a place or an event, not with what a shop sells: "decorating a nursery"."""
_PART_BEFORE = re.compile(r"(?:\bmade (?:of|from|out of)|\bwith(?: an?| the| some)?) $")
"""What stands before a material or a part: "with a gold frame" is asked of the mirrors before."""
_ARTICLE = re.compile(r"(?:^|\s)an? $")
_BEFORE_KIND = re.compile(
    r"(?:^|\b(?:do you (?:have|sell|stock|carry)|have you got|got|i (?:need|want)|i'?m looking for|"
    r"looking for|show me|find me|give me))(?: (?:any|an?|some|the|your|cheapest|best|other|§)){0,3} ?$"
)
"""What stands before a noun that is the thing itself, not a part or a place of it."""


def unknown_kind(
    request: Request,
    vocabulary: Vocabulary,
    texts: Mapping[str, object],
    is_aside: Callable[[str], bool] = lambda stem: False,
) -> str:
    """The kind of thing that a request names and the catalogue has none of; empty where there is none.

    A noun is taken for a kind where it stands as one ("do you have headphones under 50"), and no item's text,
    type or attribute uses its word; `is_aside(stem)` says that items mention it only as what they are for.
    """
    compound = "" if request.is_gift else unknown_compound(request.words, vocabulary, texts)
    if compound:
        return compound
    if "type" in request.facets or "genre" in request.facets:
        return ""
    for phrase, stem, is_asked in _nouns(request.words, vocabulary):
        is_mentioned = stem in texts and not (is_asked and is_aside(stem) and not request.is_gift)
        # A gift is described by whom it is for: only what is asked for by name is a kind of thing.
        is_kind = is_asked or (stem.isascii() and not request.is_gift)
        if is_kind and stem not in vocabulary.value_stems and not is_mentioned:
            return phrase
    return ""


def unknown_kinds(
    request: Request,
    vocabulary: Vocabulary,
    texts: Mapping[str, object],
    is_aside: Callable[[str], bool] = lambda stem: False,
) -> tuple[str, ...]:
    """All kinds of a request that the catalogue has none of, where it names nothing else: "a toaster and a
    coffee machine"; for the parameters see `unknown_kind`."""
    first = unknown_kind(request, vocabulary, texts, is_aside)
    if not first or SEVERAL.search(first):
        return (first,) if first else ()
    clauses = [clause.strip(" .!?") for clause in _BETWEEN.split(request.words)]
    listed = [clause for clause in clauses[1:] if _COUNTED.match(clause) or clause.isalpha()]
    kinds = (
        unknown_kind(replace(request, words=clause), vocabulary, texts, is_aside)
        for clause in (clauses[0], *listed)
    )
    return tuple(dict.fromkeys(filter(None, kinds))) or (first,)


def unlisted_kinds(
    text: str,
    vocabulary: Vocabulary,
    texts: Mapping[str, object],
    is_aside: Callable[[str], bool] = lambda stem: False,
) -> tuple[str, ...]:
    """The kinds of a list that the catalogue has none of, beside others that it has: of "two mugs and one
    plate" the plate, where no item's text names one; `is_aside` as for `unknown_kind`.

    Only what stands there as the others do counts: with an article or a number, or bare beside bare kinds.
    """
    clauses = [clause.strip(" .!?") for clause in _BETWEEN.split(text)]
    if len(clauses) < 2:
        return ()
    known = [clause for clause in clauses if _names_type(clause, vocabulary)]
    if not known or len(known) == len(clauses):
        return ()
    are_bare = not any(_COUNTED.match(clause) for clause in known if clause != clauses[0])
    unknown = list[str]()
    for clause in clauses:
        if clause in known or not (_COUNTED.match(clause) or (are_bare and clause.isalpha())):
            continue
        nouns = [(phrase, stem) for phrase, stem, _ in _nouns(clause, vocabulary)]
        unknown += [
            phrase
            for phrase, stem in nouns[:1]
            if stem not in vocabulary.value_stems and (stem not in texts or is_aside(stem))
        ]
    return tuple(unknown)


def _names_type(text: str, vocabulary: Vocabulary) -> bool:
    return "type" in mentions_of(text, vocabulary, {}).facets


def asked_noun(request: Request, vocabulary: Vocabulary) -> str:
    """The noun that a request asks for by name, where it is no word of the catalogue's facets."""
    nouns = (
        phrase
        for phrase, stem, is_asked in _nouns(request.words, vocabulary)
        if is_asked and stem not in vocabulary.value_stems
    )
    words = next(nouns, "").split()
    while len(words) > 1 and _is_quality(words[0], vocabulary):
        words = words[1:]  # "black jeans" are jeans
    return " ".join(words)


def _is_quality(word: str, vocabulary: Vocabulary) -> bool:
    """Whether a word is a colour or the like."""
    return any(meaning.facet in _QUALITIES for meaning in vocabulary.phrases.get(stem_phrase(word), ()))


def _without_qualities(words: list[str], vocabulary: Vocabulary) -> list[str]:
    """The words of a noun without colours and the like after it: of "trousers black" the trousers."""
    while len(words) > 1 and _is_quality(words[-1], vocabulary):
        words = words[:-1]
    return words


def _nouns(words: str, vocabulary: Vocabulary) -> Iterator[tuple[str, str, bool]]:
    """Nouns with the words that belong to them, the stem of each, and whether it is asked for directly."""
    text = words.replace("§", " § ")
    for match in _HEAD.finditer(text):
        parts = _without_qualities(match["noun"].split(), vocabulary)
        head, before = parts[-1], text[: match.start("noun")]
        key = stem_phrase(head)
        # "A toaster" and "a hair dryer", not "a warmer one" or "a bit warmer".
        is_bare = _ARTICLE.search(before) is not None and (
            len(parts) == 1 or (head.endswith("er") and _DEGREES.isdisjoint(parts[:-1]))
        )
        may_describe = head.endswith(_ADJECTIVE_ENDINGS) and not is_bare and head not in _NOUNS
        is_sentence = (match.start("noun") == 0 and parts[0].split("'")[0] in _SENTENCE_STARTS) or any(
            _CONTRACTION.search(word) for word in parts
        )  # "she likes coffee", "actually let's see"
        is_no_noun = (
            not key or "'" in head or (head in _NO_KINDS and head not in _CASES) or head in EMPTY_WORDS
        )
        is_no_noun |= head in AUDIENCE_OF  # "for women"
        is_no_noun |= head in _CASES and len(parts) == 1
        is_no_noun |= _PLACE_BEFORE.search(before) is not None
        is_no_noun |= _PART_BEFORE.search(before) is not None
        is_no_noun |= _PURPOSE_BEFORE.search(before) is not None
        is_negated = not _NEGATORS.isdisjoint((*parts, *before.split()[-2:]))
        is_company = parts[0] in _COUNTS and before.rstrip().endswith("for")  # "for six people"
        is_open = parts[0] in _PLACEHOLDERS  # "a gift … coffee"
        if is_no_noun or may_describe or is_sentence or is_negated or is_company or is_open:
            continue
        extra = [word for word in parts[:-1] if word not in EMPTY_WORDS and word not in _NO_PART]
        leading = " ".join([before.strip(), *(word for word in parts[:-1] if word not in extra)]).strip()
        yield " ".join([*extra, head]), key[0], _BEFORE_KIND.search(f" {leading}") is not None

"""What a message names of the catalogue's vocabulary: wanted, not wanted, or only mentioned.

"A lamp for my blue sofa" wants a lamp; the sofa and its colour describe something else and only count softly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bowerbird.text.audiences import AUDIENCE
from bowerbird.text.meanings import Meaning
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import spans, stem, stem_phrase, tokenize, word_set

_MAX_TOKENS = 800
_NEGATORS = word_set(
    "not no nothing without except non nor never isn't don't aren't avoid excluding minus "
    "hate hates hated dislike dislikes loathes"
)
_THROUGH = word_set("a an the any too in of want like with be made is on so very or and nor have")
_ASIDE = word_set("for with beside near next behind onto above under matching match goes over on against")
_LOOKING = word_set(
    "look looking search searching shop shopping hunting ask asking wish need wishing wanting"
)
_PLACEHOLDERS = word_set("something anything gift present stuff things thing accessories")
MAX_PART = 4
"""Words between "something" and what it is to have: "something with nice flowers"."""
MAX_KINDS = 3
"""Kinds for a use that a reply names."""
_BACK = word_set("in but please that made § . ; : , ! ? instead also")


_REFUSALS = re.compile(
    r"\b(?:(?:please )?(?:leave out|leave off|skip|avoid)|allergic to|sick of|tired of|fed up with|"
    r"(?:can't|cannot|can not|never|won't) (?:stand|wear|use|walk in|work with|eat|drink)(?: any)?|"
    r"(?:don't|do not|doesn't|does not) (?:wear|use|eat|drink)(?: any)?|"
    r"(?:(?:s?he|they) (?:already )?(?:has|have|owns?)|(?:s?he's|they've|we've|i've|we have|i have|i own)"
    r"(?: got)? (?:already )?)(?: got)? ?"
    r"(?:enough|loads|lots|plenty|tons|heaps|so many|too many|a lot|dozens)(?: of)?|"
    r"(?:(?:these|those|they) are |that's |it's )?(?:far |way |just |already )*too many|"
    r"(?:i|we) (?:already |really |do )*(?:have|own|'ve got)(?: already)? "
    r"(?:enough|too many|plenty of|lots of)|"
    r"(?:s?he|they) already (?:has|have|owns?|got)(?: an?| some| one)?|"
    r"not (?:a fan of|into|keen on)|"
    r"(?:forget|never ?mind|scrap|ditch|drop)(?: about)?(?= (?:the|those|these) )|"
    r"(?:any \w+|anything|everything) (?:but|except)|"
    r"(?:don't|do not) (?:like|want|need|fancy|care for)(?: any(?:thing)?)?(?: (?:in|made of|of|with))?)"
    r"\s+(?:(?:the|any|all|those|these) )?"
)
_DISLIKES = re.compile(
    r"(?P<what>\b[a-z-]+(?: [a-z-]+)?) (?:is|are)(?:n't| not) (?:really )?"
    r"(?:for me|my (?:thing|style|taste|colour|color))\b|"
    r"(?P<out>\b[a-z-]+(?: [a-z-]+)?) (?:is|are) (?:out(?= ?[.,!§]|$)|no good|off the table)(?=\W|$)"
)


def with_plain_refusals(text: str) -> str:
    """A cleaned text with its ways to refuse something worded as "no".

    >>> with_plain_refusals("leave out the yellow ones, and pink is not for me")
    'no yellow ones, no and pink'
    """
    return _DISLIKES.sub(lambda match: f"no {match['what'] or match['out']}", _REFUSALS.sub("no ", text))


REJECTED_WORD = re.compile(
    r"\b(?:not|no|without|non)(?: (?:too|so|very|really|that|any|a|an|the|in|of|with|made of))* "
    r"(?!more\b|less\b|idea\b|problem\b|sure\b|only\b|just\b|matter\b|longer\b|need\b|than\b|one\b|"
    r"limit\b|budget\b|for\b|thanks?\b|necessarily\b)(?P<what>[a-z]{3,})"
)


def rejected_words(text: str) -> list[str]:
    """Words of a cleaned text that it rejects, whether the catalogue has them or not.

    >>> rejected_words("not round, and without any wheels")
    ['round', 'wheels']
    """
    return [match["what"] for match in REJECTED_WORD.finditer(text)]


@dataclass
class Mentions:
    """Values by facet; `wording` keeps the words that were said."""

    facets: dict[str, set[str]] = field(default_factory=dict)
    exact: dict[str, set[str]] = field(default_factory=dict)
    excluded: dict[str, set[str]] = field(default_factory=dict)
    preferred: dict[str, set[str]] = field(default_factory=dict)
    wording: dict[str, list[str]] = field(default_factory=dict)
    kinds: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    """Types in the order of the text, each with its words."""
    rejected: dict[str, set[str]] = field(default_factory=dict)
    """By facet, the words of what is not wanted."""
    rejected_groups: dict[str, set[str]] = field(default_factory=dict)
    """By the words that name several values at once, those that are not wanted: "clothes"."""
    refusals: list[tuple[int, int]] = field(default_factory=list)
    """Start and end of what is not wanted in the text, from the "no" on."""

    def words_for(self, facets: Iterable[str]) -> dict[str, str]:
        """By facet, the words that were said, each once: "red or blue"."""
        return {facet: " or ".join(dict.fromkeys(self.wording[facet])) for facet in facets}


_OWNED = word_set("have own bought got ordered purchased")


def mentions_of(text: str, vocabulary: Vocabulary, real: Mapping[str, object]) -> Mentions:
    """Walk over the words, longest phrase first; note what is asked for, what is not, what is aside."""
    words = tokenize(text)[:_MAX_TOKENS]
    word_spans = spans(text)
    stems = vocabulary.stems(words, real)
    mentions = Mentions()
    uses: list[tuple[str, frozenset[str]]] = []
    at, negated, negated_from, aside, last_type_end = 0, False, 0, False, -1
    while at < len(words):
        meaning, size = _match_phrase(stems, at, vocabulary)
        if meaning is None or _is_too(words, at, meaning):
            still_negated = _still_negated(words, at, negated)
            negated_from = at if still_negated and not negated else negated_from
            negated = still_negated
            aside = _still_aside(words, at, aside, bool(mentions.facets.get("type")))
            at += 1
            continue
        is_hint = tuple(stems[at : at + size]) in vocabulary.hints
        if meaning.facet == "type" and last_type_end == at and not (negated or aside or is_hint):
            _take_back(mentions, "type")  # "glass vase": the last of two types in a row is the thing
            mentions.kinds.clear()
        if negated:
            _add(mentions.excluded, meaning.facet, meaning.values)
            if len(meaning.values) > 1:
                _add(mentions.rejected_groups, _written(text, word_spans, at, size), meaning.values)
            mentions.rejected.setdefault(meaning.facet, set()).add(" ".join(stems[at : at + size]))
            mentions.refusals.append((word_spans[negated_from][0], word_spans[at + size - 1][1]))
        elif meaning.is_use:
            uses.append((_written(text, word_spans, at, size), meaning.values))
        elif " ".join(stems[at : at + size]) in mentions.rejected.get(meaning.facet, ()):
            pass  # "not pink please, everyone buys pink"
        elif _is_soft(words, at, meaning, aside) or is_hint:
            _add(mentions.preferred, meaning.facet, meaning.values)
        else:
            _add(mentions.facets, meaning.facet, meaning.values)
            _add(mentions.exact, meaning.facet, meaning.exact)
            as_written = _written(text, word_spans, at, size)
            is_corrected = any(
                stem(word) != key for word, key in zip(words[at:], stems[at : at + size], strict=False)
            )
            spelled = min(meaning.values, key=lambda value: (len(value), value))
            spelled = spelled if meaning.facet == "brand" else spelled.lower()
            is_respelled = is_corrected or meaning.facet == "brand" or _is_synonym(as_written, meaning)
            mentions.wording.setdefault(meaning.facet, []).append(spelled if is_respelled else as_written)
            if meaning.facet == "type":
                last_type_end = at + size
                mentions.kinds.append((mentions.wording["type"][-1], meaning.values))
        at += size
        # "no red or blue": the negation goes on over a list, and ends with it.
        negated = negated and at < len(words) and words[at] in ("or", "and", "nor")
    for facet, values in mentions.excluded.items():
        wanted = mentions.facets.get(facet, set())
        if wanted and wanted <= values:
            mentions.excluded[facet] = values - wanted  # "a hat, but not a cap": both are hats here
        elif wanted:
            mentions.facets[facet] -= values  # "blue but not dark blue"
    mentions.facets = {facet: values for facet, values in mentions.facets.items() if values}
    if uses and "type" not in mentions.facets:
        mentions.facets["type"] = set().union(*(types for _, types in uses))
        mentions.wording["type"] = [
            " or ".join(value.lower() for value in sorted(mentions.facets["type"])[:MAX_KINDS])
        ]
    return mentions


def _written(text: str, word_spans: Sequence[tuple[int, int]], at: int, size: int) -> str:
    """Words of a text as they stand there."""
    return text[word_spans[at][0] : word_spans[at + size - 1][1]]


def _is_synonym(words: str, meaning: Meaning) -> bool:
    """Whether words name a value, but no type, by another name: "flowers" for floral."""
    key = stem_phrase(words)
    return (
        meaning.facet != "type"
        and len(meaning.values) == 1
        and not any(stem_phrase(value)[-len(key) :] == key for value in meaning.values)
    )


def _is_soft(words: Sequence[str], at: int, meaning: Meaning, aside: bool) -> bool:
    """Whether a value describes something else ("for my blue sofa"), not what something wanted is to have
    ("something with flowers")."""
    if not aside or meaning.facet == AUDIENCE:
        return False
    before = words[max(0, at - MAX_PART) : at]
    has_it = any(first in _PLACEHOLDERS and second == "with" for first, second in pairwise(before))
    return meaning.facet == "type" or not has_it


def named_facets(text: str, vocabulary: Vocabulary, real: Mapping[str, object]) -> frozenset[str]:
    """Facets of which a text names a value, asked for or not."""
    mentions = mentions_of(text, vocabulary, real)
    return frozenset((*mentions.facets, *mentions.excluded, *mentions.preferred))


def _match_phrase(stems: Sequence[str], at: int, vocabulary: Vocabulary) -> tuple[Meaning | None, int]:
    """The longest hard phrase that begins here; else the longest soft one that runs into no hard one."""
    hard = _hard_size(stems, at, vocabulary)
    if hard:
        return vocabulary.phrases[tuple(stems[at : at + hard])][0], hard
    for size in range(min(vocabulary.max_phrase_words, len(stems) - at), 0, -1):
        hint = vocabulary.hints.get(tuple(stems[at : at + size]))
        if hint and not any(_hard_size(stems, later, vocabulary) for later in range(at + 1, at + size)):
            return hint, size
    return None, 1


def _is_too(words: Sequence[str], at: int, meaning: Meaning | None) -> bool:
    """Whether what looks like a kind says how something is: "too tight" asks for no tights."""
    return meaning is not None and meaning.facet == "type" and at > 0 and words[at - 1] == "too"


def _hard_size(stems: Sequence[str], at: int, vocabulary: Vocabulary) -> int:
    for size in range(min(vocabulary.max_phrase_words, len(stems) - at), 0, -1):
        if tuple(stems[at : at + size]) in vocabulary.phrases:
            return size
    return 0


def _still_negated(words: Sequence[str], at: int, negated: bool) -> bool:
    word = words[at]
    if word in _NEGATORS or word.endswith("n't"):
        return True
    if word == "than" and at > 0 and words[at - 1] in ("other", "rather"):
        return True
    if word == "but" and at > 0 and words[at - 1] in ("anything", "everything"):
        return True
    return negated and word in _THROUGH


def _still_aside(words: Sequence[str], at: int, aside: bool, has_type: bool) -> bool:
    """Whether what follows describes something else than the wanted thing ("for my blue sofa")."""
    word = words[at]
    if word in _BACK:
        return False
    if word in _OWNED and at > 0 and words[at - 1] in ("i", "we", "already", "just", "recently"):
        return True  # "we already have a grey sofa"
    if word in _ASIDE:
        before = words[at - 1] if at else ""
        if not has_type and not _PLACEHOLDERS.isdisjoint(words[max(0, at - MAX_PART) : at]):
            return True  # "something cosy for the sofa"
        if word == "for" and (before in _LOOKING or (not has_type and before not in _PLACEHOLDERS)):
            return aside
        # "with" and "on" join a part of the thing itself: only a second type is then something else.
        return has_type or before in _PLACEHOLDERS
    return aside


def _add(table: dict[str, set[str]], facet: str, values: frozenset[str]) -> None:
    if values:
        table.setdefault(facet, set()).update(values)


def _take_back(mentions: Mentions, facet: str) -> None:
    mentions.preferred.setdefault(facet, set()).update(mentions.facets.pop(facet, set()))
    mentions.exact.pop(facet, None)
    mentions.wording.pop(facet, None)

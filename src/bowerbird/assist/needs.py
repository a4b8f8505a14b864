"""A need in words: every word of the request that was understood comes back in the reply."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from bowerbird.assist.languages import CODES, ENGLISH, Language, load_language
from bowerbird.assist.languages.plurals import plural, several, singular
from bowerbird.assist.price_range import PriceRange, money
from bowerbird.assist.request import Request
from bowerbird.assist.state import DialogueState
from bowerbird.text.audiences import AUDIENCE

_ADJECTIVES = (AUDIENCE, "size", "colour", "pattern", "style", "material", "genre", "brand")

_TONES = tuple(f"{noun}{ending}" for noun in ("colour", "color", "tone", "shade") for ending in ("", "s"))
_PATTERN_NOUNS = ("stripes", "dots", "flowers", "checks", "spots", "patterns")
MAX_EXCLUDED = 3
_MEASURES = ("pair of ", "piece of ", "pieces of ")


def describe_price(price: PriceRange, language: Language) -> str:
    """A price range in words; empty where there is none."""
    code = language.code if language.has_file else ENGLISH
    low, high = money(price.low, code), money(price.high, code)
    if price.low > 0 and price.bounded and high != "any amount":
        return language.say("between", low=low, high=high)
    if high != "any amount":
        return language.say("under" if price.high_open else "up_to", amount=high)
    if price.low > 0:
        return language.say("over" if price.low_open else "from", amount=low)
    return ""


def label_values(state: DialogueState, languages_folder: Path | None) -> dict[str, str]:
    """Words of the conversation's language for the values of its need, where they are others than the
    values.

    `languages_folder` has the shop's own words.
    """
    request = state.request
    if request is None or state.language == ENGLISH or state.language not in CODES:
        return {}
    language = load_language(state.language, languages_folder)
    facets = (*request.facets.items(), *request.excluded.items(), *state.excluded.items())
    values = [(facet, value) for facet, all_values in facets for value in all_values]
    labels = {value: language.value_for(facet, value) for facet, value in [*values, *request.wording.items()]}
    return {value: label for value, label in labels.items() if label != value}


def describe_need(request: Request, language: Language, count: int = 2) -> str:
    """What is looked for, as a noun phrase: "green table lamps for my sister under 60, not brass"."""
    wording = {**request.wording}
    if AUDIENCE in request.facets:
        audiences = [language.say(f"audience_{name}") for name in sorted(request.facets[AUDIENCE])]
        wording[AUDIENCE] = f" {language.say('or')} ".join(audiences)
    adjectives = [wording[facet] for facet in _ADJECTIVES if facet in wording]
    nouns_after = {words: _noun_after(words) for words in adjectives if language.code == ENGLISH}
    adjectives = [words for words in adjectives if not nouns_after.get(words)]
    nouns = [words for facet, words in request.wording.items() if facet not in _ADJECTIVES]
    if not nouns:
        own = request.noun if language.code == ENGLISH else ""
        nouns = [own or language.say("gift" if request.is_gift else "items")]
        if language.code == ENGLISH:
            nouns = [singular(nouns[0]) if count == 1 else plural(nouns[0])]
    elif language.code == ENGLISH:
        nouns[-1] = singular(nouns[-1]) if count == 1 else several(nouns[-1])
    # "one pair of black jeans", "four pieces of men's swimwear"
    measure = next((words for words in _MEASURES if nouns[0].startswith(words)), "")
    nouns[0] = nouns[0].removeprefix(measure)
    phrase = measure + " ".join([*adjectives, *nouns, *filter(None, nouns_after.values())])
    if request.recipient:
        phrase += " " + language.say("for_recipient", recipient=as_addressed(request.recipient))
    if request.price.bounded:
        phrase += " " + describe_price(request.price, language)
    excluded = [
        _without(facet, _few(_names_of(values, request.rejected, facet, language)), language)
        for facet, values in request.excluded.items()
        if values and not (facet == "type" and "type" in request.facets)  # chairs are no lamps
    ]
    return f"{phrase} ({', '.join(excluded)})" if excluded else phrase


def in_brackets(need: str) -> str:
    """A need as it stands in brackets.

    >>> in_brackets("gift for your sister (no vases)")
    'gift for your sister, no vases'
    """
    return re.sub(r" \(([^()]*)\)$", r", \1", need)


def _without(facet: str, values: list[str], language: Language) -> str:
    """What an item is not: "not red or pink"; of kinds in English "no hats"."""
    if facet == "type" and language.code == ENGLISH:
        return f"no {' or '.join(several(value) if value != '…' else value for value in values)}"
    return language.say("not", values=f" {language.say('or')} ".join(values))


def _names_of(
    values: frozenset[str], rejected: Mapping[str, frozenset[str]], facet: str, language: Language
) -> list[str]:
    """Values that are not wanted, by the common names that refused them where all of them still are."""
    names = list[str]()
    for words, group in rejected.items() if language.code == ENGLISH else ():
        if group <= values:
            names, values = [*names, words], values - group
    return [*names, *(sorted(values) if facet == "brand" else without_shades(values))]


def _noun_after(words: str) -> str:
    """Words that stand after the noun, "in warm colours", "with stripes"; empty for the others."""
    if words.endswith(_TONES):
        return f"in {words}"
    return f"with {words}" if words.endswith(_PATTERN_NOUNS) else ""


def as_addressed(recipient: str) -> str:
    """Somebody as the assistant speaks of them to the user.

    >>> as_addressed("my sister"), as_addressed("a friend"), as_addressed("our son")
    ('your sister', 'a friend', 'your son')
    """
    return re.sub(r"^(?:my|our)\b", "your", recipient)


def without_shades(values: Collection[str]) -> list[str]:
    """Values in lower case; of a value and its shades only the value itself.

    >>> without_shades(["Dark Red", "Red", "Other Red", "Navy"])
    ['navy', 'red']
    """
    names = sorted({value.lower() for value in values})
    return [name for name in names if not any(name.endswith(f" {other}") for other in names)]


def _few(values: list[str]) -> list[str]:
    """At most `MAX_EXCLUDED` values: the clothes of a catalogue are many kinds."""
    return values if len(values) <= MAX_EXCLUDED else [*values[:MAX_EXCLUDED], "…"]


def join_words(words: list[str], last: str) -> str:
    """Words as a list: "a, b and c".

    >>> join_words(["a", "b", "c"], "and")
    'a, b and c'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""

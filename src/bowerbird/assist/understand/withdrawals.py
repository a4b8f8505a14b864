"""What a message takes back of earlier ones: "actually red is fine", "it doesn't have to be oak"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bowerbird.assist.facet_needs import without_values, wording_of_rest
from bowerbird.assist.request import Request
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.assist.understand.prices import GAP
from bowerbird.text.vocabulary import Vocabulary

Values = Mapping[str, frozenset[str]]
"""Values by facet."""

VALUES = r"[a-z][a-z'-]*(?: (?:or |and )?[a-z][a-z'-]*){0,2}?"
"""A pattern of words that may name values."""
_END = (
    r"(?: (?:now|again|after all|any ?more|too|as well|also|either|then|please|though|for me|"
    r"with me))*\W*$"
)
_ACCEPTS = re.compile(
    rf"(?<![a-z'-])(?P<what>{VALUES}) "
    rf"(?:is|are|would be|will be|'s) (?:actually |also |perfectly |totally )*"
    rf"(?:fine|ok|okay|alright|all right|good|allowed|welcome|no problem){_END}"
)
"""What is allowed, and was not: "red is fine after all"."""
_WHY_NOT = re.compile(rf"^(?:and |well |but )*why not (?P<what>{VALUES})\W*$")
_FORGETS = re.compile(
    rf"\b(?:forget|ignore|disregard|never ?mind|take back|drop) (?:what i (?:said|told you|wrote|wanted) )?"
    rf"(?:about )?(?:the |my |wanting |it being |being )*(?P<what>{VALUES})"
    rf"(?: (?:part|bit|thing|requirement|one|ones|stuff))?{_END}"
)
"""What holds no more."""
_REMOVES = re.compile(
    rf"\b(?:remove|hide|skip|scrap|leave out|take out|take away|(?:don'?t|do not) need) "
    rf"(?:the |my |an? |any )*(?P<what>{VALUES}){_END}"
)
"""One of several kinds that is not wanted any more: "leave out the lamp"."""
_NEED_NOT_BE = re.compile(
    rf"\b(?:(?:does(?:n'?t| not)|do(?:n'?t| not)) (?:necessarily )?(?:have|need) to be|"
    rf"(?:needn'?t|need not) be|not necessarily|no need for) (?:in |made of )?(?P<what>{VALUES}){_END}"
)
"""What need not be, now or any more: it is no wish, and no refusal."""


def take_withdrawal(
    text: str, vocabulary: Vocabulary, wanted: Values, rejected: Values, real_words: Mapping[str, object]
) -> tuple[dict[str, frozenset[str]], str]:
    """What a cleaned text takes back, values by facet that were `wanted` or `rejected`; and its rest.

    A value that is accepted and was not rejected is a wish like any other: it stays in the text.
    """
    earlier_of: dict[re.Pattern[str], tuple[Values, ...]] = {
        _FORGETS: (wanted, rejected),
        _REMOVES: (_several_of(wanted),),
        _NEED_NOT_BE: (wanted, rejected),
        _ACCEPTS: (rejected,),
        _WHY_NOT: (rejected,),
    }
    for pattern, earlier in earlier_of.items():
        match = pattern.search(text)
        if match is None:
            continue
        mentioned = mentions_of(match["what"], vocabulary, real_words).facets
        values = {
            facet: frozenset(group) & frozenset().union(*(table.get(facet, ()) for table in earlier))
            for facet, group in mentioned.items()
        }
        values = {facet: group for facet, group in values.items() if group}
        if values or (mentioned and pattern is _NEED_NOT_BE):
            return values, text[: match.start()] + GAP + text[match.end() :]
    return {}, text


def _several_of(wanted: Values) -> Values:
    """Kinds of which one can be left out, where several are wanted."""
    kinds = wanted.get("type", frozenset())
    return {"type": kinds} if len(kinds) > 1 else {}


def withdraw(request: Request, values: Values) -> Request:
    """The request without values that hold no more, wanted or rejected."""
    facets = without_values(request.facets, values)
    kinds = tuple(kind for kind in request.kinds if not kind.types <= values.get("type", frozenset()))
    if len(kinds) == 1 < len(request.kinds):
        request, kinds = request.of_kind(kinds[0]), ()
        facets = {**facets, **request.facets}
    before = request.facets
    return replace(
        request,
        kinds=kinds,
        facets=facets,
        exact=without_values(request.exact, values),
        preferred=without_values(request.preferred, values),
        excluded=without_values(request.excluded, values),
        wording={
            facet: wording_of_rest(words, before[facet], facets[facet])
            for facet, words in request.wording.items()
            if facet in facets
        },
        follow_up=True,
    )

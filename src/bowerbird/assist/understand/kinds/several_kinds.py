"""Several kinds in one message, each with its own needs: "an oak table under 100 and chairs under 40".

What is said in one clause alone is its kind's. What is said in the last clause after its noun is everyone's
("a table and chairs in oak"), and so is a first word that no article or other words take up ("black tables
and chairs").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bowerbird.assist.facet_needs import KindNeed
from bowerbird.assist.price_range import ANY_PRICE, PriceRange
from bowerbird.assist.request import Request
from bowerbird.assist.understand.mentions import Mentions, mentions_of
from bowerbird.assist.understand.prices import GAP, take_prices
from bowerbird.text.vocabulary import Vocabulary

TOTAL = re.compile(
    r"\b(?:in total|total budget|altogether|all together|in all|overall|for everything|in sum|"
    r"total(?: of)?\b|\d[^a-z]{0,3}(?:euros? |dollars? |pounds? |usd |eur )?(?:together|total|all in))\b"
)
"""What makes a budget one for everything together."""
SEVERAL = re.compile(r"\b(?:and|plus|as well as)\b|,|&")
"""What stands between several kinds."""
_ARTICLE = re.compile(r"^\W*(?:(?:and|plus|also) )*(?:an?|some|the|two|three|four|\d+)\b")
_EITHER = re.compile(r"\bor\b")
_THE = re.compile(r"\b(?:the|those|these|that)\b")


@dataclass(frozen=True)
class _Clause:
    """What is said of one kind."""

    text: str
    mentions: Mentions
    price: PriceRange

    @property
    def words(self) -> str:
        """How its kind was said."""
        return self.mentions.kinds[-1][0]

    def has_before_noun(self, facet: str) -> bool:
        """Whether the words of a facet stand before the noun."""
        place, noun = self.text.find(self.mentions.wording[facet][0]), self.text.find(self.words)
        return 0 <= place < noun


def kinds_asked_for(
    text: str,
    kinds: Sequence[tuple[str, frozenset[str]]],
    vocabulary: Vocabulary,
    real_words: Mapping[str, object],
) -> tuple[KindNeed, ...]:
    """The kinds of a message that asks for several; none where it asks for one, or for either of them.

    `kinds` are all types that it names, each with its words.
    """
    distinct = list(dict.fromkeys(values for _, values in kinds))
    # "Furniture: a sofa and a table" asks for two kinds.
    distinct = [values for values in distinct if not any(narrower < values for narrower in distinct)]
    if len(distinct) < 2 or not SEVERAL.search(text) or _EITHER.search(text):
        return ()
    words_of = {values: words for words, values in kinds}
    clauses = _clauses(text, vocabulary, real_words)
    if [clause.mentions.kinds[-1][1] for clause in clauses] != distinct:
        return tuple(KindNeed(values, wording={"type": words_of[values]}) for values in distinct)
    return _with_own_needs(clauses)


def _clauses(
    text: str,
    vocabulary: Vocabulary,
    real_words: Mapping[str, object],
) -> list[_Clause]:
    """The parts of a text that name a kind each; a part without one belongs to the one before."""
    clauses, pending = list[_Clause](), ""
    for segment in SEVERAL.split(text):
        clause_text = f"{pending} {segment}".strip()
        price, rest = take_prices(clause_text, a_type_follows=vocabulary.starts_with_type)
        mentions = mentions_of(rest, vocabulary, real_words)
        if mentions.kinds:
            clauses.append(_Clause(rest, mentions, price))
            pending = ""
        elif clauses:
            joined = f"{clauses[-1].text} {GAP.strip()} {rest}"
            price = clauses[-1].price.narrowed(price)
            clauses[-1] = _Clause(joined, mentions_of(joined, vocabulary, real_words), price)
        else:
            pending = clause_text
    return clauses


def _with_own_needs(clauses: Sequence[_Clause]) -> tuple[KindNeed, ...]:
    priced = [number for number, clause in enumerate(clauses) if clause.price.bounded]
    is_for_all = any(TOTAL.search(clause.text) for clause in clauses)
    has_own_prices = bool(priced) and priced != [len(clauses) - 1] and not is_for_all
    facets = {facet for clause in clauses for facet in clause.mentions.facets if facet != "type"}
    own = {facet for facet in facets if _is_own(facet, clauses)}
    return tuple(
        KindNeed(
            clause.mentions.kinds[-1][1],
            {f: frozenset(values) for f, values in clause.mentions.facets.items() if f in own},
            {"type": clause.words} | clause.mentions.words_for(own & clause.mentions.wording.keys()),
            clause.price if has_own_prices else ANY_PRICE,
        )
        for clause in clauses
    )


def _is_own(facet: str, clauses: Sequence[_Clause]) -> bool:
    """Whether what is said of a facet is said of single kinds, not of all."""
    stating = [number for number, clause in enumerate(clauses) if facet in clause.mentions.facets]
    number, clause = stating[0], clauses[stating[0]]
    if len(stating) > 1 or 0 < number < len(clauses) - 1:
        return True
    if number == 0 and clause.has_before_noun(facet):
        return _ARTICLE.search(clauses[1].text) is not None or len(clauses[1].mentions.facets) > 1
    return number == 0 or clause.has_before_noun(facet)


def without_own_needs(request: Request) -> Request:
    """The request without what is asked of single kinds: that stands with them."""
    own = {facet for kind in request.kinds for facet in kind.facets}
    facets = {facet: values for facet, values in request.facets.items() if facet not in own}
    request = replace(
        request,
        facets=facets,
        exact={facet: values for facet, values in request.exact.items() if facet not in own},
        wording={facet: words for facet, words in request.wording.items() if facet not in own},
    )
    has_own_prices = any(kind.price.bounded for kind in request.kinds)
    return replace(request, price=ANY_PRICE, budget=ANY_PRICE) if has_own_prices else request


def refines_kind(text: str, own: Request, previous: Request) -> bool:
    """Whether a message changes one of several kinds: "the table in oak" after "a table and chairs"."""
    is_about = len(own.kinds) == 0 and (_THE.search(text) is not None or _is_alone(text, own))
    return is_about and any(own.facets.get("type", frozenset("-")) == kind.types for kind in previous.kinds)


def _is_alone(text: str, own: Request) -> bool:
    """Whether one of several kinds is all that is wanted now: "only the mug"."""
    kind = re.escape(own.wording.get("type", "-"))
    return re.search(rf"\b(?:only|just|nothing but) (?:[a-z]+ ){{0,3}}{kind}\b", text) is not None


def with_refined_kind(text: str, own: Request, previous: Request) -> Request:
    """The need before, with what a message says of one of its kinds; that kind alone for "only the mug"."""
    facets = {facet: values for facet, values in own.facets.items() if facet != "type"}
    wording = {facet: own.wording[facet] for facet in own.facets if facet in own.wording}
    kinds = tuple(
        replace(
            kind,
            facets={**kind.facets, **facets},
            wording={**kind.wording, **wording},
            price=_price_of_kind(own, kind),
        )
        if kind.types == own.facets["type"]
        else kind
        for kind in previous.kinds
    )
    request = replace(previous, text=own.text, kinds=kinds, follow_up=True, is_relative=False)
    if _is_alone(text, own):
        return request.of_kind(next(kind for kind in kinds if kind.types == own.facets["type"]))
    return request


def _price_of_kind(own: Request, kind: KindNeed) -> PriceRange:
    """ "The table cheaper", "the table under 100": what that makes of its price."""
    if own.is_relative:
        narrowed = own.price.narrowed(kind.price)
        return narrowed if narrowed.low <= narrowed.high else own.price
    return own.budget if own.budget.bounded else kind.price

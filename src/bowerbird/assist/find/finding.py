"""Items for a need: hard constraints as masks, then meaning, words and taste; or else near misses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from bowerbird.assist.find.constraints import Constraint, constraints_of, near_misses
from bowerbird.assist.find.conversation import conversation_scores
from bowerbird.assist.find.item_matches import ItemMatches, name_item
from bowerbird.assist.find.meaning import meaning_of
from bowerbird.assist.find.retrieval import SourceScores, ranked
from bowerbird.assist.find.variety import of_different_types, one_of_each, suiting_recipient, within_total
from bowerbird.assist.needs import describe_need
from bowerbird.assist.parts import Parts
from bowerbird.assist.request import Request, asked_for_again
from bowerbird.assist.turn import Turn
from bowerbird.data.arrays import BoolArray, FloatArray
from bowerbird.errors import NotFoundError
from bowerbird.recommend.reasons import UNKNOWN, as_reason_language
from bowerbird.taste.profile.dislikes import hidden_items

_TASTE_DEPTH = 200
"""How many of a user's recommendations count as signs of taste for one request."""
Rank = Callable[[BoolArray, int], list[int]]
"""Mask of items (items,) bool and a number -> the positions of so many, the best first."""
OPEN_DEPTH = 100
"""Candidates ranked for a gift of no kind, of which each type gets its best."""
_OVERFETCH = 4
"""Candidates ranked for each place, at least, so that one of items with the same title stands for them."""


def check_items(parts: Parts, item_ids: Sequence[str]) -> None:
    """Raise `InputError` for an id that the catalogue does not hold."""
    for item_id in item_ids:
        if item_id not in parts.catalogue:
            raise NotFoundError(f"no item {item_id!r} in the catalogue: name items by their id")


def find_items(turn: Turn, request: Request, meaning: FloatArray | None = None) -> ItemMatches:
    """The best items for a request, what the conversation excludes left out.

    `meaning` (items,) float32 replaces the similarity to the request's own words and pictures.
    """
    parts = turn.parts
    request = _without_excluded(request, turn.state.excluded)
    constraints = constraints_of(request, parts.catalogue, parts.vocabulary, turn.language)
    base = _offerable(turn, request)
    allowed = suiting_recipient(parts, request, _satisfying(base, constraints))
    offered = allowed if allowed.any() else base
    reasons, taste = ({}, None) if request.is_gift else _tasted(turn, offered)
    is_personal = taste is not None
    if meaning is None:
        meaning = meaning_of(parts, request, turn.image)
    if meaning is None and taste is None and not parts.lexicon.content_stems(request.words):
        taste = parts.popularity  # nothing else tells one from another
    words, conversation = parts.lexicon.scores(request.words), conversation_scores(turn, request)
    source_scores = SourceScores(meaning, words, taste, conversation, parts.weights)

    # "The second one in green" may be another variant of it; "warmer" and "more" are other articles.
    is_variant_wanted = bool(request.like and len(request.facets) > 1)
    without = () if is_variant_wanted else request.without
    positions_seen = np.array(
        [parts.catalogue.position[i] for i in without if i in parts.catalogue], np.int64
    )
    articles = parts.catalogue.articles
    seen = set(articles.numbers[positions_seen].tolist())
    overfetch = max(_OVERFETCH, articles.max_variants)

    is_open = request.is_gift and "type" not in request.facets and not request.like

    def rank(mask: BoolArray, count: int) -> list[int]:
        depth = OPEN_DEPTH if is_open else count * overfetch
        order = ranked(request, mask, source_scores, parts.catalogue, parts.vocabulary, depth)
        order = [p for p in one_of_each(parts, order) if int(articles.numbers[p]) not in seen]
        return (of_different_types(parts, order) if is_open else order)[:count]

    positions = _of_each_kind(turn, request, base, rank) if request.kinds else rank(allowed, turn.n)
    if positions:
        items = tuple(
            name_item(parts, p, request, reasons.get(p, ""), language=turn.language) for p in positions
        )
        return ItemMatches(request, items, (), (), is_personal, int(allowed.sum()), allowed)
    if request.kinds:  # what comes near is measured by the first of them
        request = request.of_kind(request.kinds[0])
        constraints = constraints_of(request, parts.catalogue, parts.vocabulary, turn.language)
    near = near_misses(constraints, base, rank, parts.catalogue.prices, request.price, turn.n)
    nearest = tuple(
        replace(
            name_item(parts, p, request, reasons.get(p, ""), near=True, language=turn.language),
            differences=tuple(constraint.difference(p) for constraint in missed),
        )
        for p, missed in near
    )
    return ItemMatches(request, (), nearest, (describe_need(request, turn.language),), is_personal)


def allowed_items(turn: Turn, request: Request) -> BoolArray:
    """Which items satisfy the hard constraints of a request, (items,) bool."""
    constraints = constraints_of(request, turn.parts.catalogue, turn.parts.vocabulary, turn.language)
    return _satisfying(_offerable(turn, request), constraints)


def _offerable(turn: Turn, request: Request) -> BoolArray:
    """Items that may be shown at all, (items,) bool: sold, hidden by neither the shop nor the user, not left
    out or excluded."""
    parts = turn.parts
    base = parts.catalogue.available & parts.rules.read().eligible(parts.catalogue)
    base[[parts.catalogue.position[i] for i in request.without if i in parts.catalogue]] = False
    base[_hidden(parts, turn.user)] = False
    if "type" not in request.facets and not request.is_gift:  # "something for the sofa" is no sofa
        base &= ~parts.vocabulary.mask("type", request.preferred.get("type", ()))
    for facet, values in turn.state.excluded.items():
        wanted_again = asked_for_again(request, facet, turn.state.excluded)
        base &= ~parts.vocabulary.mask(facet, values - wanted_again)
    return base


def _satisfying(base: BoolArray, constraints: Sequence[Constraint]) -> BoolArray:
    allowed = base.copy()
    for constraint in constraints:
        allowed &= constraint.mask
    return allowed


def _without_excluded(request: Request, excluded: Mapping[str, frozenset[str]]) -> Request:
    """A request without values that the conversation excludes, unless it names them itself."""
    hidden = {facet: values - request.exact.get(facet, frozenset()) for facet, values in excluded.items()}
    facets = {facet: values - hidden.get(facet, frozenset()) for facet, values in request.facets.items()}
    return replace(
        request, facets={facet: values or request.facets[facet] for facet, values in facets.items()}
    )


def _hidden(parts: Parts, user: str | None) -> list[int]:
    """Positions of the items that a user hid, those left out again by an undo."""
    if user is None or parts.taste is None or user not in parts.taste:
        return []
    return hidden_items(parts.taste.state(user))


def _of_each_kind(turn: Turn, request: Request, base: BoolArray, rank: Rank) -> list[int]:
    """The best of each kind that was asked for, in turn."""
    parts, share = turn.parts, -(-turn.n // len(request.kinds))
    lists = []
    for own in within_total(parts, request, base):
        constraints = constraints_of(own, parts.catalogue, parts.vocabulary, turn.language)
        lists.append(rank(suiting_recipient(parts, own, _satisfying(base, constraints)), share))
    by_rank = [position for rank in zip_longest(*lists) for position in rank if position is not None]
    best = set(by_rank[: max(turn.n, len(lists))])
    return [position for positions in lists for position in positions if position in best]


def _tasted(turn: Turn, allowed: BoolArray) -> tuple[dict[int, str], FloatArray | None]:
    """Reasons by position, and how well each item suits the user, (items,) float32 from 0 to 1."""
    parts, user = turn.parts, turn.user
    if user is None or parts.taste is None or parts.recommender is None:
        return {}, None
    recommended = parts.recommender.recommend(parts.taste.state(user), n=_TASTE_DEPTH, eligible=allowed)
    if not recommended:
        return {}, None
    taste = np.zeros(len(parts.catalogue), dtype=np.float32)
    for rank, recommendation in enumerate(recommended):
        taste[recommendation.position] = 1.0 - rank / len(recommended)
    language = as_reason_language(turn.language.code)
    reasons = {
        recommendation.position: recommendation.explanation.phrase(language)
        for recommendation in recommended
        if language and recommendation.explanation.name != UNKNOWN
    }
    return reasons, taste

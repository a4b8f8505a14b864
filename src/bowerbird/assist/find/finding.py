"""Items for a need: hard constraints as masks, then meaning, words and taste; or else near misses."""

from __future__ import annotations

import base64
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from bowerbird.assist.find.conversation import conversation_scores
from bowerbird.assist.find.offers import price_before_sale, say_also_in
from bowerbird.assist.find.retrieval import Constraint, SourceScores, constraints_of, near_misses, ranked
from bowerbird.assist.languages import ENGLISH, Language, load_language
from bowerbird.assist.needs import describe_need
from bowerbird.assist.parts import Parts
from bowerbird.assist.price_range import PriceRange
from bowerbird.assist.reply import ReplyItem
from bowerbird.assist.request import Request, asked_for_again
from bowerbird.assist.turn import Turn
from bowerbird.data.arrays import BoolArray, FloatArray
from bowerbird.errors import NotFoundError, StoreError
from bowerbird.taste.profile.dislikes import hidden_items
from bowerbird.text.audiences import AUDIENCE, audiences_of_recipient

_TASTE_DEPTH = 200
"""How many of a user's recommendations count as signs of taste for one request."""
_NO_REASON = "from the catalogue"
"""What the recommender says where nothing speaks for an item."""
_PLAIN_FACTS = ("solid", "plain")
_FACTS = ("material", "style", "pattern", "colour", "genre", "brand")
RELATIVE = re.compile(
    r"\b(?P<word>(?:more|less) (?!than\b|expensive|pricey|costly|affordable|dear\b|money|luxurious|upmarket|"
    r"please|options|ideas|of|like)[a-z]{4,}|(?:warm|bigg|small|larg|soft|bright|dark|light|long|"
    r"short|wid|narrow|tall|thick|thinn|"
    r"heavi|fanci|simpl|bold|cosi|tight|loos|deep)(?:er|ier)|"
    r"(?<!not )(?<!nothing )too (?!expensive|dear|much|many|few|pricey|costly|cheap)[a-z]{3,}|"
    r"(?:not|isn't) [a-z]{3,} enough|(?:not|nothing) (?:so|that|quite so) "
    r"(?!expensive|dear|much|pricey|cheap|bad)[a-z]{3,})\b"
)
"""Wishes that compare with an item: "warmer", "less shiny", "too bright"."""
Rank = Callable[[BoolArray, int], list[int]]
"""Mask of items (items,) bool and a number -> the positions of so many, the best first."""
OPEN_DEPTH = 100
"""Candidates ranked for a gift of no kind, of which each type gets its best."""
_OVERFETCH = 4
"""Candidates ranked for each place, at least, so that one of items with the same title stands for them."""


@dataclass(frozen=True)
class ItemMatches:
    """Items for a message, not worded yet."""

    request: Request
    items: tuple[ReplyItem, ...]
    nearest: tuple[ReplyItem, ...] = ()
    unmet: tuple[str, ...] = ()
    is_personal: bool = False
    count: int = 0
    """How many items of the catalogue satisfy the constraints."""
    mask: BoolArray | None = None
    """Which, (items,) bool."""


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
    allowed = _suiting_recipient(parts, request, _satisfying(base, constraints))
    offered = allowed if allowed.any() else base
    reasons, taste = ({}, None) if request.is_gift else _tasted(parts, turn.user, offered)
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
        order = [p for p in _one_of_each(parts, order) if int(articles.numbers[p]) not in seen]
        return (_of_different_types(parts, order) if is_open else order)[:count]

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


def name_item(
    parts: Parts,
    position: int,
    request: Request,
    reason: str,
    *,
    near: bool = False,
    language: Language | None = None,
) -> ReplyItem:
    """An item as a reply names it, with the facts that the request did not state already."""
    item = parts.catalogue.item(position)
    price = None if item.price is None or not math.isfinite(item.price) else item.price
    language = language or load_language(ENGLISH)
    reason = reason if language.code == ENGLISH else ""  # the recommender gives its reasons in English
    facts = [
        language.value_for(facet, value)
        for facet in _FACTS
        if not (near and facet in request.facets)  # named as a difference, or as asked
        for value in parts.vocabulary.values_of(position, facet)[:1]
        if len(request.facets.get(facet, ())) != 1
        and value not in request.exact.get(facet, ())
        and value.lower() not in _PLAIN_FACTS
    ]
    why = "; ".join(part for part in (", ".join(list(dict.fromkeys(facts))[:3]), reason) if part)
    title = " ".join(item.title.split()) or f"item {item.item_id}"
    also_in = parts.catalogue.also_in(position)
    return ReplyItem(
        position,
        item.item_id,
        title,
        price,
        item.currency,
        why,
        list_price=item.list_price,
        on_sale=item.on_sale,
        before_sale=price_before_sale(item, language),
        also_in=also_in,
        variants=say_also_in(also_in, language),
    )


def relative_meaning(turn: Turn, anchor: str, change: str) -> FloatArray | None:
    """How well items are like one that is changed by a wish, (items,) float32; None without an encoder."""
    searcher = turn.parts.searcher
    if searcher is None:
        return None
    hits = searcher.search(text=change, item=anchor, n=200)
    scores = np.zeros(len(turn.parts.catalogue), np.float32)
    scores[[hit.position for hit in hits]] = np.linspace(1.0, 0.0, len(hits), endpoint=False)
    return scores


def _without_excluded(request: Request, excluded: Mapping[str, frozenset[str]]) -> Request:
    """A request without values that the conversation excludes, unless it names them itself."""
    hidden = {facet: values - request.exact.get(facet, frozenset()) for facet, values in excluded.items()}
    facets = {facet: values - hidden.get(facet, frozenset()) for facet, values in request.facets.items()}
    return replace(
        request, facets={facet: values or request.facets[facet] for facet, values in facets.items()}
    )


def _one_of_each(parts: Parts, positions: Sequence[int]) -> list[int]:
    """The first of each article: variants share a group, or else their title."""
    first: dict[str, int] = {}
    for position in positions:
        item = parts.catalogue.item(position)
        first.setdefault(item.group_id or item.title or item.item_id, position)
    return list(first.values())


def _of_different_types(parts: Parts, positions: Sequence[int]) -> list[int]:
    """The first item of each type, then the second ones: four scarves are one idea for a gift."""
    n_of_type, rounds = Counter[str](), list[tuple[int, int]]()
    for position in positions:
        kind = next(iter(parts.vocabulary.values_of(position, "type")), "")
        rounds.append((n_of_type[kind], position))
        n_of_type[kind] += 1
    return [position for _, position in sorted(rounds, key=lambda pair: pair[0])]


def _suiting_recipient(parts: Parts, request: Request, allowed: BoolArray) -> BoolArray:
    """Of the allowed items those for the recipient, else those that say nothing of it, else all."""
    audiences = audiences_of_recipient(request.recipient) if request.recipient else frozenset()
    if not audiences or AUDIENCE in request.facets:
        return allowed
    vocabulary = parts.vocabulary
    suiting: BoolArray = allowed & vocabulary.mask(AUDIENCE, audiences)
    silent: BoolArray = allowed & ~vocabulary.mask(AUDIENCE, vocabulary.positions.get(AUDIENCE, {}))
    if 2 * silent.sum() > allowed.sum():  # few listings say: that a skirt does makes it no better gift
        either: BoolArray = suiting | silent
        return either
    # "A dress for my uncle", where all dresses are women's: what was asked for is shown all the same.
    return next((mask for mask in (suiting, silent) if mask.any()), allowed)


def _hidden(parts: Parts, user: str | None) -> list[int]:
    """Positions of the items that a user hid, those left out again by an undo."""
    if user is None or parts.taste is None or user not in parts.taste:
        return []
    return hidden_items(parts.taste.state(user))


def _of_each_kind(turn: Turn, request: Request, base: BoolArray, rank: Rank) -> list[int]:
    """The best of each kind that was asked for, in turn."""
    parts, share = turn.parts, -(-turn.n // len(request.kinds))
    lists = []
    for own in _within_total(parts, request, base):
        constraints = constraints_of(own, parts.catalogue, parts.vocabulary, turn.language)
        lists.append(rank(_suiting_recipient(parts, own, _satisfying(base, constraints)), share))
    by_rank = [position for rank in zip_longest(*lists) for position in rank if position is not None]
    best = set(by_rank[: max(turn.n, len(lists))])
    return [position for positions in lists for position in positions if position in best]


def _within_total(parts: Parts, request: Request, base: BoolArray) -> list[Request]:
    """The needs of its kinds. A budget for all of them is divided, so that any one of each is within it.

    Each kind gets its lowest price, and of the rest a share as its mean price is one of all mean prices.
    """
    needs = [request.of_kind(kind) for kind in request.kinds]
    if not request.has_total_budget:
        return needs
    prices = [
        parts.catalogue.prices[base & parts.vocabulary.mask("type", kind.types)] for kind in request.kinds
    ]
    lowest = np.array([np.nanmin(of_kind, initial=np.inf) for of_kind in prices])
    if not np.isfinite(lowest).all() or lowest.sum() > request.budget.high:
        return needs
    means = np.array([np.nanmean(of_kind) for of_kind in prices])
    shares = lowest + (request.budget.high - lowest.sum()) * means / means.sum()
    return [
        replace(need, price=need.price.narrowed(PriceRange(high=float(share))))
        for need, share in zip(needs, shares, strict=True)
    ]


def meaning_of(parts: Parts, request: Request, image: bytes | None) -> FloatArray | None:
    """Cosine of every item to the request's words, picture and items to resemble, (items,) float32."""
    queries = []
    like = [parts.catalogue.position[i] for i in request.like if i in parts.catalogue]
    if like:
        queries.append(parts.matrix[like].mean(axis=0))
    words = request.words if parts.lexicon.content_stems(request.words) else ""
    if image is None and request.picture:
        image = base64.b64decode(request.picture)
    if image is not None:
        if parts.encoder is None:
            raise StoreError("a picture can't be read without the backbones: run `bowerbird models pull`")
        queries.append(
            parts.encoder.encode_query(words, image) if words else parts.encoder.encode_images([image])[0]
        )
    elif words and parts.encoder is not None:
        queries.append(parts.encoder.encode_texts([words])[0])
    if not queries:
        return None
    similar: FloatArray = parts.matrix @ np.mean(queries, axis=0).astype(np.float32)
    return similar


def _tasted(parts: Parts, user: str | None, allowed: BoolArray) -> tuple[dict[int, str], FloatArray | None]:
    """Reasons by position, and how well each item suits the user, (items,) float32 from 0 to 1."""
    if user is None or parts.taste is None or parts.recommender is None:
        return {}, None
    recommended = parts.recommender.recommend(parts.taste.state(user), n=_TASTE_DEPTH, eligible=allowed)
    if not recommended:
        return {}, None
    taste = np.zeros(len(parts.catalogue), dtype=np.float32)
    for rank, recommendation in enumerate(recommended):
        taste[recommendation.position] = 1.0 - rank / len(recommended)
    return {each.position: each.reason for each in recommended if each.reason != _NO_REASON}, taste

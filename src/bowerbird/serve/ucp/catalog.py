"""Search, lookup and single products over the services that all APIs use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bowerbird.data.arrays import BoolArray
from bowerbird.data.readers.values.currencies import minor_digits
from bowerbird.errors import InputError
from bowerbird.recommend.filtering.filters import parse_filter
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import reject_invalid
from bowerbird.serve.bodies.lists import SearchQuery
from bowerbird.serve.protection.errors import Refusal
from bowerbird.serve.served_snapshot import ServedSnapshot
from bowerbird.serve.services.searches import search
from bowerbird.serve.ucp.answer_bodies import (
    CatalogMessage,
    Envelope,
    LookupResponse,
    PageInfo,
    Reference,
    SearchResponse,
)
from bowerbird.serve.ucp.product_bodies import InputMatch, Product
from bowerbird.serve.ucp.products import PATH_SEPARATOR, Article, ProductWriter
from bowerbird.serve.ucp.request_bodies import CatalogRequest, Filters, LookupRequest, SearchRequest

SEARCH, LOOKUP = "dev.ucp.shopping.catalog.search", "dev.ucp.shopping.catalog.lookup"
DEFAULT_LIMIT, MAX_LIMIT = 10, 50
MAX_IDS = 50
PRICED = {"has": ["price", "currency"]}


class TooManyIds(Refusal):
    """A lookup of more ids than are answered together."""

    code = "request_too_large"


@dataclass(frozen=True)
class Condition:
    """The filter of a request as JSON, and what could not be applied."""

    terms: Mapping[str, Any]
    messages: tuple[CatalogMessage, ...] = ()

    def mask(self, served: ServedSnapshot) -> BoolArray:
        """Which items pass, (items,) bool."""
        return parse_filter(json.dumps(self.terms)).mask(served.catalogue)


def envelope(capability: str, is_error: bool = False) -> Envelope:
    """The protocol's part of an answer."""
    return Envelope(capabilities={capability: [Reference()]}, status="error" if is_error else "success")


def search_catalog(app_state: AppState, request: SearchRequest, address: str) -> SearchResponse:
    """A page of products for a query, or of those that pass the filters, by popularity.

    Raises `InputError` for a request without either.
    """
    query, filters = (request.query or "").strip(), request.filters or Filters()
    if not query and not filters.categories and filters.price is None:
        raise InputError("the request has no input: send a query, filters.categories or filters.price")
    served, page = app_state.served, request.pagination
    condition = condition_of(request, served)
    limit = min(page.limit or DEFAULT_LIMIT, MAX_LIMIT) if page else DEFAULT_LIMIT
    with reject_invalid():
        listed = SearchQuery(
            n=limit, cursor=page.cursor or None if page else None, filter=json.dumps(condition.terms), q=query
        )
    answer = search(app_state, listed)
    served = app_state.served  # of the answer: a search may have followed a new version
    writer = ProductWriter(served.catalogue, address)
    positions = [served.position_of(item.item_id) for item in answer.items]
    articles = [writer.article_at(position) for position in positions if position is not None]
    messages = list(condition.messages)
    if answer.empty_reason:
        messages.append(CatalogMessage(type="info", code="no_results", content=answer.empty_reason))
    return SearchResponse(
        ucp=envelope(SEARCH),
        products=[writer.product(article, article.positions) for article in articles if article],
        pagination=PageInfo(cursor=answer.next_cursor, has_next_page=answer.next_cursor is not None),
        messages=messages or None,
    )


def lookup_catalog(app_state: AppState, request: LookupRequest, address: str) -> LookupResponse:
    """Products by the ids of variants and products, each once, with the variants that the ids name."""
    ids = list(dict.fromkeys(request.ids))
    if len(ids) > MAX_IDS:
        raise TooManyIds(f"{len(ids)} ids: send at most {MAX_IDS} at a time")
    served = app_state.served
    writer, condition = ProductWriter(served.catalogue, address), condition_of(request, served)
    passes = condition.mask(served)
    inputs: dict[int, list[InputMatch]] = {}
    articles: dict[str, Article] = {}
    messages = list(condition.messages)
    for id_ in ids:
        position = position_of(served, id_)
        article = None if position is None else writer.article_at(position)
        if article is None or position is None:
            messages.append(CatalogMessage(type="info", code="not_found", content=id_))
        elif passes[position]:
            is_exact = served.catalogue.ids[position] == id_
            match = InputMatch(id=id_, match="exact" if is_exact else "featured")
            inputs.setdefault(position, []).append(match)
            articles.setdefault(article.id, article)
    products = [_matched_product(writer, article, inputs) for article in articles.values()]
    return LookupResponse(ucp=envelope(LOOKUP), products=products, messages=messages or None)


def _matched_product(
    writer: ProductWriter, article: Article, inputs: Mapping[int, list[InputMatch]]
) -> Product:
    """A product with the variants that were looked up, each with the ids that led to it."""
    shown = [position for position in article.positions if position in inputs]
    product = writer.product(article, shown)
    for variant, position in zip(product.variants, shown, strict=True):
        variant.inputs = inputs[position]
    return product


def position_of(served: ServedSnapshot, id_: str) -> int | None:
    """The position of a variant, or of a product's featured variant: the first that can be bought."""
    position = served.position_of(id_)
    if position is not None:
        return position
    catalogue = served.catalogue
    positions = np.flatnonzero(
        parse_filter(json.dumps({"group_id": [id_]})).mask(catalogue) & ~catalogue.withdrawn
    )
    sold = positions[catalogue.available[positions]]
    return int((sold if len(sold) else positions)[0]) if len(positions) else None


def condition_of(request: CatalogRequest, served: ServedSnapshot) -> Condition:
    """The filter of a request: items with a price, that are of one of the categories, in the price range."""
    filters = request.filters or Filters()
    terms: list[dict[str, Any]] = [PRICED]
    if filters.categories:
        paths = [
            {"all_of": [{"category": [name]} for name in path.split(PATH_SEPARATOR)]}
            for path in filters.categories
        ]
        terms.append({"any_of": paths})
    messages: tuple[CatalogMessage, ...] = ()
    if filters.price is not None:
        currency = (request.context.currency if request.context else None) or _main_currency(served)
        if _is_sold_in(served, currency):
            unit = 10 ** minor_digits(currency.upper())
            terms.append({"currency": [currency]})
            terms += [  # apart: of bounds in the wrong order nothing passes
                {"price": {name: value / unit}}
                for name in ("min", "max")
                if (value := getattr(filters.price, name)) is not None
            ]
        else:
            text = f"nothing has a price in {currency}: the price filter was not applied"
            messages = (CatalogMessage(type="warning", code="price_filter_not_applied", content=text),)
    return Condition({"all_of": terms}, messages)


def _main_currency(served: ServedSnapshot) -> str:
    """The currency of most items."""
    counts = Counter(served.catalogue.table["currency"].to_pylist())
    return next((code for code, _ in counts.most_common() if code), "")


def _is_sold_in(served: ServedSnapshot, currency: str) -> bool:
    return bool(parse_filter(json.dumps({"currency": [currency]})).mask(served.catalogue).any())

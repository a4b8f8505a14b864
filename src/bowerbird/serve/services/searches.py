"""Searches by text, by item and by picture."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bowerbird.assist.languages.queries import query_for_catalogue
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.items import ScoredItems
from bowerbird.serve.bodies.lists import ListQuery, PictureQuery, SearchQuery
from bowerbird.serve.pages import Page
from bowerbird.serve.served_snapshot import ServedSnapshot
from bowerbird.serve.services.charts import browse
from bowerbird.serve.services.items import known_position

if TYPE_CHECKING:
    from bowerbird.embed.search.searcher import SearchHit

MAX_QUERY_LENGTH = 2000  # characters


def search(app_state: AppState, query: SearchQuery) -> ScoredItems:
    """Items by text, or like an item; with an item, the text describes the change.

    A text that is an item's id lists that item, then those like it. Without either all that pass the filter,
    the most popular first. Status 404 for an unknown item.
    """
    if not query.q.strip() and query.item is None:
        return browse(app_state, query)
    served = app_state.served
    if query.item is not None:
        known_position(query.item, served)
    page, text = Page.of(app_state, served, query, "search"), _query_text(query.q, served)
    if query.item is None and served.position_of(query.q.strip()) is not None:
        return _by_id(page, query.q.strip())
    return scored(page, served.searcher.search(text=text, item=query.item, n=page.n, allowed=page.eligible))


def _by_id(page: Page, item_id: str) -> ScoredItems:
    hits = page.served.searcher.search(item=item_id, n=page.n, allowed=page.eligible)
    own = known_position(item_id, page.served)
    first = [(own, 1.0)] if page.eligible[own] else []  # not again on the next page
    return ScoredItems(**page.scored([*first, *((hit.position, hit.score) for hit in hits)][: page.n]))


def search_by_picture(app_state: AppState, query: PictureQuery, picture: bytes) -> ScoredItems:
    """Items like an encoded picture; a text describes the change. Raises `InputError` for a broken one."""
    served, digest = app_state.served, hashlib.blake2b(picture, digest_size=8).hexdigest()
    page, text = Page.of(app_state, served, query, "search", digest), _query_text(query.q, served)
    return scored(page, served.searcher.search(text=text, image=picture, n=page.n, allowed=page.eligible))


def similar_items(app_state: AppState, item_id: str, query: ListQuery) -> ScoredItems:
    """Items like one item; status 404 for an unknown one."""
    served = app_state.served
    known_position(item_id, served)
    page = Page.of(app_state, served, query, "similar", item_id)
    return scored(page, served.searcher.search(item=item_id, n=page.n, allowed=page.eligible))


def scored(page: Page, hits: list[SearchHit]) -> ScoredItems:
    """The answer with hits."""
    return ScoredItems(**page.scored([(hit.position, hit.score) for hit in hits]))


def _query_text(query: str, served: ServedSnapshot) -> str | None:
    """The text of a search, cut to its longest and in the catalogue's language where it can be; or None."""
    text = query[:MAX_QUERY_LENGTH].strip()
    return query_for_catalogue(text, served.snapshot) if text else None

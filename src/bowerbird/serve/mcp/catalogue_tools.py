"""Tools over the catalogue: search, lookup, one product, comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from bowerbird.assist.answers.facts import table_of_differences
from bowerbird.assist.languages import ENGLISH, load_language
from bowerbird.errors import InputError
from bowerbird.recommend.filtering.filters import ItemFilter
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.items import ItemBody, ItemPageBody, ListBody
from bowerbird.serve.bodies.lists import SearchQuery
from bowerbird.serve.mcp.inputs import CompareInput, LookupInput, ProductInput, SearchInput
from bowerbird.serve.mcp.outputs import (
    CatalogueItem,
    ComparedItems,
    DifferenceRow,
    ItemList,
    KnownItems,
    ListedItem,
)
from bowerbird.serve.pages import positions_of
from bowerbird.serve.protection.access import Caller
from bowerbird.serve.served_snapshot import ServedSnapshot
from bowerbird.serve.services import searches
from bowerbird.serve.services.items import known_position

_FILTERS = TypeAdapter(ItemFilter)
_NAMES = {"price": "price", "none": "not stated"}


def search(app_state: AppState, _: Caller, request: SearchInput) -> ItemList:
    """Find items by words, or like an item."""
    query = SearchQuery(
        q=request.query,
        item=request.similar_to,
        n=request.n,
        cursor=request.cursor,
        exclude=request.exclude,
        filter=_filter_text(request.filter),
    )
    return item_list(app_state.served, searches.search(app_state, query).model_dump())


def lookup(app_state: AppState, _: Caller, request: LookupInput) -> KnownItems:
    """Read items by their ids, in their order."""
    positions, unknown = positions_of(request.item_ids, app_state.served)
    return KnownItems(items=_items(app_state.served, positions.tolist()), unknown=unknown)


def get_product(app_state: AppState, _: Caller, request: ProductInput) -> ItemPageBody:
    """Read all of one item, with its variants."""
    served = app_state.served
    return ItemPageBody(**served.item_page(known_position(request.item_id, served)))


def compare(app_state: AppState, _: Caller, request: CompareInput) -> ComparedItems:
    """Put items side by side. Raises `InputError` where fewer than two are different ones."""
    served = app_state.served
    positions = {item_id: known_position(item_id, served) for item_id in request.item_ids}
    if len(positions) < 2:
        raise InputError("a comparison needs two different items: name another item_id")
    rows = table_of_differences(
        {item_id: served.catalogue.item(position) for item_id, position in positions.items()},
        _NAMES,
        load_language(ENGLISH),
    )
    differences = [DifferenceRow(name=name, values=values) for name, values in rows]
    return ComparedItems(items=_items(served, list(positions.values())), differences=differences)


def item_list(served: ServedSnapshot, answer: dict[str, Any], unknown: Sequence[str] = ()) -> ItemList:
    """A list as it is answered over HTTP, with what tools say of each item."""
    fields = (*ItemBody.model_fields, "position", "score")
    items = [
        ListedItem(
            **{name: row[name] for name in fields},
            **_links(served, row["item_id"]),
            reason=row.get("reason", ""),
        )
        for row in answer["items"]
    ]
    of_list = {name: answer[name] for name in ListBody.model_fields}
    return ItemList(**of_list, items=items, unknown=list(unknown))


def _filter_text(condition: ItemFilter | None) -> str | None:
    """A filter as addresses hold it."""
    return None if condition is None else _FILTERS.dump_json(condition, exclude_none=True).decode()


def _items(served: ServedSnapshot, positions: Sequence[int]) -> list[CatalogueItem]:
    bodies = [served.item(position) for position in positions]
    return [CatalogueItem(**body, **_links(served, body["item_id"])) for body in bodies]


def _links(served: ServedSnapshot, item_id: str) -> dict[str, Any]:
    """The addresses of an item; empty where newer versions, served since, don't have it any more."""
    position = served.position_of(item_id)
    item = None if position is None else served.catalogue.item(position)
    return {"link": item.link, "image_link": item.image_link} if item else {"link": "", "image_link": ""}

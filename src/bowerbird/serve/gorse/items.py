"""Gorse's items as items of the catalogue, and back.

| Gorse | item |
|---|---|
| `ItemId` | `item_id` |
| `Labels.title`, else `Comment` | `title` |
| `Comment`, where `Labels` has a title | `description` |
| `Categories` | `category` |
| `Timestamp` | `created_at` |
| `IsHidden` | `availability` is `out_of_stock` |
| `Labels`, by the names of other fields of an item | these fields: `price`, `currency`, `brand`, `link`, … |
| other `Labels` | `attributes`; lists of texts are joined by commas |
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi import HTTPException

from bowerbird.data.items import Item
from bowerbird.data.readers.values.outcomes import Rejection
from bowerbird.data.readers.values.times import parse_time
from bowerbird.errors import InputError
from bowerbird.serve.bodies.base import reject_invalid
from bowerbird.serve.bodies.item_changes import ItemInput
from bowerbird.serve.gorse.bodies import LABEL_FIELDS, GorseItem, GorseItemInput
from bowerbird.serve.gorse.feedback import format_time

BARE = "labels"
"""The attribute of labels that are no object but a text, or a list of them."""
SEPARATOR = ", "
HIDDEN = "out_of_stock"


def item_input(sent: GorseItemInput) -> ItemInput:
    """The item that a Gorse item describes. Raises `InputError` for what an item has no place for."""
    labels = _labels_of(sent.Labels)
    fields: dict[str, Any] = {name: labels.pop(name) for name in LABEL_FIELDS if name in labels}
    comment = sent.Comment or ""
    fields.setdefault("description" if "title" in fields else "title", comment)
    if fields["title"] == "":
        fields["title"] = sent.ItemId  # in Gorse an item needs no text
    if sent.IsHidden:
        fields["availability"] = HIDDEN
    fields |= {"item_id": sent.ItemId, "category": sent.Categories or (), "created_at": _time_of(sent)}
    with reject_invalid(f"the item {sent.ItemId!r}: "):
        return ItemInput(**fields, attributes={name: _text_of(name, value) for name, value in labels.items()})


def gorse_item(item: Item) -> GorseItem:
    """An item in Gorse's form."""
    labels: dict[str, Any] = dict(item.attributes)
    for name in LABEL_FIELDS:
        value = getattr(item, name)
        if value not in ("", None):
            labels[name] = format_time(value) if isinstance(value, datetime) else value
    comment = labels.pop("description", "")
    if not comment:
        comment = labels.pop("title", "")
    if labels.get("availability") in ("in_stock", HIDDEN):
        del labels["availability"]
    bare = labels[BARE].split(SEPARATOR) if labels.keys() == {BARE} else None
    return GorseItem(
        ItemId=item.item_id,
        IsHidden=item.availability == HIDDEN,
        Categories=list(item.category),
        Timestamp=format_time(item.created_at),
        Labels=bare or labels or None,
        Comment=comment,
    )


def changed_item(item: Item, changes: dict[str, Any]) -> Item:
    """An item with some fields of its Gorse form changed; what this form does not hold stays.

    Raises `InputError` as `item_input` does.
    """
    sent = GorseItemInput(**{**gorse_item(item).model_dump(), **changes})
    return replace(item_input(sent).as_item(), additional_images=item.additional_images)


def _labels_of(labels: Any) -> dict[str, Any]:
    if labels is None or labels == [] or labels == "":
        return {}
    return dict(labels) if isinstance(labels, dict) else {BARE: labels}


def _text_of(name: str, value: Any) -> str:
    """The text of a label. Raises `InputError` for numbers in lists, and for what is nested."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return SEPARATOR.join(value)
    if isinstance(value, str | int | float):
        return str(value)
    raise InputError(
        f"the label {name[:40]!r} is neither a text, a number nor a list of texts: vectors of items are made "
        "by `bowerbird embed`, and labels are not nested"
    )


def _time_of(sent: GorseItemInput) -> Any:
    """The launch of an item; status 409 where it can't be read, as for feedback."""
    moment = parse_time(sent.Timestamp)
    if isinstance(moment, Rejection):
        raise HTTPException(409, f"the item {sent.ItemId!r}: the Timestamp {moment.reason}")
    return moment if moment is not None and moment.year > 1 else None  # Go writes no time as the year 1

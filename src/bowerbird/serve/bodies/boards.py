"""Bodies of boards."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.items import ItemBody
from bowerbird.taste.control.boards import MAX_ITEMS, MAX_NAME_LENGTH


class BoardContent(Body):
    """What a board is to be."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH)]
    item_ids: Annotated[list[str], Field(max_length=MAX_ITEMS)] = Field(default=[])


class BoardSummary(Body):
    """A board by its items' ids."""

    id: str
    name: str
    item_ids: list[str]
    token: str
    """Of a shared board: `/shared-boards/TOKEN` shows it to anybody; else empty."""
    pictures: list[str]
    """Addresses of the first pictures of its items, at most four."""


class BoardList(Body):
    """All boards of a user."""

    user: str
    saved: list[str]
    """Ids of items that the user saved, the latest first."""
    saved_pictures: list[str]
    """Addresses of the first pictures of saved items, at most four."""
    own: list[BoardSummary]
    imported: list[BoardSummary]
    """Read only."""


class BoardItems(BoardSummary):
    """A board with its items; those that are no longer sold are left out."""

    items: list[ItemBody]
    is_own: bool

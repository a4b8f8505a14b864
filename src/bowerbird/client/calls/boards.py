"""Boards: named lists of items in an order."""

from __future__ import annotations

from collections.abc import Sequence

from bowerbird.client.call import Call, get, send_json
from bowerbird.serve.bodies.boards import BoardItems, BoardList, BoardSummary


def list_boards(user: str) -> Call[BoardList]:
    """All boards of a user."""
    return get(BoardList, *_boards(user))


def get_board(user: str, board: str) -> Call[BoardItems]:
    """A board with its items; `saved` is what the user saved."""
    return get(BoardItems, *_boards(user, board))


def create_board(user: str, name: str, item_ids: Sequence[str] = ()) -> Call[BoardSummary]:
    """Make a board."""
    body = {"name": name, "item_ids": item_ids}
    return send_json("POST", BoardSummary, *_boards(user), body=body, is_repeatable=False)


def replace_board(user: str, board: str, name: str, item_ids: Sequence[str]) -> Call[BoardSummary]:
    """Give a board another name, other items, or another order of them."""
    return send_json("PUT", BoardSummary, *_boards(user, board), body={"name": name, "item_ids": item_ids})


def remove_board(user: str, board: str) -> Call[BoardSummary]:
    """Remove a board; returns what it was. Not repeatable: the second time there is none."""
    return send_json("DELETE", BoardSummary, *_boards(user, board), is_repeatable=False)


def share_board(user: str, board: str) -> Call[BoardSummary]:
    """Let anybody who has the token see a board."""
    return send_json("PUT", BoardSummary, *_boards(user, board, "share"))


def unshare_board(user: str, board: str) -> Call[BoardSummary]:
    """Make the token of a board invalid."""
    return send_json("DELETE", BoardSummary, *_boards(user, board, "share"))


def get_shared_board(token: str) -> Call[BoardItems]:
    """A board that its owner shared."""
    return get(BoardItems, "shared-boards", token)


def _boards(user: str, *path: str) -> tuple[str, ...]:
    return ("users", user, "boards", *path)

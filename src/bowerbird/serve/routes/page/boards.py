"""A user's boards: what they saved, those they make here, those of an import; and shared ones, read only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.bodies.boards import BoardContent, BoardItems, BoardList, BoardSummary
from bowerbird.serve.bodies.items import ItemBody, RelatedItems
from bowerbird.serve.pages import Page
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router, joined_router
from bowerbird.serve.routes.page.complements import ComplementQuery, find_complements
from bowerbird.serve.served_snapshot import ServedSnapshot
from bowerbird.serve.services.saved_items import saved_items
from bowerbird.taste.control.boards import Board, Boards

MAX_BODY_BYTES = 300 * KB  # as many items as a board may have
SAVED = "saved"
"""Id of the board that holds what a user saved."""
MAX_PICTURES = 4
"""Of a board in the list of boards."""
BoardId = Annotated[str, Path(max_length=100)]


def routes(app_state: AppState) -> APIRouter:
    user_boards = _UserBoards(app_state)
    return joined_router(
        _own_boards(user_boards),
        _board_sharing(user_boards),
        _board_completions(user_boards),
        _shared_boards(app_state),
    )


class _UserBoards:
    """The boards of users, whatever id a user is called by."""

    def __init__(self, app_state: AppState) -> None:
        self.app_state, self.boards = app_state, Boards(app_state.store.path)

    def owner(self, user: str) -> str:
        """The id that a user's own boards are kept by."""
        return self.app_state.store.log.user_of(user)

    def summary(self, board: Board | None) -> BoardSummary:
        """A board without its items. Raises `HTTPException` (404) for none."""
        return _summary(_known(board), self.app_state.served)

    def imported(self, user: str) -> list[Board]:
        """A user's collections of an import."""
        return [
            Board(
                collection.collection_id,
                user,
                collection.name or collection.collection_id,
                collection.item_ids,
            )
            for collection in self.app_state.served.reader.collections_of(user)
        ]

    def find(self, user: str, board_id: str) -> tuple[Board, bool]:
        """A board of any sort, and whether it is the user's own to change."""
        if (own := self.boards.find(self.owner(user), board_id)) is not None:
            return own, True
        saved = Board(SAVED, user, SAVED, tuple(saved_items(self.app_state, user)))
        fixed = [saved, *self.imported(user)]
        return _known(next((board for board in fixed if board.id == board_id), None)), False


def _own_boards(user_boards: _UserBoards) -> APIRouter:
    router = guarded_router(RouteRules(Role.PROFILE, MAX_BODY_BYTES))
    app_state, boards, owner = user_boards.app_state, user_boards.boards, user_boards.owner

    @router.get("/users/{user:id}/boards")
    def board_list(user: UserId) -> BoardList:
        """All boards of a user."""
        saved = saved_items(app_state, user)
        return BoardList(
            user=user,
            saved=saved,
            saved_pictures=_pictures(saved, app_state.served),
            own=[user_boards.summary(board) for board in boards.of_user(owner(user))],
            imported=[user_boards.summary(board) for board in user_boards.imported(user)],
        )

    @router.post("/users/{user:id}/boards")
    def create(user: UserId, body: BoardContent) -> BoardSummary:
        """Make a board."""
        return user_boards.summary(boards.create(owner(user), body.name, body.item_ids))

    @router.get("/users/{user:id}/boards/{board:id}")
    def board_items(user: UserId, board: BoardId) -> BoardItems:
        """A board with its items; `saved` is what the user saved."""
        shown, is_own = user_boards.find(user, board)
        return _with_items(shown, app_state.served, is_own)

    @router.put("/users/{user:id}/boards/{board:id}")
    def replace(user: UserId, board: BoardId, body: BoardContent) -> BoardSummary:
        """Give a board another name, other items, or another order of them."""
        return user_boards.summary(boards.replace(owner(user), board, body.name, body.item_ids))

    @router.delete("/users/{user:id}/boards/{board:id}")
    def remove(user: UserId, board: BoardId) -> BoardSummary:
        """Remove a board; returns what it was."""
        removed = _known(boards.find(owner(user), board))
        boards.remove(owner(user), board)
        return user_boards.summary(removed)

    return router


def _board_sharing(user_boards: _UserBoards) -> APIRouter:
    router = guarded_router(RouteRules(Role.PROFILE, MAX_BODY_BYTES))
    boards, owner = user_boards.boards, user_boards.owner

    @router.put("/users/{user:id}/boards/{board:id}/share")
    def share(user: UserId, board: BoardId) -> BoardSummary:
        """Let anybody who has the token see a board."""
        return user_boards.summary(boards.share(owner(user), board, True))

    @router.delete("/users/{user:id}/boards/{board:id}/share")
    def unshare(user: UserId, board: BoardId) -> BoardSummary:
        """Make the token of a board invalid."""
        return user_boards.summary(boards.share(owner(user), board, False))

    return router


def _board_completions(user_boards: _UserBoards) -> APIRouter:
    router = guarded_router(RouteRules(Role.PROFILE, MAX_BODY_BYTES))
    app_state = user_boards.app_state

    @router.get("/users/{user:id}/boards/{board:id}/completions")
    def completions(user: UserId, board: BoardId, query: Annotated[ComplementQuery, Query()]) -> RelatedItems:
        """What is missing from a board: items of other kinds that go well with it, by likes and likeness."""
        shown, _ = user_boards.find(user, board)
        served = app_state.served
        page = Page.of(app_state, served, query, "completions", board, *shown.item_ids, user=user)
        return find_complements(page, list(_positions(shown.item_ids, served)))

    return router


def _shared_boards(app_state: AppState) -> APIRouter:
    router, boards = guarded_router(RouteRules()), Boards(app_state.store.path)

    @router.get("/shared-boards/{token:id}")
    def shared_board(token: BoardId) -> BoardItems:
        """A board that its owner shared; it needs no key, and names nobody."""
        board = boards.shared(token)
        if board is None:
            raise HTTPException(404, "this board is not shared, or not any more")
        return _with_items(board, app_state.served, False)

    return router


def _known(board: Board | None) -> Board:
    if board is None:
        raise HTTPException(404, "the user has no such board")
    return board


def _summary(board: Board, served: ServedSnapshot) -> BoardSummary:
    return BoardSummary(
        id=board.id,
        name=board.name,
        item_ids=list(board.item_ids),
        token=board.token,
        pictures=_pictures(board.item_ids, served),
    )


def _pictures(item_ids: Sequence[str], served: ServedSnapshot) -> list[str]:
    addresses = (served.picture_of(position) for position in _positions(item_ids, served))
    return list(islice((address for address in addresses if address), MAX_PICTURES))


def _positions(item_ids: Iterable[str], served: ServedSnapshot) -> Iterator[int]:
    positions = (served.position_of(item_id) for item_id in item_ids)
    return (position for position in positions if position is not None)


def _with_items(board: Board, served: ServedSnapshot, is_own: bool) -> BoardItems:
    items = [ItemBody(**served.item(position)) for position in _positions(board.item_ids, served)]
    return BoardItems(**_summary(board, served).model_dump(), items=items, is_own=is_own)

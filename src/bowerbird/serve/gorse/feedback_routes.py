"""Gorse's feedback routes: events are logged as Segment's are, and read back from the log."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Query, Request

from bowerbird.data.events import Action, Event
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.gorse.bodies import (
    DEFAULT_N,
    MAX_BATCH,
    Feedback,
    FeedbackInput,
    FeedbackPage,
    Success,
)
from bowerbird.serve.gorse.feedback import LISTED, action_of, as_feedback, event_of, undo_events
from bowerbird.serve.gorse.feedback_reader import FeedbackReader, page_of
from bowerbird.serve.protection.access import Caller, caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router, joined_router
from bowerbird.serve.services.event_receiver import EventReceiver

MAX_BODY_BYTES = 4_000 * KB
PageSize = Annotated[int, Query(ge=1, le=MAX_BATCH)]
NOT_UNDONE = (
    "only saves, additions to a cart and purchases can be taken back: the log keeps what else happened. "
    "PUT /users/{user}/taste/excluded-items/{item} ignores all of a user's events with an item"
)


def routes(app_state: AppState, receiver: EventReceiver) -> APIRouter:
    return joined_router(
        _insertion(receiver), _deletion(app_state, receiver), _of_users(app_state), _of_everything(app_state)
    )


def _insertion(receiver: EventReceiver) -> APIRouter:
    router = guarded_router(RouteRules(Role.EVENTS_WRITE, MAX_BODY_BYTES, is_priority=True))
    # Ten thousand entries take .4 s of processor time, and the event loop must answer others. The thread is
    # its own, since the shared ones may all be busy, and events must not wait.
    parser = CapacityLimiter(1)

    async def insert(feedback: list[FeedbackInput], request: Request) -> Success:
        events, rejected = await to_thread.run_sync(_parse, feedback, caller_of(request), limiter=parser)
        receipt = await receiver.receive(events, rejected)
        if len(receipt.rejected) == len(feedback) and feedback:
            raise HTTPException(409, receipt.rejected[0][1])
        return Success(RowAffected=receipt.new + receipt.repeated)

    @router.post("/api/feedback")
    async def insert_feedback(body: list[FeedbackInput], request: Request) -> Success:
        """Log events. What is rejected is not counted; an error where that is all of it."""
        return await insert(body, request)

    @router.put("/api/feedback")
    async def overwrite_feedback(body: list[FeedbackInput], request: Request) -> Success:
        """The same: the latest event of a type counts as the feedback."""
        return await insert(body, request)

    return router


def _parse(feedback: list[FeedbackInput], caller: Caller) -> tuple[list[Event], list[tuple[Any, str]]]:
    """The events of feedback, and what is not an event, with the reasons. Raises `Forbidden`."""
    if len(feedback) > MAX_BATCH:
        raise InputError(f"{len(feedback):,} entries: send at most {MAX_BATCH:,} at a time")
    events: list[Event] = []
    rejected: list[tuple[Any, str]] = []
    for entry in feedback:
        caller.check_user(entry.UserId)
        try:
            if entry.Labels or entry.Comment:
                raise InputError("Labels and Comment of feedback are not stored: leave them out")
            events.append(event_of(entry))
        except InputError as error:
            rejected.append((entry.model_dump(), str(error)))
    return events, rejected


def _deletion(app_state: AppState, receiver: EventReceiver) -> APIRouter:
    router, reader = guarded_router(RouteRules(Role.EVENTS_WRITE)), FeedbackReader(app_state)

    async def delete(user: str, item_id: str, actions: tuple[Action, ...]) -> Success:
        rows = await reader.of_user(user, actions, item_id)
        events = undo_events(rows)
        if rows.num_rows and not events:
            raise HTTPException(409, NOT_UNDONE)
        await receiver.receive(events)
        return Success(RowAffected=len(events))

    @router.delete("/api/feedback/{user:id}/{item_id:id}")
    async def delete_feedback(user: UserId, item_id: str) -> Success:
        """Take back what a user saved, put into a cart or bought, of an item."""
        return await delete(user, item_id, LISTED)

    @router.delete("/api/feedback/{feedback_type:id}/{user:id}/{item_id:id}")
    async def delete_typed_feedback(feedback_type: str, user: UserId, item_id: str) -> Success:
        """Take back feedback of one type."""
        return await delete(user, item_id, (action_of(feedback_type),))

    return router


def _of_users(app_state: AppState) -> APIRouter:
    router, reader = guarded_router(RouteRules(Role.PROFILE)), FeedbackReader(app_state)

    @router.get("/api/user/{user:id}/feedback")
    async def user_feedback(user: UserId) -> list[Feedback]:
        """A user's feedback."""
        return as_feedback(await reader.of_user(user, LISTED))

    @router.get("/api/user/{user:id}/feedback/{feedback_type:id}")
    async def typed_user_feedback(user: UserId, feedback_type: str) -> list[Feedback]:
        """A user's feedback of one type."""
        return as_feedback(await reader.of_user(user, (action_of(feedback_type),)), feedback_type)

    @router.get("/api/feedback/{user:id}/{item_id:id}")
    async def pair_feedback(user: UserId, item_id: str) -> list[Feedback]:
        """The feedback of a user and an item."""
        return as_feedback(await reader.of_user(user, LISTED, item_id))

    @router.get("/api/feedback/{feedback_type:id}/{user:id}/{item_id:id}")
    async def typed_pair_feedback(
        feedback_type: str, user: UserId, item_id: str
    ) -> Feedback | dict[str, None]:
        """The feedback of one type of a user and an item; an empty object where there is none."""
        rows = await reader.of_user(user, (action_of(feedback_type),), item_id)
        return next(iter(as_feedback(rows, feedback_type)), {})

    return router


def _of_everything(app_state: AppState) -> APIRouter:
    router, reader = guarded_router(RouteRules(Role.ADMIN)), FeedbackReader(app_state)

    @router.get("/api/feedback")
    async def all_feedback(n: PageSize = DEFAULT_N, cursor: str = "") -> FeedbackPage:
        """All feedback, by user, item and action."""
        return page_of(await reader.of_all_users(LISTED), n, cursor)

    @router.get("/api/feedback/{feedback_type:id}")
    async def typed_feedback(feedback_type: str, n: PageSize = DEFAULT_N, cursor: str = "") -> FeedbackPage:
        """All feedback of one type."""
        rows = await reader.of_all_users((action_of(feedback_type),))
        return page_of(rows, n, cursor, feedback_type)

    @router.get("/api/item/{item_id:id}/feedback")
    @router.get("/api/item/{item_id:id}/feedback/", include_in_schema=False)
    async def item_feedback(item_id: str) -> list[Feedback]:
        """The feedback of an item."""
        return as_feedback(await reader.of_all_users(LISTED, item_id))

    @router.get("/api/item/{item_id:id}/feedback/{feedback_type:id}")
    async def typed_item_feedback(item_id: str, feedback_type: str) -> list[Feedback]:
        """The feedback of an item, of one type."""
        rows = await reader.of_all_users((action_of(feedback_type),), item_id)
        return as_feedback(rows, feedback_type)

    return router

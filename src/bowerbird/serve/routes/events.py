"""`POST /v1/track`, `/v1/batch` and the rest of Segment's calls: durable when answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request

from bowerbird.data.events import Alias
from bowerbird.data.readers.messages import message_id_of, parse_call
from bowerbird.data.readers.records import ParsedEvent
from bowerbird.errors import InputError
from bowerbird.ids import id_fault
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.events import (
    BATCH_SCHEMA,
    CALL_SCHEMA,
    IngestionBody,
    RejectedMessage,
    described_body,
)
from bowerbird.serve.protection.access import Caller, caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router
from bowerbird.serve.services.event_receiver import EventReceiver

MAX_BODY_BYTES = 500 * KB  # Segment's own limit for a batch
CALL = described_body(CALL_SCHEMA)


def routes(app_state: AppState, receiver: EventReceiver) -> APIRouter:
    """Make the router of this resource."""
    router = guarded_router(RouteRules(Role.EVENTS_WRITE, MAX_BODY_BYTES, is_priority=True))

    @router.post("/v1/track", openapi_extra=CALL)
    async def track(request: Request) -> IngestionBody:
        """Log the event of one `track` call."""
        return await answer([_call(await request.json())], caller_of(request))

    @router.post("/v1/identify", openapi_extra=CALL)
    @router.post("/v1/alias", openapi_extra=CALL)
    @router.post("/v1/page", openapi_extra=CALL)
    @router.post("/v1/screen", openapi_extra=CALL)
    @router.post("/v1/group", openapi_extra=CALL)
    async def call(request: Request) -> IngestionBody:
        """Join two ids of one user (`identify`, `alias`); other calls are accepted and say nothing."""
        call_type = request.url.path.rsplit("/", 1)[-1]
        messages = [{"type": call_type, **_call(await request.json())}]
        return await answer(messages, caller_of(request))

    @router.post("/v1/batch", openapi_extra=described_body(BATCH_SCHEMA))
    async def batch(request: Request) -> IngestionBody:
        """Log the events of many calls, `{"batch": [...]}`."""
        body = await request.json()
        messages = body.get("batch") if isinstance(body, dict) else None
        if not isinstance(messages, list):
            raise InputError('the body of /v1/batch must be {"batch": [messages…]}')
        return await answer(messages, caller_of(request))

    async def answer(messages: list[Any], caller: Caller) -> IngestionBody:
        parsed_events, aliases, rejected = _parse(messages, caller)
        if aliases:
            failures = await to_thread.run_sync(app_state.join, [alias for alias, _ in aliases])
            for alias, reason in failures:
                rejected.append((_message_of_alias(aliases, alias), f"{alias.alias}: {reason}"))
        repaired = [(event, message) for event, message in parsed_events if event.repairs]
        receipt = await receiver.receive([event.event for event, _ in parsed_events], rejected, repaired)
        return IngestionBody(
            success=True,
            accepted=receipt.new,
            duplicates=receipt.repeated,
            rejected=[
                f"{reason} (messageId {message_id})" if (message_id := message_id_of(message)) else reason
                for message, reason in receipt.rejected
            ],
            rejections=_with_ids(receipt.rejected),
            warnings=_with_ids(receipt.incomplete),
        )

    return router


def _call(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise InputError("the body must be one call, a JSON object")
    return body


def _with_ids(messages: Sequence[tuple[Any, str]]) -> list[RejectedMessage]:
    """Messages by their ids, each with its reason."""
    return [
        RejectedMessage(messageId=message_id_of(message) or None, reason=reason)
        for message, reason in messages
    ]


def _parse(
    messages: list[Any], caller: Caller
) -> tuple[list[tuple[ParsedEvent, Any]], list[tuple[Alias, Any]], list[tuple[Any, str]]]:
    """The events and the aliases of messages, each with its message; and the messages that have neither, each
    with the reason.

    Raises `Forbidden` where a user's token names another user. It joins no ids either: whoever says that
    another's id is their own would get that history.
    """
    events: list[tuple[ParsedEvent, Any]] = []
    aliases: list[tuple[Alias, Any]] = []
    rejected: list[tuple[Any, str]] = []
    for message in messages:
        for parsed in parse_call(message):
            if isinstance(parsed, ParsedEvent):
                caller.check_user(parsed.event.user_id)
                events.append((parsed, message))
            elif isinstance(parsed, Alias):
                caller.check_unrestricted()
                if fault := id_fault(parsed.alias) or id_fault(parsed.user_id):
                    rejected.append((message, f"the user id {fault}"))
                else:
                    aliases.append((parsed, message))
            else:
                rejected.append((message, parsed))
    return events, aliases, rejected


def _message_of_alias(aliases: Sequence[tuple[Alias, Any]], alias: Alias) -> Any:
    return next(message for each, message in aliases if each is alias)

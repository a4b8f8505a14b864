"""`POST /v1/track` and `/v1/batch`: events in Segment's format, durable when answered."""

from __future__ import annotations

import json
import zlib
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request

from bowerbird.data.events import Alias, Event
from bowerbird.data.readers.layouts import MessageLayout
from bowerbird.data.readers.messages import message_id_of, parse_events
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies import IngestionBody
from bowerbird.serve.event_batcher import EventBatcher
from bowerbird.serve.metrics import Metrics

MAX_BODY_BYTES = 500 * 1024  # Segment's own limit for a batch


def routes(app_state: AppState, metrics: Metrics) -> APIRouter:
    router, batcher = APIRouter(), EventBatcher(app_state.ingest)

    @router.post("/v1/track")
    async def track(request: Request) -> IngestionBody:
        """Log the event of one `track` call."""
        return await answer([await _body(request)])

    @router.post("/v1/identify")
    @router.post("/v1/alias")
    @router.post("/v1/page")
    @router.post("/v1/screen")
    @router.post("/v1/group")
    async def call(request: Request) -> IngestionBody:
        """Join two ids of one user (`identify`, `alias`); other calls are accepted and say nothing."""
        body = await _body(request)
        call_type = request.url.path.rsplit("/", 1)[-1]
        return await answer([{"type": call_type, **body} if isinstance(body, dict) else body])

    @router.post("/v1/batch")
    async def batch(request: Request) -> IngestionBody:
        """Log the events of many calls, `{"batch": [...]}`."""
        body = await _body(request)
        messages = body.get("batch") if isinstance(body, dict) else None
        if not isinstance(messages, list):
            raise InputError('the body of /v1/batch must be {"batch": [messages…]}')
        return await answer(messages)

    async def answer(messages: list[Any]) -> IngestionBody:
        events, aliases, rejected = _parse(messages)
        if aliases:
            rejected += await to_thread.run_sync(app_state.join, aliases)
        result = await batcher.add(events)
        rejected += [f"{reason} (messageId {event.event_id})" for event, reason in result.rejected]
        counts = {"accepted": result.new, "duplicate": result.repeated, "rejected": len(rejected)}
        for outcome, count in counts.items():
            metrics.events.labels(outcome).inc(count)
        return IngestionBody(success=True, accepted=result.new, duplicates=result.repeated, rejected=rejected)

    return router


async def _body(request: Request) -> Any:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES:,} bytes: send smaller batches")
    if request.headers.get("content-encoding", "").lower() == "gzip":
        raw = _unzip(raw)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError("the body is not JSON") from None


def _unzip(raw: bytes) -> bytes:
    """The content of a gzip body. Raises `BodyTooLarge`, `InputError`."""
    decoder = zlib.decompressobj(wbits=31)
    try:
        content = decoder.decompress(raw, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise InputError("the body is not gzip, as its content-encoding says") from None
    if len(content) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES:,} bytes: send smaller batches")
    if not decoder.eof:
        raise InputError("the gzip body is cut short")
    return content


class BodyTooLarge(InputError):
    """Answered with status 413."""


def _parse(messages: list[Any]) -> tuple[list[Event], list[Alias], list[str]]:
    """The events and aliases of messages, and why the other messages have none, with their ids."""
    events: list[Event] = []
    aliases: list[Alias] = []
    rejected: list[str] = []
    for message in messages:
        for parsed in parse_events(message, MessageLayout.SEGMENT):
            if isinstance(parsed, Event):
                events.append(parsed)
            elif isinstance(parsed, Alias):
                aliases.append(parsed)
            else:
                message_id = message_id_of(message)
                rejected.append(f"{parsed} (messageId {message_id})" if message_id else parsed)
    return events, aliases, rejected

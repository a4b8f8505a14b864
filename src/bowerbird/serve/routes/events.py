"""`POST /v1/track` and `/v1/batch`: events in Segment's format, durable when answered."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request

from bowerbird.data.events import Event
from bowerbird.data.readers.layouts import MessageLayout
from bowerbird.data.readers.messages import parse_events
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

    @router.post("/v1/batch")
    async def batch(request: Request) -> IngestionBody:
        """Log the events of many calls, `{"batch": [...]}`."""
        body = await _body(request)
        messages = body.get("batch") if isinstance(body, dict) else None
        if not isinstance(messages, list):
            raise InputError('the body of /v1/batch must be {"batch": [messages…]}')
        return await answer(messages)

    async def answer(messages: list[Any]) -> IngestionBody:
        events, rejected = _parse(messages)
        result = await batcher.add(events)
        rejected += [reason for _, reason in result.rejected]
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
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError("the body is not JSON") from None


class BodyTooLarge(InputError):
    """Answered with status 413."""


def _parse(messages: list[Any]) -> tuple[list[Event], list[str]]:
    """The events of messages, and the reasons why the other messages have none."""
    events: list[Event] = []
    rejected: list[str] = []
    for message in messages:
        for parsed in parse_events(message, MessageLayout.SEGMENT):
            events.append(parsed) if isinstance(parsed, Event) else rejected.append(parsed)
    return events, rejected

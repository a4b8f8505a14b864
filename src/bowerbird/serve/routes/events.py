"""`POST /v1/track` and `/v1/batch`: Segment's bodies, durable when answered."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from bowerbird.data.events import Event
from bowerbird.data.readers.messages import Layout, events_of
from bowerbird.errors import InputError
from bowerbird.serve.app_state import Shop
from bowerbird.serve.event_batcher import Gathering
from bowerbird.serve.metrics import Metrics

MOST_BYTES = 500 * 1024  # Segment's own limit for a batch


def routes(shop: Shop, metrics: Metrics) -> APIRouter:
    router, gathering = APIRouter(), Gathering(shop.learn)

    @router.post("/v1/track")
    async def track(request: Request) -> JSONResponse:
        """One `track` call."""
        return await answer([await _body(request)])

    @router.post("/v1/batch")
    async def batch(request: Request) -> JSONResponse:
        """Many calls in `{"batch": [...]}`."""
        body = await _body(request)
        messages = body.get("batch") if isinstance(body, dict) else None
        if not isinstance(messages, list):
            raise InputError('the body of /v1/batch is {"batch": [messages…]}')
        return await answer(messages)

    async def answer(messages: list[Any]) -> JSONResponse:
        events, refused = _events(messages)
        learnt = await gathering.add(events)
        refused += learnt.refused
        counts = {"accepted": learnt.new, "duplicate": learnt.repeated, "refused": len(refused)}
        for outcome, count in counts.items():
            metrics.events.labels(outcome).inc(count)
        told = {"accepted": learnt.new, "duplicates": learnt.repeated, "refused": refused}
        return JSONResponse({"success": True, **told})

    return router


async def _body(request: Request) -> Any:
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > MOST_BYTES:
            raise BodyTooLarge(f"the body is larger than {MOST_BYTES:,} bytes: send smaller batches")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError("the body is no JSON") from None


class BodyTooLarge(InputError):
    """Answered with status 413."""


def _events(messages: list[Any]) -> tuple[list[Event], list[str]]:
    """Events of messages, and why the others tell of none."""
    events: list[Event] = []
    refused: list[str] = []
    for message in messages:
        for found in events_of(message, Layout.SEGMENT):
            events.append(found) if isinstance(found, Event) else refused.append(found)
    return events, refused

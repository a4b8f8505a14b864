"""API keys: made (and shown once), given an end, rotated, revoked. Each change is in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import Field

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import NUMBER, Body
from bowerbird.serve.bodies.errors import ErrorBody
from bowerbird.serve.bodies.lists import RequestBase
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.keys import ApiKey, KeyEndedError, KeyRing, KeyState, Role
from bowerbird.serve.protection.routes import Guard, RouteRules, guarded_router

Days = Annotated[float, Field(gt=0, le=36_500), NUMBER]


class KeyBody(Body):
    """A key without its secret."""

    id: str
    roles: list[Role]
    created: datetime
    expires: datetime | None
    state: KeyState
    note: str


class KeyList(Body):
    """All keys, the latest first."""

    keys: list[KeyBody]
    required: bool
    """Whether this server asks for keys at all."""


class NewKey(KeyBody):
    """A key that was just made."""

    key: str
    """The text to present; it is shown only now."""


class KeyRequest(RequestBase):
    """A key to be made."""

    roles: Annotated[list[Literal["events:write", "read", "chat", "admin"]], Field(min_length=1)]
    days: Days | None = None
    """Until it expires; never without it."""
    note: Annotated[str, Field(max_length=200)] = ""


class RotationRequest(RequestBase):
    """How long the old key stays valid next to its successor."""

    grace_hours: Annotated[float, Field(ge=0, le=24 * 365), NUMBER] = 24.0


class ExpiryRequest(RequestBase):
    """When a key ends."""

    days: Days


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router, ring = guarded_router(RouteRules(Role.ADMIN)), KeyRing(app_state.store.path)

    def audit(request: Request, action: str, **details: str) -> None:
        guard: Guard = request.app.state.guard
        guard.audit.write(action, caller_of(request).name, **details)

    @router.get("/keys")
    def keys(request: Request) -> KeyList:
        """All keys, without their secrets."""
        guard: Guard = request.app.state.guard
        bodies = [_body(key) for key in reversed(ring.read().keys)]
        return KeyList(keys=bodies, required=guard.settings.require_keys)

    @router.post("/keys")
    def create(body: KeyRequest, request: Request) -> NewKey:
        """Make a key."""
        key, presented = ring.create([Role(name) for name in body.roles], body.days, body.note)
        audit(request, "create a key", key=key.id, roles=" ".join(key.roles))
        return NewKey(**_body(key).model_dump(), key=presented)

    @router.post(
        "/keys/{key_id:id}/rotation", responses={409: {"model": ErrorBody, "description": "It has ended."}}
    )
    def rotate(key_id: str, body: RotationRequest, request: Request) -> NewKey:
        """Make a successor of a key with the same roles; the old one expires after a while."""
        try:
            key, presented = ring.rotate(key_id, body.grace_hours)
        except KeyEndedError as error:
            raise HTTPException(409, str(error)) from None
        audit(request, "rotate a key", key=key_id, successor=key.id)
        return NewKey(**_body(key).model_dump(), key=presented)

    @router.put("/keys/{key_id:id}/expiry")
    def expire(key_id: str, body: ExpiryRequest, request: Request) -> KeyBody:
        """Give a key an end, or another one."""
        key = ring.expire(key_id, body.days)
        audit(request, "set the end of a key", key=key.id, expires=str(key.expires))
        return _body(key)

    @router.delete("/keys/{key_id:id}")
    def revoke(key_id: str, request: Request) -> KeyBody:
        """Make a key invalid at once."""
        key = ring.revoke(key_id)
        audit(request, "revoke a key", key=key.id)
        return _body(key)

    return router


def _body(key: ApiKey) -> KeyBody:
    return KeyBody(
        id=key.id,
        roles=list(key.roles),
        created=key.created,
        expires=key.expires,
        state=key.state(),
        note=key.note,
    )

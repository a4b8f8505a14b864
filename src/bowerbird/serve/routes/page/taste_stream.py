"""How a user's interests grew and faded, as a drawing: the page shows what `taste show --html` shows."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from bowerbird.report.taste_page import interest_stream
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import Body, UserId
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router


class StreamBand(Body):
    """One interest: a closed path of SVG."""

    name: str
    path: str


class StreamTick(Body):
    """One event as a bar."""

    css_class: str
    x: float
    y: float
    width: float
    height: float
    description: str


class StreamDrawingBody(Body):
    """Interests over time, in units of `width` and `height`."""

    width: int
    height: int
    tick_height: int
    bands: list[StreamBand]
    ticks: list[StreamTick]
    days: list[str]


class StreamBody(Body):
    """A user's interests over time; no drawing where too little is known yet."""

    user: str
    drawing: StreamDrawingBody | None


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router = guarded_router(RouteRules(Role.PROFILE))

    @router.get("/users/{user:id}/taste/stream")
    def stream(user: UserId) -> StreamBody:
        """How strong the user's interests were over time, drawn."""
        reader = app_state.served.reader
        drawing = interest_stream(reader, reader.profile(user, log=False))
        body = StreamDrawingBody(**asdict(drawing)) if drawing else None
        return StreamBody(user=user, drawing=body)

    return router

"""Gorse's REST API, so that its clients (`pygorse` and others) work unchanged."""

from __future__ import annotations

from fastapi import APIRouter

from bowerbird.serve.app_state import AppState
from bowerbird.serve.gorse import feedback_routes, health_routes, item_routes, list_routes, user_routes
from bowerbird.serve.protection.routes import joined_router
from bowerbird.serve.services.erasures import Eraser
from bowerbird.serve.services.event_receiver import EventReceiver
from bowerbird.serve.services.item_writer import ItemWriter


def routes(app_state: AppState, receiver: EventReceiver, writer: ItemWriter, eraser: Eraser) -> APIRouter:
    return joined_router(
        health_routes.routes(app_state),
        feedback_routes.routes(app_state, receiver),
        list_routes.routes(app_state, receiver),
        item_routes.routes(app_state, writer),
        user_routes.routes(app_state, eraser),
    )

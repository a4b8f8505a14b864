"""A user's taste profile: shown, explained, corrected by the user, and exported.

A correction applies from the next request on, in this process and in every other one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from bowerbird.serve.app_state import AppState
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.ranking import Scale
from bowerbird.taste.profile.export import exported
from bowerbird.taste.profile.profile import TasteReader


class InterestRequest(BaseModel):
    """An interest, by its name or its rank in the user's list."""

    interest: Annotated[str, Field(min_length=1, max_length=500)]


class WeightRequest(InterestRequest):
    """The weight of an interest, in clicks; 0 rejects the interest, null removes the correction."""

    weight: Annotated[float | None, Field(ge=0, le=1e9)] = None


class ExcludeItemRequest(BaseModel):
    """An item whose events shall not count for the user's taste."""

    item_id: Annotated[str, Field(min_length=1, max_length=500)]


def _refreshed_graph(app_state: AppState) -> TasteGraph:
    """The served taste graph, with every event of the log."""
    taste = app_state.served.taste
    taste.refresh()
    return taste


def _reader(app_state: AppState) -> TasteReader:
    """A reader of the served versions, with every event of the log."""
    return app_state.served.reader  # opening it reads the log's newest events


def routes(app_state: AppState) -> APIRouter:
    router = APIRouter()
    _add_profile_routes(router, app_state)
    _add_override_routes(router, app_state)
    return router


def _add_profile_routes(router: APIRouter, app_state: AppState) -> None:
    @router.get("/users/{user}/taste")
    def taste(user: str, log: bool = False) -> dict[str, Any]:
        """Interests by time-scale, taste clusters, price range, dislikes, changes of the last month.

        With `log` also searches, and items that were shown and ignored; this reads the whole log.
        """
        reader = _reader(app_state)
        return reader.told(reader.profile(user, log=log))

    @router.get("/users/{user}/taste/interests")
    def interests(user: str, scale: Scale | None = None) -> dict[str, Any]:
        """Interests, strongest first, at one time-scale or at the mean of all."""
        graph = _refreshed_graph(app_state)
        ranked = graph.interests(graph.state(user), scale=scale)
        return {"user": user, "scale": scale, "interests": [interest.as_dict() for interest in ranked]}

    @router.get("/users/{user}/taste/explain")
    def explain(user: str, item: str) -> dict[str, Any]:
        """Why an item may suit a user: the events and the interest that lead to it."""
        reader = _reader(app_state)
        return {"user": user, "item_id": item, **reader.because(user, item).as_dict()}

    @router.get("/users/{user}/taste/similar-users")
    def similar_users(user: str) -> dict[str, Any]:
        """What users of similar taste share, with k-anonymity (k = 20)."""
        reader = _reader(app_state)
        return {"user": user, **reader.told_crowd(reader.crowd(user))}

    @router.get("/users/{user}/taste/export")
    def export(user: str) -> dict[str, Any]:
        """Everything stored about a user."""
        return exported(_reader(app_state), user)


def _add_override_routes(router: APIRouter, app_state: AppState) -> None:
    @router.post("/users/{user}/taste/{change}")
    def toggle(user: str, change: Literal["mute", "boost"], body: InterestRequest) -> dict[str, Any]:
        """Mute or boost an interest; repeat the call to undo it."""
        graph = _refreshed_graph(app_state)
        apply = graph.mute if change == "mute" else graph.boost
        return apply(user, body.interest).as_dict()

    @router.put("/users/{user}/taste/weight")
    def correct(user: str, body: WeightRequest) -> dict[str, Any]:
        """Set an interest's weight, or remove the correction."""
        return _refreshed_graph(app_state).correct(user, body.interest, body.weight).as_dict()

    @router.put("/users/{user}/taste/exclude-item")
    def exclude_item(user: str, body: ExcludeItemRequest) -> dict[str, Any]:
        """Exclude an item's events from the user's taste; repeat the call to undo it."""
        is_excluded = _refreshed_graph(app_state).set_aside(user, body.item_id)
        return {"item_id": body.item_id, "excluded": is_excluded}

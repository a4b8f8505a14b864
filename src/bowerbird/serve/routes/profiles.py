"""One user's taste: the whole profile, explanations, overrides, and the export.

Overrides hold from the next request on, in this process and in every other one.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies import (
    Correction,
    Exclusion,
    ExplanationBody,
    ExportBody,
    InterestBody,
    InterestChoice,
    ItemChoice,
    ProfileBody,
    ScaledInterestList,
    SimilarUsersBody,
)
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.ranking import Scale
from bowerbird.taste.profile.export import export_user
from bowerbird.taste.profile.profile import TasteReader


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
    def taste(user: str, log: bool = False) -> ProfileBody:
        """Interests by time-scale, taste clusters, price comfort, dislikes, what changed this month.

        With `log` also queries, and what was passed over; the whole log is read for them.
        """
        reader = _reader(app_state)
        return ProfileBody(**reader.profile_as_dict(reader.profile(user, log=log)))

    @router.get("/users/{user}/taste/interests")
    def interests(user: str, scale: Scale | None = None) -> ScaledInterestList:
        """Interests, strongest first, at one time-scale or at the mean of all."""
        graph = _refreshed_graph(app_state)
        ranked = graph.interests(graph.state(user), scale=scale)
        bodies = [InterestBody(**interest.as_dict()) for interest in ranked]
        return ScaledInterestList(user=user, scale=scale, interests=bodies)

    @router.get("/users/{user}/taste/explain")
    def explain(user: str, item: str) -> ExplanationBody:
        """Why an item may suit a user: the events and the interest that lead to it."""
        explanation = _reader(app_state).explain_item(user, item).as_dict()
        return ExplanationBody(user=user, item_id=item, **explanation)

    @router.get("/users/{user}/taste/similar-users")
    def similar_users(user: str) -> SimilarUsersBody:
        """What users with a similar taste share, with k-anonymity (k = 20)."""
        reader = _reader(app_state)
        return SimilarUsersBody(user=user, **reader.similar_users_as_dict(reader.similar_users(user)))

    @router.get("/users/{user}/taste/export")
    def export(user: str) -> ExportBody:
        """Everything stored of a user."""
        return ExportBody(**export_user(_reader(app_state), user))


def _add_override_routes(router: APIRouter, app_state: AppState) -> None:
    @router.post("/users/{user}/taste/{action}")
    def toggle(user: str, action: Literal["mute", "boost"], body: InterestChoice) -> InterestBody:
        """Mute or boost an interest; repeat to undo."""
        graph = _refreshed_graph(app_state)
        change = graph.mute if action == "mute" else graph.boost
        return InterestBody(**change(user, body.interest).as_dict())

    @router.put("/users/{user}/taste/weight")
    def correct(user: str, body: Correction) -> InterestBody:
        """Set an interest's weight, or undo it."""
        corrected = _refreshed_graph(app_state).correct(user, body.interest, body.weight)
        return InterestBody(**corrected.as_dict())

    @router.put("/users/{user}/taste/exclude-item")
    def exclude_item(user: str, body: ItemChoice) -> Exclusion:
        """Ignore the user's events with an item; repeat to undo."""
        is_excluded = _refreshed_graph(app_state).exclude_item(user, body.item_id)
        return Exclusion(item_id=body.item_id, excluded=is_excluded)

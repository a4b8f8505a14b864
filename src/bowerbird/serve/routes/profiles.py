"""One user's taste: the whole profile, explanations, overrides, and the export.

Overrides hold from the next request on, in this process and in every other one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Path

from bowerbird.errors import InputError
from bowerbird.ids import MAX_ID_LENGTH
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.bodies.interests import Correction, InterestBody, ScaledInterestList
from bowerbird.serve.bodies.profiles import ExplanationBody, ProfileBody, SimilarUsersBody
from bowerbird.serve.bodies.users import Exclusion, ExportBody
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.services import explanations
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.ranking import Scale
from bowerbird.taste.profile.export import export_user
from bowerbird.taste.profile.reader import TasteReader

InterestName = Annotated[str, Path(max_length=MAX_ID_LENGTH)]
"""An interest's name, or its rank in the user's list."""


def _refreshed_graph(app_state: AppState) -> TasteGraph:
    """The served taste graph, with every event of the log."""
    taste = app_state.served.taste
    taste.refresh()
    return taste


def _reader(app_state: AppState) -> TasteReader:
    """A reader of the served versions, with every event of the log."""
    return app_state.served.reader  # opening it reads the log's newest events


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router = guarded_router(RouteRules(Role.PROFILE))
    _add_profile_routes(router, app_state)
    _add_override_routes(router, app_state)
    return router


def _add_profile_routes(router: APIRouter, app_state: AppState) -> None:
    @router.get("/users/{user:id}/taste")
    def taste(user: UserId, log: bool = False) -> ProfileBody:
        """Interests by time-scale, taste clusters, price comfort, dislikes, what changed this month.

        With `log` also queries, and what was passed over; the whole log is read for them.
        """
        reader = _reader(app_state)
        return ProfileBody(**reader.profile_as_dict(reader.profile(user, log=log)))

    @router.get("/users/{user:id}/taste/interests")
    def interests(user: UserId, scale: Scale | None = None) -> ScaledInterestList:
        """Interests, strongest first, at one time-scale or at the mean of all."""
        graph = _refreshed_graph(app_state)
        ranked = graph.interests(graph.state(user), scale=scale)
        bodies = [InterestBody(**interest.as_dict()) for interest in ranked]
        return ScaledInterestList(user=user, scale=scale, interests=bodies)

    @router.get("/users/{user:id}/taste/explain")
    def explain(user: UserId, item: str) -> ExplanationBody:
        """Why an item may suit a user: the events and the interest that lead to it."""
        return explanations.explain(app_state, user, item)

    @router.get("/users/{user:id}/taste/similar-users")
    def similar_users(user: UserId) -> SimilarUsersBody:
        """What users with a similar taste share, with k-anonymity (k = 20)."""
        reader = _reader(app_state)
        return SimilarUsersBody(user=user, **reader.similar_users_as_dict(reader.similar_users(user)))

    @router.get("/users/{user:id}/taste/export")
    def export(user: UserId) -> ExportBody:
        """Everything stored of a user."""
        return ExportBody(**export_user(_reader(app_state), user))


def _add_override_routes(router: APIRouter, app_state: AppState) -> None:
    def graph_with(user: str) -> TasteGraph:
        """The graph, with a user that it knows; status 404 for an unknown one."""
        graph = _refreshed_graph(app_state)
        if user not in graph:
            raise HTTPException(404, "this user has no events")
        return graph

    def add_flag(flag: Literal["muted", "boosted"], purpose: str) -> None:
        path = f"/users/{{user:id}}/taste/{flag}/{{interest:id}}"

        def set_flag(user: UserId, interest: InterestName, is_set: bool) -> InterestBody:
            graph = graph_with(user)
            change = graph.mute if flag == "muted" else graph.boost
            try:
                return InterestBody(**change(user, interest, is_set).as_dict())
            except InputError as error:
                raise HTTPException(404, str(error)) from None

        @router.put(path, summary=purpose)
        def put(user: UserId, interest: InterestName) -> InterestBody:
            return set_flag(user, interest, True)

        @router.delete(path, summary=f"Undo: {purpose}")
        def delete(user: UserId, interest: InterestName) -> InterestBody:
            return set_flag(user, interest, False)

    add_flag("muted", "Hide the items of an interest.")
    add_flag("boosted", "Double the weight of an interest.")

    @router.put("/users/{user:id}/taste/weight")
    def correct(user: UserId, body: Correction) -> InterestBody:
        """Set an interest's weight, or undo it."""
        corrected = graph_with(user).correct(user, body.interest, body.weight)
        return InterestBody(**corrected.as_dict())

    def set_exclusion(user: str, item_id: str, is_excluded: bool) -> Exclusion:
        graph = graph_with(user)
        if item_id not in graph.catalogue:
            raise HTTPException(404, f"there is no item {item_id!r}")
        return Exclusion(item_id=item_id, excluded=graph.exclude_item(user, item_id, is_excluded))

    @router.put("/users/{user:id}/taste/excluded-items/{item_id:ids}")
    def exclude_item(user: UserId, item_id: str) -> Exclusion:
        """Ignore the user's events with an item."""
        return set_exclusion(user, item_id, True)

    @router.delete("/users/{user:id}/taste/excluded-items/{item_id:ids}")
    def include_item(user: UserId, item_id: str) -> Exclusion:
        """Count the user's events with an item again."""
        return set_exclusion(user, item_id, False)

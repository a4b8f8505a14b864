"""Tools for a user or a visitor: recommendations, what a set misses, reasons, saving."""

from __future__ import annotations

from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.lists import CompletionQuery, RecommendationRequest, SessionEventBody
from bowerbird.serve.bodies.profiles import ExplanationBody
from bowerbird.serve.mcp.catalogue_tools import item_list
from bowerbird.serve.mcp.inputs import CompleteInput, ExplainInput, RecommendInput, SaveInput
from bowerbird.serve.mcp.outputs import ItemList, SavedItem
from bowerbird.serve.pages import positions_of
from bowerbird.serve.protection.access import Caller
from bowerbird.serve.services import completions, explanations, recommendations
from bowerbird.serve.services.saved_items import save_item

SURFACE = "mcp"
"""What the logs name as the place of these lists and events."""


def recommend(app_state: AppState, caller: Caller, request: RecommendInput) -> ItemList:
    """Recommend items to a user or a visitor."""
    body = RecommendationRequest(
        user=caller.acting_user(request.user),
        events=[SessionEventBody(item_id=item_id) for item_id in request.viewed],
        outcome=request.outcome,
        filter=request.filter,
        exclude=request.exclude,
        n=request.n,
        cursor=request.cursor,
        surface=SURFACE,
    )
    content = recommendations.recommend(app_state, body)
    return item_list(app_state.served, content, content["unknown"])


def complete(app_state: AppState, _: Caller, request: CompleteInput) -> ItemList:
    """Find what a set misses."""
    unknown = positions_of(request.item_ids, app_state.served)[1]
    answer = completions.complete(app_state, request.item_ids, CompletionQuery(n=request.n))
    return item_list(app_state.served, answer.model_dump(), unknown)


def explain(app_state: AppState, caller: Caller, request: ExplainInput) -> ExplanationBody:
    """Say why an item may suit a user."""
    return explanations.explain(app_state, _user_of(caller, request), request.item_id)


def save(app_state: AppState, caller: Caller, request: SaveInput) -> SavedItem:
    """Save an item for a user."""
    user = _user_of(caller, request)
    is_new = save_item(app_state, user, request.item_id, SURFACE, request.recommendation_id)
    return SavedItem(user=user, item_id=request.item_id, saved=True, is_new=is_new)


def _user_of(caller: Caller, request: ExplainInput) -> str:
    user = caller.acting_user(request.user)
    if user is None:
        raise InputError("it needs to know for whom: send a user id in `user`")
    return user

"""Why an item may suit a user."""

from __future__ import annotations

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.profiles import ExplanationBody
from bowerbird.serve.services.items import known_position


def explain(app_state: AppState, user: str, item_id: str) -> ExplanationBody:
    """The events and the interest of a user that lead to an item; status 404 for an unknown item."""
    served = app_state.served
    known_position(item_id, served)
    explanation = served.reader.explain_item(user, item_id).as_dict()
    return ExplanationBody(user=user, item_id=item_id, **explanation)

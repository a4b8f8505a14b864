"""A scripted model that calls a client's tool, and a store whose assistant writes with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import factories
from bowerbird.data.settings import SETTINGS_FILE
from bowerbird.data.store import Store
from scripted_endpoint import answer

RESULT = "The order is with the carrier and arrives on friday."
"""Of the tool; the model can say what it means."""
FINAL = "Your order arrives on friday."


def play_model(request: dict[str, Any]) -> dict[str, Any]:
    """Call `order_status` for orders 17 and 18, and say something of the results."""
    messages, names = request["messages"], [tool["function"]["name"] for tool in request.get("tools", ())]
    results = [message["content"] for message in messages if message["role"] == "tool"]
    if results:
        return answer(FINAL if {*results} == {RESULT} else "It costs nothing at all.")
    if names == ["order_status"] and (
        "order" in messages[-1]["content"] or request.get("tool_choice") == "required"
    ):
        return answer(calls=[("order_status", {"order_id": "17"}), ("order_status", {"order_id": "18"})])
    return answer("NOTHING")


def store_with_endpoint(path: Path, url: str) -> Store:
    """Lamps and rugs, and an endpoint as the writer."""
    store = factories.toy_store(path, factories.lamps_and_rugs(40), 4)
    (store.path / SETTINGS_FILE).write_text(
        f'layout_version = 1\n[language_model]\nwriter = "endpoint"\nurl = "{url}"\n'
        'model = "tiny"\nunderstanding = "classifier"\n'
    )
    return store

"""Everything stored of one user, as one document: what they may ask for (GDPR, articles 15 and 20)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bowerbird.data.events import ACTIONS
from bowerbird.data.files.records import record_as_dict
from bowerbird.data.logs.exposures import ExposureLog
from bowerbird.taste.control.boards import Boards
from bowerbird.taste.interests.ranking import format_time
from bowerbird.taste.profile.reader import TasteReader


def export_user(reader: TasteReader, user_id: str) -> dict[str, Any]:
    """Events from the log, the state and the profile that follows from it, overrides, boards; in JSON's
    types."""
    profile, state = reader.profile(user_id), reader.graph.stored_state(user_id)
    events = [
        {name: value for name, value in row.items() if value is not None}
        | {"at": row["at"].isoformat(timespec="microseconds")}
        for row in reader.events_of(user_id).to_pylist()
    ]
    stored_events = zip(state.items.tolist(), state.actions.tolist(), state.at.tolist(), strict=True)
    older_sums = zip(
        state.older.interest.tolist(), state.older.at.tolist(), state.older.weight.tolist(), strict=True
    )
    ids, names = reader.catalogue.ids, reader.groups.names
    overrides = record_as_dict(reader.graph.overrides_of(user_id))
    return {
        "user": user_id,
        "events": events,
        "state": {
            "events": [
                {"item_id": ids[item], "action": ACTIONS[action].value, "at": format_time(at)}
                for item, action, at in stored_events
            ],
            "older": [
                {"interest": names[number], "month_around": format_time(at), "weight": weight}
                for number, at, weight in older_sums
            ],
            "seen_before": [ids[item] for item in state.seen_before.tolist()],
        },
        "taste": reader.profile_as_dict(profile),
        "overrides": {name: value for name, value in overrides.items() if value},
        "exposures": _exposures_of(reader, user_id),
        "collections": [
            *(asdict(collection) for collection in reader.collections_of(user_id)),
            *(asdict(board) for board in Boards(reader.graph.store.path).of_user(user_id)),
        ],
    }


def _exposures_of(reader: TasteReader, user_id: str) -> list[dict[str, Any]]:
    """What was shown to a user, under any of their ids."""
    store = reader.graph.store
    shown = ExposureLog(store.path).of_user(store.log.ids_of(store.log.user_of(user_id))).to_pylist()
    return [row | {"at": row["at"].isoformat(timespec="microseconds")} for row in shown]

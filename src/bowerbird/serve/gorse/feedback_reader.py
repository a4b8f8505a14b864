"""Feedback read from the event log, and pages of it."""

from __future__ import annotations

import bisect
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from anyio import CapacityLimiter, to_thread

from bowerbird.data.events import Action
from bowerbird.serve.app_state import AppState
from bowerbird.serve.gorse.bodies import FeedbackPage
from bowerbird.serve.gorse.cursors import read_cursor, write_cursor
from bowerbird.serve.gorse.feedback import as_feedback, feedback_rows, of_type


class FeedbackReader:
    """Reads feedback from the log; one request at a time, since that of all users reads it whole."""

    def __init__(self, app_state: AppState) -> None:
        self._app_state = app_state
        self._thread = CapacityLimiter(1)

    async def of_user(self, user: str, actions: tuple[Action, ...], item_id: str | None = None) -> pa.Table:
        """Rows of one user, of some actions; those of an item, where it is named."""
        return await self._read(lambda: self._app_state.served.reader.events_of(user), actions, item_id)

    async def of_all_users(self, actions: tuple[Action, ...], item_id: str | None = None) -> pa.Table:
        """Rows of all users but those who are being erased."""

        def events() -> pa.Table:
            table = self._app_state.store.log.read()
            erased = pa.array(list(self._app_state.ids_in_erasure()), pa.string())
            return table.filter(pc.invert(pc.is_in(table["user_id"], erased)))

        return await self._read(events, actions, item_id)

    async def _read(
        self, events: Callable[[], pa.Table], actions: tuple[Action, ...], item_id: str | None
    ) -> pa.Table:
        def rows() -> pa.Table:
            table = of_type(events(), actions)
            if item_id is not None:
                table = table.filter(pc.equal(table["item_id"], item_id))
            listed = feedback_rows(table)
            return listed.filter(pc.is_in(listed["action"], pa.array(list(actions), pa.string())))

        return await to_thread.run_sync(rows, limiter=self._thread)


def page_of(rows: pa.Table, n: int, cursor: str, feedback_type: str = "") -> FeedbackPage:
    """The n rows after those of a cursor, which names the last row of the page before."""
    keys = list(zip(*(rows[name].to_pylist() for name in ("user_id", "item_id", "action")), strict=True))
    first = bisect.bisect_right(keys, read_cursor(cursor, 3)) if cursor else 0
    end = first + n
    following = write_cursor(*keys[end - 1]) if end < len(keys) else ""
    return FeedbackPage(Cursor=following, Feedback=as_feedback(rows.slice(first, n), feedback_type))

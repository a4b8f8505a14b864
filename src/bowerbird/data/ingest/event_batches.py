"""Checks of many events at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray
from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.ingest.event_checks import IN_FUTURE, UNKNOWN_ITEM
from bowerbird.data.ingest.id_set import IdSet
from bowerbird.data.logs.event_ids import with_event_ids
from bowerbird.data.readers.records import EventBatch, EventDraft, RejectedRow
from bowerbird.ids import MAX_ID_LENGTH, id_fault


def batch_of(drafts: Sequence[EventDraft]) -> EventBatch:
    """One batch of events that were read one by one."""
    rows = [draft.event.as_row() for draft in drafts]
    locations = [draft.location for draft in drafts]
    repairs = {index: draft.repairs for index, draft in enumerate(drafts) if draft.repairs}
    return EventBatch(pa.Table.from_pylist(rows, schema=EVENT_SCHEMA), locations, repairs)


def check_batch(
    batch: EventBatch, known: IdSet, latest: datetime
) -> tuple[pa.Table, Iterator[RejectedRow], BoolArray]:
    """The accepted events, with their ids; the others, with their reasons; which are accepted, (n,).

    The rules are those of `event_checks.rejection_reason`: usable ids of users, known items, and times up to
    `latest`.
    """
    rows = batch.rows
    items = rows["item_id"].combine_chunks().dictionary_encode()
    is_known = known.contains(items.dictionary.to_pylist())[items.indices.to_numpy(zero_copy_only=False)]
    in_future = pc.greater(rows["at"], pa.scalar(latest, rows.schema.field("at").type))
    has_user = _have_usable_ids(rows["user_id"].combine_chunks())
    is_accepted = is_known & has_user & ~in_future.to_numpy()
    rejected = _rejected(batch, is_known, np.flatnonzero(~is_accepted).tolist())
    accepted = rows if is_accepted.all() else rows.filter(pa.array(is_accepted))
    return with_event_ids(accepted), rejected, is_accepted


def _rejected(batch: EventBatch, is_known: BoolArray, indices: list[int]) -> Iterator[RejectedRow]:
    for index in indices:
        row = batch.rows.slice(index, 1).to_pylist()[0]
        fault = id_fault(row["user_id"])
        reason = IN_FUTURE if is_known[index] else UNKNOWN_ITEM
        yield RejectedRow("events", f"the user id {fault}" if fault else reason, batch.locations[index], row)


def _have_usable_ids(users: pa.Array) -> BoolArray:
    """Whether `id_fault` finds nothing wrong with each user's id, (n,): it is asked where it may."""
    ids = users.dictionary_encode()
    longer = pc.greater(pc.utf8_length(ids.dictionary), MAX_ID_LENGTH)
    odd = pc.match_substring_regex(ids.dictionary, r"^\.{0,2}$|\x00")
    suspects = np.flatnonzero(pc.or_(longer, odd).to_numpy(zero_copy_only=False))
    usable = np.ones(len(ids.dictionary), bool)
    usable[suspects] = [not id_fault(ids.dictionary[row].as_py()) for row in suspects.tolist()]
    of_rows: BoolArray = usable[ids.indices.to_numpy(zero_copy_only=False)]
    return of_rows

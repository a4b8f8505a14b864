"""Erasing a person from the store: log, boards, what they said of their taste, reports of refused rows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bowerbird.data.store import Store, write_atomically
from bowerbird.taste import snapshot
from bowerbird.taste.overrides import Overrides


@dataclass(frozen=True)
class Erased:
    """What erasing a person took."""

    events: int  # that the log held of them
    generation: int  # of the log before
    alone: int | None
    """Generation of the log after; None where something else changed it at the same time."""


def forget(store: Store, user_id: str) -> Erased:
    """Erase a person from every file of a store.

    The ranker is learnt anew when it is next needed. Vectors and grafts that were trained with these events
    stay until they are trained again; they hold no person's rows.
    """
    with store.lock("bowerbird taste forget"):
        before = store.log.generation
        removed = store.log.forget(user_id)
        after = store.log.generation
        snapshot.drop(store)
        Overrides(store).drop(user_id)
        _forget_collections(store, user_id)
        _forget_refused(store, user_id)
        if removed:
            store.drop(
                "ranker"
            )  # it holds who liked what, if not by whose name; it is learnt anew when needed
    return Erased(removed, before, after if after == before + store.log.forget_adds else None)


def _forget_collections(store: Store, user_id: str) -> None:
    """Drop the person's boards, from the versions before as well."""
    collections = store.collections()
    others = [one for one in collections if one.user_id != user_id]
    if len(others) < len(collections):
        store.publish_collections(others)
        store.drop_old("collections")


def _forget_refused(store: Store, user_id: str) -> None:
    """Drop the refused rows that name the person anywhere: what a refused row meant can't be told."""
    written = (re.escape(one) for one in {user_id, json.dumps(user_id)[1:-1]})
    named = re.compile(rf"(?<!\w)(?:{'|'.join(written)})(?!\w)")
    for path in store.reports.glob("refused-*.jsonl"):
        lines = path.read_text().splitlines(keepends=True)
        kept = [line for line in lines if not named.search(line)]
        if len(kept) < len(lines):
            write_atomically(path, "".join(kept).encode())

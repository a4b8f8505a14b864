"""Erasing users from the store: log, boards, what they said of their taste, reports of refused rows.

In two steps. `request_erasures` is durable in milliseconds, and whoever follows the queue knows the users no
more; `erase_queued` rewrites the files once for all who wait. One that is killed is done again by the next.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bowerbird.data.durable import remove_partial_files, write_atomically
from bowerbird.data.logs.contract import LogMark
from bowerbird.data.store import Store
from bowerbird.taste.control.erasure_queue import ErasureBatch, ErasureQueue, ErasureRequest
from bowerbird.taste.control.overrides import Overrides
from bowerbird.taste.state import saved_states

LEARNED = ("ranker", "completion")
"""Kinds of versions that hold what users like."""


def is_named(store: Store, user_id: str) -> bool:
    """Whether anything in a store names a user, so that there is something to erase. Changes no file."""
    return (
        Overrides(store).names(user_id)
        or any(_has_board(path, {user_id}) for path in _collection_files(store))
        or any(_lines_without(path, {user_id}) is not None for path in _refused_files(store))
        or saved_states.names(store, user_id)
        or store.log.has_events_of(user_id)
    )


def request_erasures(store: Store, user_ids: Sequence[str], queue: ErasureQueue | None = None) -> None:
    """Queue users, whom something names, to be erased; durable when this returns.

    What they said of their taste goes now, so that what a new user of the same id says later stays.
    """
    Overrides(store).drop(user_ids)
    (queue or ErasureQueue(store)).add(user_ids)


def erase_queued(store: Store, begun: Callable[[], object] = lambda: None) -> int | None:
    """Erase all who are queued from every file of a store; gives how many events the log held of them.

    None, and no file changes, where nobody waits. Who follows the queue calls `begun` between the
    acknowledgement and the first change. Boards and refused rows that name a user go even if they are newer
    than the acknowledgement: they have no place in the log. Ranker and completion are trained again when they
    are next needed, if they may hold what the users liked. Vectors and grafts that were trained with these
    events stay until they are trained again; they hold no user's rows.
    """
    queue = ErasureQueue(store)
    if not queue.read().requests:
        return None
    with store.lock("bowerbird taste forget", wait=True):
        if not queue.read().requests:
            return None
        batch, is_resumed = queue.begin(store.log.generation)
        begun()
        users = _marks(queue.read().of(batch.requests), store)
        saved_states.drop(store)
        had_boards = _forget_collections(store, users.keys())
        _forget_refused(store, users.keys())
        removed = store.log.forget_all(users)
        if removed or had_boards or is_resumed:
            for kind in LEARNED:
                store.drop(kind)
        _remove_parts(store)
        after, collections = store.log.generation, store.current("collections")
        is_alone = after == batch.before + (store.log.generations_per_forget if removed else 0)
        name = collections.name if collections else ""
        queue.finish(ErasureBatch(batch.requests, batch.before if is_alone else -1, after, name))
    return removed


def forget(store: Store, *user_ids: str) -> int:
    """Erase users from every file of a store, and all who are queued; gives how many events the log held.

    Where nothing names them and nobody waits, no file changes.
    """
    named = [user for user in user_ids if is_named(store, user)]
    if named:
        request_erasures(store, named)
    return erase_queued(store) or 0


def _marks(requests: Sequence[ErasureRequest], store: Store) -> dict[str, LogMark]:
    """Up to where each user is erased; the latest request of a user tells."""
    return {request.user_id: request.until(store) for request in requests}


def _remove_parts(store: Store) -> None:
    """Remove what killed writers left half written; the caller holds the store's lock."""
    with store.exclusive("overrides"):
        remove_partial_files(Overrides(store).path)
    for pattern in ("reports/.refused-*", "collections/*/.*-*"):
        for part in store.path.glob(pattern):
            part.unlink(missing_ok=True)


# -- boards -------------------------------------------------------------------------------------------------


def _collection_files(store: Store) -> list[Path]:
    """Of every version that is kept, the current one and those before it."""
    return sorted(store.path.glob("collections/*/collections.parquet"))


def _is_theirs(owners: pa.ChunkedArray, user_ids: Collection[str]) -> pa.ChunkedArray:
    return pc.is_in(owners, pa.array(list(user_ids), pa.string()))


def _has_board(path: Path, user_ids: Collection[str]) -> bool:
    owners = pq.read_table(path, columns=["user_id"])["user_id"]
    return bool(pc.any(_is_theirs(owners, user_ids)).as_py())


def _forget_collections(store: Store, user_ids: Collection[str]) -> bool:
    """Drop the users' boards from every version; whether there were any.

    What is current is published anew, so that whoever watches versions notices. Those before it are
    rewritten where they are, which nothing else does to a version: a rollback must not bring anyone back.
    """
    named = [path for path in _collection_files(store) if _has_board(path, user_ids)]
    collections = store.collections()
    others = [collection for collection in collections if collection.user_id not in user_ids]
    if len(others) < len(collections):
        store.publish_collections(others)
    for path in named:
        if path.exists():  # publishing removes the oldest
            _rewrite_without(path, user_ids)
    return bool(named)


def _rewrite_without(path: Path, user_ids: Collection[str]) -> None:
    table = pq.read_table(path)
    others = table.filter(pc.invert(_is_theirs(table["user_id"], user_ids)))
    content, about = io.BytesIO(), path.with_name("meta.json")
    pq.write_table(others, content)
    write_atomically(path, content.getvalue())
    meta = json.loads(about.read_text()) | {"collections": others.num_rows}
    write_atomically(about, json.dumps(meta, indent=1).encode())


# -- refused rows -------------------------------------------------------------------------------------------


def _refused_files(store: Store) -> list[Path]:
    return sorted(store.path.glob("reports/refused-*.jsonl"))


def _lines_without(path: Path, user_ids: Collection[str]) -> list[str] | None:
    """The rows that do not name the users anywhere, since what a refused row meant can't be told; None where
    that is all of them."""
    written = {form for user in user_ids for form in (user, json.dumps(user)[1:-1])}
    named = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, written))})(?!\w)")
    lines = path.read_text().splitlines(keepends=True)
    others = [line for line in lines if not named.search(line)]
    return others if len(others) < len(lines) else None


def _forget_refused(store: Store, user_ids: Collection[str]) -> None:
    for path in _refused_files(store):
        others = _lines_without(path, user_ids)
        if others is not None:
            write_atomically(path, "".join(others).encode())

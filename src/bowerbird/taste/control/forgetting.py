"""Erasing users from the store: log, boards, overrides of their taste, exposures, rejected rows.

In two steps. `request_erasures` is durable in milliseconds, and every process that follows the queue forgets
the users then; `erase_queued` rewrites the files once for all queued users. If it is killed, the next call
does the work again.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bowerbird.data.files.durable import remove_partial_files, write_atomically
from bowerbird.data.files.records import read_record, write_record
from bowerbird.data.ingest.dialogues import erase_dialogues, has_dialogue_of
from bowerbird.data.ingest.staging import drop_staged
from bowerbird.data.logs.contract import LogMark
from bowerbird.data.logs.exposures import ExposureLog
from bowerbird.data.store import Store
from bowerbird.data.versions.meta import CollectionsMeta
from bowerbird.taste.control.boards import Boards
from bowerbird.taste.control.erasure_queue import ErasureBatch, ErasureQueue, ErasureRequest
from bowerbird.taste.control.overrides import Overrides
from bowerbird.taste.state import saved_states

KINDS_WITH_LIKES = ("ranker", "completion")
"""Kinds of versions that contain what users like."""


def is_named(store: Store, user_id: str) -> bool:
    """Whether anything in a store names a user, so that there is something to erase. Changes no file."""
    return (
        Overrides(store).is_named(user_id)
        or bool(Boards(store.path).of_user(user_id))
        or any(_has_board(path, {user_id}) for path in _collection_files(store))
        or any(_lines_without(path, {user_id}) is not None for path in _rejected_files(store))
        or has_dialogue_of(store, user_id)
        or saved_states.is_named(store, user_id)
        or ExposureLog(store.path).names(user_id)
        or store.log.has_events_of(user_id)
    )


def request_erasures(store: Store, user_ids: Sequence[str], queue: ErasureQueue | None = None) -> None:
    """Queue users that the store names to be erased; durable when this returns.

    Their overrides and the boards that they made are removed now, so that those of a new user with the same
    id, made later, stay.
    """
    users = [store.log.user_of(user_id) for user_id in user_ids]  # an alias names its user
    every_id = [*user_ids, *(any_id for user in users for any_id in store.log.ids_of(user))]
    Overrides(store).drop(every_id)
    Boards(store.path).erase(every_id)
    (queue or ErasureQueue(store)).add(users)


def erase_queued(store: Store, begun: Callable[[], object] = lambda: None) -> int | None:
    """Erase all queued users from every file of a store; return how many events the log held of them.

    Returns None, and no file changes, where the queue is empty. `begun` is called before the first change, so
    that a graph can follow the queue first. Boards and rejected rows that name a user are removed even if
    they are newer than the acknowledgement: they have no place in the log. Ranker and completion are trained
    again when they are next needed, if they may contain what the users liked. Vectors and grafts that were
    trained with these events stay until they are trained again; they contain no user's rows.
    """
    queue = ErasureQueue(store)
    if not queue.read().requests:
        return None
    with store.lock("bowerbird taste forget", wait=True):
        if not queue.read().requests:
            return None
        batch, is_resumed = queue.begin(store.log.generation)
        begun()
        users = _marks_by_id(queue.read().requests_of(batch), store)
        saved_states.drop(store)
        had_boards = _erase_boards(store, users.keys())
        _erase_rejected_rows(store, users.keys())
        ExposureLog(store.path).forget(users.keys())
        drop_staged(store.path)
        if erase_dialogues(store, users.keys()):
            store.drop("dialogue-ranker")  # it holds the words of each conversation
        removed = store.log.forget_all(users)
        if removed or had_boards or is_resumed:
            for kind in KINDS_WITH_LIKES:
                store.drop(kind)
        _remove_parts(store)
        generation, collections = store.log.generation, store.current("collections")
        is_only_change = generation == batch.before + (store.log.generations_per_forget if removed else 0)
        name = collections.name if collections else ""
        queue.finish(ErasureBatch(batch.requests, batch.before if is_only_change else -1, generation, name))
    return removed


def forget(store: Store, *user_ids: str) -> int:
    """Erase users from every file of a store, and all queued ones; return how many events the log held.

    Where nothing names them and the queue is empty, no file changes.
    """
    known_ids = [user for user in user_ids if is_named(store, user)]
    if known_ids:
        request_erasures(store, known_ids)
    return erase_queued(store) or 0


def _marks_by_id(requests: Sequence[ErasureRequest], store: Store) -> dict[str, LogMark]:
    """The mark of the log up to which each user is erased, that of the latest request, for all their ids."""
    marks = {request.user_id: request.until(store) for request in requests}
    return {any_id: mark for user, mark in marks.items() for any_id in (user, *store.log.ids_of(user))}


def _remove_parts(store: Store) -> None:
    """Remove unfinished files of killed writers; the caller holds the store's lock."""
    with store.exclusive("overrides"):
        remove_partial_files(Overrides(store).path)
    for pattern in ("reports/.refused-*", "collections/*/.*-*"):
        for path in store.path.glob(pattern):
            path.unlink(missing_ok=True)


# -- boards -------------------------------------------------------------------------------------------------


def _collection_files(store: Store) -> list[Path]:
    """The files of every stored version, the current one and those before it."""
    return sorted(store.path.glob("collections/*/collections.parquet"))


def _is_owned_by(owners: pa.ChunkedArray, user_ids: Collection[str]) -> pa.ChunkedArray:
    return pc.is_in(owners, pa.array(list(user_ids), pa.string()))


def _has_board(path: Path, user_ids: Collection[str]) -> bool:
    owners = pq.read_table(path, columns=["user_id"])["user_id"]
    return bool(pc.any(_is_owned_by(owners, user_ids)).as_py())


def _erase_boards(store: Store, user_ids: Collection[str]) -> bool:
    """Drop the users' boards from every version; return whether there were any.

    The current collections are published again, so that processes that watch versions notice. Those before
    are rewritten in place, which nothing else does to a version: a rollback must not bring a user back.
    """
    paths = [path for path in _collection_files(store) if _has_board(path, user_ids)]
    collections = store.collections()
    remaining = [collection for collection in collections if collection.user_id not in user_ids]
    if len(remaining) < len(collections):
        store.publish_collections(remaining)
    for path in paths:
        if path.exists():  # publishing removes the oldest
            _rewrite_without(path, user_ids)
    return bool(paths)


def _rewrite_without(path: Path, user_ids: Collection[str]) -> None:
    table = pq.read_table(path)
    remaining = table.filter(pc.invert(_is_owned_by(table["user_id"], user_ids)))
    content, meta_path = io.BytesIO(), path.with_name("meta.json")
    pq.write_table(remaining, content)
    write_atomically(path, content.getvalue())
    meta = read_record(meta_path, CollectionsMeta)
    write_record(meta_path, replace(meta, collections=remaining.num_rows))


# -- rejected rows ------------------------------------------------------------------------------------------


def _rejected_files(store: Store) -> list[Path]:
    return sorted(store.path.glob("reports/refused-*.jsonl"))


def _lines_without(path: Path, user_ids: Collection[str]) -> list[str] | None:
    """The rows that do not contain the users' ids anywhere; None where that is all of them.

    Anywhere, since the field that holds the user of a rejected row is not known.
    """
    spellings = {spelling for user in user_ids for spelling in (user, json.dumps(user)[1:-1])}
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, spellings))})(?!\w)")
    lines = path.read_text().splitlines(keepends=True)
    remaining = [line for line in lines if not pattern.search(line)]
    return remaining if len(remaining) < len(lines) else None


def _erase_rejected_rows(store: Store, user_ids: Collection[str]) -> None:
    for path in _rejected_files(store):
        remaining = _lines_without(path, user_ids)
        if remaining is not None:
            write_atomically(path, "".join(remaining).encode())

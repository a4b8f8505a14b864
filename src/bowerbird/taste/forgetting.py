"""Erasing a person from the store: log, boards, what they said of their taste, reports of refused rows."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

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


def is_named(store: Store, user_id: str) -> bool:
    """Whether anything in a store names a person, so that there is something to erase. Changes no file."""
    return (
        Overrides(store).names(user_id)
        or any(_has_board(path, user_id) for path in _collection_files(store))
        or any(_lines_without(path, user_id) is not None for path in _refused_files(store))
        or snapshot.names(store, user_id)
        or store.log.names(user_id)
    )


def forget(store: Store, user_id: str) -> Erased:
    """Erase a person from every file of a store; where nothing names them, no file changes.

    The ranker is trained again when it is next needed, if it may hold what they liked. Vectors and grafts
    that were trained with these events stay until they are trained again; they hold no person's rows.
    """
    if not is_named(store, user_id):
        return Erased(0, store.log.generation, store.log.generation)
    with store.lock("bowerbird taste forget"):
        # The log comes last: while it names the person, all of this is done again after a kill.
        snapshot.drop(store)
        Overrides(store).drop(user_id)
        had_boards = _forget_collections(store, user_id)
        _forget_refused(store, user_id)
        if had_boards or store.log.names(user_id):
            store.drop("ranker")
            store.drop("completion")
        before = store.log.generation
        removed = store.log.forget(user_id)
        after = store.log.generation
    expected = before + (store.log.forget_adds if removed else 0)
    return Erased(removed, before, after if after == expected else None)


# -- boards -------------------------------------------------------------------------------------------------


def _collection_files(store: Store) -> list[Path]:
    """Of every version that is kept, the current one and those before it."""
    return sorted(store.path.glob("collections/*/collections.parquet"))


def _has_board(path: Path, user_id: str) -> bool:
    owners = pq.read_table(path, columns=["user_id"])["user_id"]
    return bool(pc.any(pc.equal(owners, user_id)).as_py())


def _forget_collections(store: Store, user_id: str) -> bool:
    """Drop the person's boards from every version; whether there were any.

    What is current is published anew, so that whoever watches versions notices. Those before it are
    rewritten where they are, which nothing else does to a version: a rollback must not bring the person back.
    """
    named = [path for path in _collection_files(store) if _has_board(path, user_id)]
    collections = store.collections()
    others = [one for one in collections if one.user_id != user_id]
    if len(others) < len(collections):
        store.publish_collections(others)
    for path in named:
        if path.exists():  # publishing removes the oldest
            _rewrite_without(path, user_id)
    return bool(named)


def _rewrite_without(path: Path, user_id: str) -> None:
    table = pq.read_table(path)
    theirs = pc.fill_null(pc.equal(table["user_id"], user_id), False)
    others, content, about = table.filter(pc.invert(theirs)), io.BytesIO(), path.with_name("meta.json")
    pq.write_table(others, content)
    write_atomically(path, content.getvalue())
    meta = json.loads(about.read_text()) | {"collections": others.num_rows}
    write_atomically(about, json.dumps(meta, indent=1).encode())


# -- refused rows -------------------------------------------------------------------------------------------


def _refused_files(store: Store) -> list[Path]:
    return sorted(store.path.glob("reports/refused-*.jsonl"))


def _lines_without(path: Path, user_id: str) -> list[str] | None:
    """The rows that do not name the person anywhere, since what a refused row meant can't be told; None where
    that is all of them."""
    written = (re.escape(one) for one in {user_id, json.dumps(user_id)[1:-1]})
    named = re.compile(rf"(?<!\w)(?:{'|'.join(written)})(?!\w)")
    lines = path.read_text().splitlines(keepends=True)
    others = [line for line in lines if not named.search(line)]
    return others if len(others) < len(lines) else None


def _forget_refused(store: Store, user_id: str) -> None:
    for path in _refused_files(store):
        others = _lines_without(path, user_id)
        if others is not None:
            write_atomically(path, "".join(others).encode())

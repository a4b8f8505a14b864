"""Recommendations for a file of users: histories in, ranked lists out, both Parquet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.data.items import Catalogue
from bowerbird.data.readers.fields import time_of
from bowerbird.errors import InputError
from bowerbird.recommend.recommender import RankedList
from bowerbird.taste.state import SECOND, microseconds

CLICK = ACTION_CODE["click"]


def read_histories(path: Path, catalogue: Catalogue) -> tuple[list[str], list[History], int]:
    """People and histories of a file, in order of appearance, and how many rows name no known item.

    Columns: `user_id`, `item_id`, and, if there, `at` (rows are else taken to be in order) and `action`
    (else clicks). Raises `InputError` for a file without them, or with an unknown action.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read as Parquet ({error})") from None
    lacking = [name for name in ("user_id", "item_id") if name not in table.column_names]
    if lacking:
        there = ", ".join(table.column_names)
        raise InputError(f"{path} has no column {', '.join(lacking)}; it has {there}")
    users = [str(user) for user in table["user_id"].to_pylist()]
    if table["user_id"].null_count:
        row = table["user_id"].to_pylist().index(None) + 1
        raise InputError(f"row {row} of {path} has no user_id: say whose history it is, or leave it out")
    items = pc.index_in(_as_text(table, "item_id", path), value_set=pa.array(catalogue.ids, pa.string()))
    positions = np.array([-1 if row is None else row for row in items.to_pylist()], np.int64)
    at, actions = _times(table, path), _actions(table, path)
    rows_of: dict[str, list[int]] = {}
    for row, user in enumerate(users):
        rows_of.setdefault(user, []).append(row)
    histories = [_history(np.array(rows), positions, actions, at) for rows in rows_of.values()]
    return list(rows_of), histories, int((positions < 0).sum())


def _as_text(table: pa.Table, name: str, path: Path) -> pa.ChunkedArray:
    try:
        return table[name].cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"column {name} of {path} is {table[name].type}: text or numbers are expected"
        ) from None


def _history(rows: np.ndarray, positions: np.ndarray, actions: np.ndarray, at: np.ndarray) -> History:
    rows = rows[positions[rows] >= 0]
    rows = rows[np.argsort(at[rows], kind="stable")]
    return History(positions[rows], actions[rows], at[rows])


def _times(table: pa.Table, path: Path) -> np.ndarray:
    if "at" not in table.column_names:
        return np.arange(table.num_rows, dtype=np.int64) * SECOND  # a state tells seconds apart, not less
    moments = [time_of(said) for said in table["at"].to_pylist()]
    bad = next((row for row, moment in enumerate(moments) if moment is None), None)
    if bad is not None:
        said = table["at"][bad].as_py()
        raise InputError(f"row {bad + 1} of {path} has {said!r} as `at`: give a timestamp, a date or seconds")
    return np.array([microseconds(m) for m in moments if m is not None], np.int64)


def _actions(table: pa.Table, path: Path) -> np.ndarray:
    if "action" not in table.column_names:
        return np.full(table.num_rows, CLICK, np.int8)
    said = ["click" if action is None else str(action) for action in table["action"].to_pylist()]
    unknown = sorted(set(said) - set(ACTION_CODE))
    if unknown:
        raise InputError(f"{path} has the actions {unknown}; known are {', '.join(ACTION_CODE)}")
    return np.array([ACTION_CODE[action] for action in said], np.int8)


def write_lists(path: Path, users: Sequence[str], lists: Iterable[RankedList], catalogue: Catalogue) -> int:
    """Write `user_id`, `rank` (from 1), `item_id`, `score`; gives the number of rows. Whole or not at all."""
    ids = np.array(catalogue.ids, dtype=object)
    names, ranks, items, scores = [], [], [], []
    for user, ranked in zip(users, lists, strict=True):
        n = len(ranked.rows)
        names.append(np.full(n, user, dtype=object))
        ranks.append(np.arange(1, n + 1))
        items.append(ids[ranked.positions])
        scores.append(ranked.relevance)
    table = pa.table(
        {
            "user_id": pa.array(_join(names, object), pa.string()),
            "rank": pa.array(_join(ranks, np.int32), pa.int32()),
            "item_id": pa.array(_join(items, object), pa.string()),
            "score": pa.array(_join(scores, np.float32), pa.float32()),
        }
    )
    part = path.with_name(f".{path.name}.part")
    try:
        pq.write_table(table, part)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path} can't be written ({error}): name another file") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return int(table.num_rows)


def _join(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    joined: np.ndarray = np.concatenate([np.zeros(0, kind), *parts]).astype(kind)
    return joined

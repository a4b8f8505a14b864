"""Lists for a whole file: histories of users, or sets of items, in; ranked items out; both Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bowerbird.data.arrays import IntArray, RealArray
from bowerbird.data.events import ACTION_CODE
from bowerbird.data.files.durable import replacing
from bowerbird.data.interactions import History
from bowerbird.data.items import Catalogue
from bowerbird.data.readers.fields import parse_time
from bowerbird.data.times import SECOND
from bowerbird.errors import InputError
from bowerbird.progress import track
from bowerbird.recommend.completion.completer import Completer
from bowerbird.recommend.recommendation import RankedList
from bowerbird.taste.state.user_state import microseconds

CLICK = ACTION_CODE["click"]


def read_histories(path: Path, catalogue: Catalogue) -> tuple[list[str], list[History], int]:
    """People and histories of a file, in order of appearance, and how many rows name no known item.

    Columns: `user_id`, `item_id`, and, if there, `at` (rows are else taken to be in order) and `action`
    (else clicks). Raises `InputError` for a file without them, or with an unknown action.
    """
    table = _read(path, ("user_id", "item_id"))
    users = [str(user) for user in table["user_id"].to_pylist()]
    positions = _positions(table, path, catalogue)
    at, actions = _times(table, path), _actions(table, path)
    rows_of: dict[str, list[int]] = {}
    for row, user in enumerate(users):
        rows_of.setdefault(user, []).append(row)
    histories = [_history(np.array(rows), positions, actions, at) for rows in rows_of.values()]
    return list(rows_of), histories, int((positions < 0).sum())


@dataclass(frozen=True)
class SetFile:
    """Sets of items of a file, in order of appearance."""

    ids: list[str]
    positions: list[IntArray]
    """Of each set its known items, (k,) int64."""
    unknown: int
    """Rows that name items which the catalogue does not hold."""


def read_sets(path: Path, catalogue: Catalogue) -> SetFile:
    """Read sets of items from a file with the columns `collection_id` and `item_id`.

    Raises `InputError` for a file without them.
    """
    table = _read(path, ("collection_id", "item_id"))
    positions = _positions(table, path, catalogue)
    rows_of: dict[str, list[int]] = {}
    for row, collection_id in enumerate(table["collection_id"].to_pylist()):
        rows_of.setdefault(str(collection_id), []).append(row)
    sets = [np.unique(positions[rows][positions[rows] >= 0]) for rows in rows_of.values()]
    return SetFile(list(rows_of), sets, int((positions < 0).sum()))


def _read(path: Path, columns: tuple[str, str]) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read as Parquet ({error})") from None
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        column_names = ", ".join(table.column_names)
        raise InputError(f"{path} has no column {', '.join(missing)}; it has {column_names}")
    key = columns[0]
    if table[key].null_count:
        row = table[key].to_pylist().index(None) + 1
        raise InputError(f"row {row} of {path} has no {key}: fill it in, or leave the row out")
    return table


def _positions(table: pa.Table, path: Path, catalogue: Catalogue) -> IntArray:
    """Positions of the column `item_id`, (rows,) int64, -1 for items that the catalogue does not hold."""
    rows = pc.index_in(_as_text(table, "item_id", path), value_set=pa.array(catalogue.ids, pa.string()))
    return np.array([-1 if row is None else row for row in rows.to_pylist()], np.int64)


def _as_text(table: pa.Table, name: str, path: Path) -> pa.ChunkedArray:
    try:
        return table[name].cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"column {name} of {path} is {table[name].type}: text or numbers are expected"
        ) from None


def _history(rows: IntArray, positions: IntArray, actions: NDArray[np.int8], at: IntArray) -> History:
    rows = rows[positions[rows] >= 0]
    rows = rows[np.argsort(at[rows], kind="stable")]
    return History(positions[rows], actions[rows], at[rows])


def _times(table: pa.Table, path: Path) -> IntArray:
    if "at" not in table.column_names:
        return np.arange(table.num_rows, dtype=np.int64) * SECOND  # a state tells seconds apart, not less
    moments = [parse_time(value) for value in table["at"].to_pylist()]
    bad = next((row for row, moment in enumerate(moments) if moment is None), None)
    if bad is not None:
        value = table["at"][bad].as_py()
        raise InputError(
            f"row {bad + 1} of {path} has {value!r} as `at`: give a timestamp, a date or seconds"
        )
    return np.array([microseconds(m) for m in moments if m is not None], np.int64)


def _actions(table: pa.Table, path: Path) -> NDArray[np.int8]:
    if "action" not in table.column_names:
        return np.full(table.num_rows, CLICK, np.int8)
    actions = ["click" if action is None else str(action) for action in table["action"].to_pylist()]
    unknown = sorted(set(actions) - set(ACTION_CODE))
    if unknown:
        raise InputError(f"{path} has the actions {unknown}; known are {', '.join(ACTION_CODE)}")
    return np.array([ACTION_CODE[action] for action in actions], np.int8)


def write_lists(path: Path, users: Sequence[str], lists: Iterable[RankedList], catalogue: Catalogue) -> int:
    """Write `user_id`, `rank` (from 1), `item_id`, `score`; gives the number of rows. Whole or not at all."""
    return _write(path, "user_id", users, ((each.positions, each.relevance) for each in lists), catalogue)


def write_completions(path: Path, sets: SetFile, completer: Completer, n: int) -> int:
    """Write `collection_id`, `rank` (from 1), `item_id`, `score` of what each set misses; gives the rows.

    Sets without a known item have none.
    """
    known = [row for row, positions in enumerate(sets.positions) if len(positions)]
    answers = track(
        completer.complete_many([sets.positions[row] for row in known], n), "completing", len(known)
    )
    ids = [sets.ids[row] for row in known]
    return _write(path, "collection_id", ids, answers, completer.catalogue)


def _write(
    path: Path,
    key: str,
    names: Sequence[str],
    lists: Iterable[tuple[IntArray, RealArray]],
    catalogue: Catalogue,
) -> int:
    """Write ranked items, positions and scores of each name, whole or not at all; gives the rows."""
    ids = np.array(catalogue.ids, dtype=object)
    keys, ranks, items, scores = [], [], [], []
    for name, (positions, values) in zip(names, lists, strict=True):
        keys.append(np.full(len(positions), name, dtype=object))
        ranks.append(np.arange(1, len(positions) + 1))
        items.append(ids[positions])
        scores.append(values)
    table = pa.table(
        {
            key: pa.array(_join(keys, object), pa.string()),
            "rank": pa.array(_join(ranks, np.int32), pa.int32()),
            "item_id": pa.array(_join(items, object), pa.string()),
            "score": pa.array(_join(scores, np.float32), pa.float32()),
        }
    )
    try:
        with replacing(path) as temporary:
            pq.write_table(table, temporary)
    except OSError as error:
        raise InputError(f"{path} can't be written ({error}): name another file") from None
    return int(table.num_rows)


def _join(parts: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
    joined: NDArray[Any] = np.concatenate([np.zeros(0, kind), *parts]).astype(kind)
    return joined

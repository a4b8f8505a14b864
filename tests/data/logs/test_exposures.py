"""The exposure log: nothing is written twice, an erased user is in no file, old files make room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bowerbird.data.logs import exposures
from bowerbird.data.logs.exposures import EXPOSURE_SCHEMA, ExposureLog


def row(user: str | None, item: str, **fields: Any) -> dict[str, Any]:
    return {
        "recommendation_id": "r1", "at": datetime(2026, 1, 1, tzinfo=UTC), "surface": "home", "user_id": user,
        "item_id": item, "position": 1, "propensity": 0.5, "score": 1.0, "source": "walk", "version_set": 3,
        **fields,
    }  # fmt: skip


def write(log: ExposureLog, *rows: dict[str, Any]) -> None:
    with log.writing():
        log.append(rows)


def test_what_was_written_is_read_back_by_another_process(tmp_path: Path) -> None:
    log = ExposureLog(tmp_path)
    assert ExposureLog(tmp_path).read().num_rows == 0
    for number in range(3):
        write(log, row("ann", f"i{number}"), row(None, f"i{number}"))
    table = ExposureLog(tmp_path).read()
    assert table.schema == EXPOSURE_SCHEMA and table.num_rows == 6 and len(log.paths()) == 1
    assert log.of_user(["ann"])["item_id"].to_pylist() == ["i0", "i1", "i2"]


def test_an_erased_user_is_in_no_file(tmp_path: Path) -> None:
    first, second = ExposureLog(tmp_path), ExposureLog(tmp_path)
    for log in (first, second):
        write(log, row("ann", "i1"), row("bob", "i2"))
    assert first.names("ann")
    ExposureLog(tmp_path).forget(["ann"])
    write(first, row("bob", "i3"))
    assert not first.names("ann")
    assert first.of_user(["bob"])["item_id"].to_pylist() == ["i2", "i3", "i2"]
    assert b"ann" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_files_have_a_size_and_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposures, "ROWS_PER_FILE", 2)
    monkeypatch.setattr(exposures, "MAX_FILES", 3)
    log = ExposureLog(tmp_path)
    for number in range(12):
        write(log, row(None, f"i{number}"))
    assert len(log.paths()) == 3 and [pq.read_table(path).num_rows for path in log.paths()] == [2, 2, 2]
    assert log.read()["item_id"].to_pylist() == [f"i{number}" for number in range(6, 12)]


def test_the_latest_lists_and_days_are_read_from_the_newest_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as from everything that was written; files of erased users and other processes between."""
    monkeypatch.setattr(exposures, "ROWS_PER_FILE", 2)
    logs = ExposureLog(tmp_path), ExposureLog(tmp_path)
    assert logs[0].read_days(3).num_rows == logs[0].read_latest(3).num_rows == 0
    for number, hour in enumerate((0, 50, 3, 90, 91, 20, 70, 93)):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
        rows = [row(f"u{number}", f"i{item}", at=at, recommendation_id=f"r{hour}") for item in (1, 2)]
        write(logs[number % 2], *rows)
    logs[0].forget(["u7", "u6"])
    table = logs[0].read()
    for n_days in (1, 2, 30):
        first = datetime(2026, 1, 4, tzinfo=UTC) - timedelta(days=n_days - 1)
        wanted = table.filter(pc.greater_equal(table["at"], first))
        assert logs[0].read_days(n_days).sort_by("at").equals(wanted.sort_by("at"))
    in_order = [f"r{hour}" for hour in (91, 90, 50, 20, 3, 0)]
    for n_lists in range(1, 8):
        latest = logs[0].read_latest(n_lists).sort_by([("at", "descending")])
        assert list(dict.fromkeys(latest["recommendation_id"].to_pylist()))[:n_lists] == in_order[:n_lists]
    assert logs[0].read_latest(1).num_rows < table.num_rows

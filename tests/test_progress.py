"""Progress of long work in a log file."""

import pytest

from bowerbird import progress


def test_a_log_file_gets_lines_with_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_INTERVAL_S", 0.0)
    assert list(progress.track(range(3), "reading", 3)) == [0, 1, 2]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"reading: {n} of 3" for n in (1, 2, 3)]
    assert all("a second" in line and line.endswith("left") for line in lines)


def test_work_that_is_soon_done_prints_nothing_to_a_log_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.track(iter("ab"), "reading")) == ["a", "b"]
    assert capsys.readouterr().err == ""

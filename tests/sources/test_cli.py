"""`bowerbird consume` from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bowerbird.cli.data import consume as command
from bowerbird.cli.main import main
from bowerbird.data.store import Store
from bowerbird.sources.consuming import ConsumerStats
from bowerbird.sources.source import Lag


@pytest.fixture
def bowerbird(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Runs a command line in this process: (exit code, standard output, standard error)."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bowerbird", *map(str, words)])
        monkeypatch.setattr(command.signal, "signal", lambda *_: None)  # pytest's own handlers stay
        with pytest.raises(SystemExit) as exit_info:
            main()
        return (int(exit_info.value.code or 0), *capfd.readouterr())

    return run


def test_a_file_until_nothing_comes(bowerbird, store: Store, body, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(body(1) + b"\n" + body(1) + b"\n{\n" + body(2))
    arguments = ("consume", store.path, "--from", f"file://{path}", "--layout", "native", "--until-idle", 0.2)
    code, out, err = bowerbird(*arguments, "--json")
    stats = json.loads(out)
    assert code == 0 and f"consuming file://{path}" in err
    assert (stats["messages"], stats["accepted"], stats["repeated"]) == (4, 2, 1)
    assert stats["rejected"] == {"not JSON": 1} and Path(stats["rejected_file"]).exists()
    path.write_bytes(path.read_bytes() + b"\n" + body(3) + b"\n")
    code, out, _ = bowerbird(*arguments)
    assert code == 0 and "events: 1 accepted, 0 repeated, 0 rejected" in out


def test_a_password_is_never_printed(bowerbird, store: Store) -> None:
    pytest.importorskip("redis")
    address = "redis://ann:s3cret@127.0.0.1:9/clicks"  # no server there
    code, out, err = bowerbird("consume", store.path, "--from", address, "--until-idle", 0.1)
    assert code == 2 and "was unavailable" in err and "retrying" in err
    assert "ann:…@127.0.0.1:9" in err and "s3cret" not in out + err


@pytest.mark.parametrize(
    "url", ["s3cret@nowhere", "redis://ann:s3cret@h/clicks?groop=1", "redis://ann:s3cret@h"]
)
def test_addresses_that_can_not_be_used(bowerbird, store: Store, url: str) -> None:
    code, out, err = bowerbird("consume", store.path, "--from", url)
    assert code == 2 and err.startswith("error: ") and "s3cret" not in out + err


def test_a_store_without_items_says_what_to_do(bowerbird, tmp_path: Path) -> None:
    empty = Store.create(tmp_path / "empty")
    code, _, err = bowerbird("consume", empty.path, "--from", f"file://{tmp_path}/events.jsonl")
    assert code == 2 and "bowerbird import" in err


def test_the_line_of_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(command.time, "monotonic", lambda: now[0])
    lags = iter([Lag(12_000, "messages"), None])
    progress = command.Progress(SimpleNamespace(lag=lambda: next(lags)))
    stats = ConsumerStats(messages=4000, accepted=3000, repeated=900)
    stats.rejected["not JSON"] = 100
    progress(stats)
    assert not capsys.readouterr().err, "printed every ten seconds"
    now[0] += 10
    progress(stats)
    line = "400 messages/s, 12,000 messages behind; events: 3,000 accepted, 900 repeated, 100 rejected\n"
    assert capsys.readouterr().err == line
    now[0] += 10
    progress(stats)
    assert not capsys.readouterr().err, "nothing new, nothing printed"

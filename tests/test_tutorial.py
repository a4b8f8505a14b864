"""The tutorial works: its files and commands, as the page shows them, in an empty folder."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bowerbird.data.store import Store
from bowerbird.recommend.recommender import Recommender

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parent.parent / "docs" / "tutorial" / "your-own-data.md"
BLOCK = re.compile(r"^```(\w*)(?: title=\"([^\"\n]*)\")?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands_in(folder: Path) -> Path:
    """A folder with `bowerbird` and `python` that run the code under test."""
    commands = folder / "bin"
    commands.mkdir()
    for name, call in {"python": sys.executable, "bowerbird": f"{sys.executable} -m bowerbird"}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec {call} "$@"\n')
        (commands / name).chmod(0o755)
    return commands


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that somebody who follows the page ends with, and all that was printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    script = ["set -e", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for language, file, text in BLOCK.findall(PAGE.read_text()):
        if file:
            (folder / file).write_text(text)
        elif language == "sh":
            script.append(text)
    commands = "\n".join(script).replace("8080", str(free_port()))
    environment = {**os.environ, "PATH": f"{commands_in(folder)}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "-c", commands], cwd=folder, env=environment, capture_output=True, text=True, timeout=900
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return folder, ran.stdout


def test_all_shown_commands_run(run: tuple[Path, str]) -> None:
    """Each shown line of output is printed, whatever the width of the columns."""
    printed = " ".join(run[1].split())
    lines = [
        line
        for language, _, text in BLOCK.findall(PAGE.read_text())
        if language == "text"
        for line in text.splitlines()
    ]
    assert len(lines) > 3
    for line in lines:
        assert " ".join(line.split()) in printed, f"not printed: {line}"


def test_the_store_holds_what_the_page_says(run: tuple[Path, str]) -> None:
    snapshot = Store.open(run[0] / "shop").snapshot()
    assert {"catalogue", "vectors", "interests", "ranker", "graft"} <= set(snapshot.names)
    assert len(snapshot.catalogue) == 80


def test_a_posted_event_is_in_the_log(run: tuple[Path, str]) -> None:
    rows = Store.open(run[0] / "shop").log.read().to_pylist()
    posted = [(row["item_id"], row["action"]) for row in rows if row["user_id"] == "newcomer"]
    assert posted == [("vase-green-wool", "click")]


def test_the_taste_that_the_script_made_is_recommended(run: tuple[Path, str]) -> None:
    """visitor-0 likes red, one colour of five: most of what is recommended is red."""
    recommender = Recommender.open(Store.open(run[0] / "shop").snapshot())
    recommendations = recommender.recommend_user("visitor-0", 5)
    colours = [item.item_id.split("-")[1] for item in recommendations]
    assert colours.count("red") >= 3


def test_the_assistant_keeps_the_rules(run: tuple[Path, str]) -> None:
    """The chat's answer about a yellow rug under 100 names such rugs."""
    chat = next(line for line in run[1].splitlines() if '"chat.completion"' in line)
    items = json.loads(chat[chat.index('{"id"') :])["bowerbird"]["items"]
    assert items
    assert all(item["item_id"].startswith("rug-yellow-") and item["price"] < 100 for item in items)

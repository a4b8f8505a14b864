"""An endpoint named in `bowerbird.toml`, through the commands: its words, its faults, its cost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bowerbird.data.items import Catalogue
from bowerbird.data.settings import SETTINGS_FILE
from bowerbird.data.store import Store
from commands import run_command
from factories import publish_vectors
from scripted_endpoint import USAGE, Fault, answer, scripted_endpoint

NEED = "a red lamp for my reading corner"
OPENING = "Here are red lamps for your reading corner."
PRICES = (2.0, 8.0)
"""Of a million tokens, read and written."""


@pytest.fixture(scope="module")
def shop_with_endpoint(
    tmp_path_factory: pytest.TempPathFactory, shop: Catalogue, shop_vectors: np.ndarray
) -> Callable[[str], Path]:
    """A store whose settings name an endpoint; nothing in it encodes a query."""
    path = tmp_path_factory.mktemp("endpoint") / "store"
    store = Store.create(path)
    store.publish_catalogue(shop)
    publish_vectors(store, shop_vectors)

    def with_url(url: str) -> Path:
        (path / SETTINGS_FILE).write_text(
            f'layout_version = 1\n[language_model]\nwriter = "endpoint"\nurl = "{url}"\nmodel = "tiny"\n'
            f'key = "env:SHOP_LLM_KEY"\ntimeout_s = 2.0\ninput_price = {PRICES[0]}\n'
            f"output_price = {PRICES[1]}\n"
        )
        return path

    return with_url


def ask(store: Path) -> tuple[dict[str, Any], str]:
    """The reply of `bowerbird ask`, a process of its own, and what went to its log."""
    line = [sys.executable, "-m", "bowerbird.cli.main", "ask", str(store), NEED, "--json"]
    environment = {"PATH": "", "SHOP_LLM_KEY": "sk-secret", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(line, capture_output=True, text=True, check=True, env=environment)
    reply: dict[str, Any] = json.loads(ended.stdout)
    return reply, ended.stderr


def token_price(usage: dict[str, int]) -> float:
    return (usage["prompt_tokens"] * PRICES[0] + usage["completion_tokens"] * PRICES[1]) / 1e6


@pytest.mark.parametrize("command", ["ask", "chat"])
def test_a_model_at_a_url_needs_settings_only(
    shop_with_endpoint: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("SHOP_LLM_KEY", "sk-secret")
    with scripted_endpoint([answer(f"{OPENING}\n1. it is red")]) as server:
        store = shop_with_endpoint(server.url)
        ended = run_command(command, store, *[NEED] * (command == "ask"), "--json", messages=NEED)
    output = json.loads(ended.stdout)
    cost = output["cost"]
    assert output["text"].startswith(OPENING) and output["writer"] == "mixed"
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"
    assert (cost["model"], cost["prompt_tokens"]) == ("tiny", USAGE["prompt_tokens"])
    machine = cost["ms"] / 3_600_000 * 0.20
    assert cost["money"] == pytest.approx(token_price(USAGE) + machine, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.RATE_LIMITED, Fault.HALF, Fault.SILENT, None])
def test_a_fault_costs_the_words_and_is_in_the_log(
    shop_with_endpoint: Callable[[str], Path], fault: Fault | None
) -> None:
    with scripted_endpoint([fault or answer(OPENING)]) as server:
        store = shop_with_endpoint(server.url)
        if fault is not None:
            reply, log = ask(store)
    if fault is None:  # the server is down
        reply, log = ask(store)
    assert reply["writer"] == "template" and len(reply["items"]) == 4
    assert "the endpoint failed" in log and "Traceback" not in log and "sk-secret" not in log
    has_begun = fault is Fault.HALF
    assert (reply["cost"]["model"] == "tiny") == has_begun == (reply["cost"]["completion_tokens"] > 0)

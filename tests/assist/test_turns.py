"""Recommendations come before messages, and messages take turns."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bowerbird.assist.parts import turns as turns_module
from bowerbird.assist.parts.turns import Turns

LIMIT_S = 30


def test_a_message_waits_for_recommendations_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "MAX_WAIT_S", LIMIT_S)
    turns, has_begun, order = Turns(), threading.Event(), list[str]()

    def answer() -> None:
        has_begun.set()
        with turns.message():
            order.append("message")

    with ThreadPoolExecutor() as pool:
        with turns.recommendation(), turns.recommendation():  # side by side
            message = pool.submit(answer)
            assert has_begun.wait(LIMIT_S)
            order.append("recommendations")
        message.result(LIMIT_S)
    assert order == ["recommendations", "message"]


def test_no_message_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "MAX_WAIT_S", 0.01)
    turns = Turns()

    def answer() -> None:
        with turns.message():
            pass

    with turns.recommendation(), ThreadPoolExecutor() as pool:
        pool.submit(answer).result(LIMIT_S)


def test_a_recommendation_waits_for_no_message_and_messages_for_each_other() -> None:
    turns, n_running, counts = Turns(), 0, list[int]()

    def answer() -> None:
        nonlocal n_running
        with turns.message():
            n_running += 1
            counts.append(n_running)
            with turns.recommendation():
                pass
            n_running -= 1

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(answer) for _ in range(200)]:
            future.result(LIMIT_S)
    assert set(counts) == {1}

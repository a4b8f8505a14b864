"""What a turn costs: stages, tokens of the writer, and the stock model's rates from a bench report."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.cost import StockModelRates, TurnMeter, read_stock_rates
from bowerbird.assist.draft import Draft
from bowerbird.assist.state import DialogueState
from bowerbird.assist.writers.contract import WrittenText
from bowerbird.usage import Usage, report_usage

ARMS = [
    {"name": "pixels", "prompt_tokens": 110, "first_token": {"median": 2.2}, "end_to_end": {"median": 3.2}},
    {"name": "graft", "prompt_tokens": 12, "first_token": {"median": 0.1}, "end_to_end": {"median": 0.5}},
]
REPORT = {"items": 2, "new_tokens": 10, "arms": ARMS}


class WordyWriter:
    """A model that needs 30 tokens of prompt for each of two parts."""

    def write(self, draft: Draft) -> Iterator[WrittenText]:
        report_usage("wordy", Usage(30, 4))
        yield WrittenText("Look. ", True)
        report_usage("wordy", Usage(30, 5))
        yield WrittenText("There.", True)


def test_without_a_model_no_token_is_paid_for(assistant: Assistant) -> None:
    cost = assistant.reply(DialogueState(), "a red rug").cost
    assert (cost.model, cost.prompt_tokens, cost.completion_tokens) == (None, 0, 0)
    assert "no language model ran" in cost.describe()
    assert min(cost.understand_ms, cost.find_ms, cost.write_ms) > 0
    assert cost.money == pytest.approx(cost.ms / 3_600_000 * 0.20) and cost.currency == "USD"


def test_tokens_of_all_parts_count(assistant: Assistant) -> None:
    reply = Assistant(assistant.parts, WordyWriter()).reply(DialogueState(), "a red rug")
    assert (reply.cost.prompt_tokens, reply.cost.completion_tokens) == (60, 9)
    assert reply.cost.model == "wordy" and reply.as_dict()["cost"]["prompt_tokens"] == 60


def test_the_stock_model_reads_every_picture(tmp_path: Path) -> None:
    (tmp_path / "bench-graft.json").write_text(json.dumps(REPORT))
    rates = read_stock_rates(tmp_path)
    assert rates == StockModelRates(10, 50.0, 20.0, 100.0)
    cost = rates.cost(4, "x" * 40, machine_hour=3.6)
    assert (cost.prompt_tokens, cost.completion_tokens) == (10 + 4 * 50, 10)
    assert cost.ms == 210 * 20 + 10 * 100
    assert cost.money == pytest.approx(3.6 * cost.ms / 3_600_000)


@pytest.mark.parametrize("content", [None, "", "[]", '{"items": 0, "arms": []}', json.dumps({"arms": ARMS})])
def test_without_a_usable_report_nothing_is_estimated(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "bench-graft.json").write_text(content)
    assert read_stock_rates(tmp_path) is None


def test_what_the_reader_of_a_stream_does_is_not_counted(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: seconds[0])
    meter = TurnMeter(assistant.parts.snapshot.store.settings, None)

    def values() -> Iterator[int]:
        for value in (1, 2, 3):
            seconds[0] += 0.25
            yield value

    for _ in meter.writing.iterate(values()):
        seconds[0] += 10.0
    assert meter.writing.ms == 750

"""What a turn costs: time by stage, tokens and money, and an estimate of the same for the stock model.

The stock model is the same language model with its vision encoder, which reads a picture of every item. Its
rates are measured by `bowerbird bench graft --store STORE` and taken from the report.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bowerbird.data.settings import Settings
from bowerbird.tracing import Attributes, StageSpan, usage_attributes
from bowerbird.usage import CHARACTERS_PER_TOKEN, UsageMeter, metered

T = TypeVar("T")
BENCH_REPORT = "bench-graft.json"
STOCK_ARM, GRAFT_ARM = "pixels", "graft"
MS_PER_HOUR = 3_600_000
AGENT = "bowerbird"
AGENT_ATTRIBUTES: Attributes = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.provider.name": AGENT,
    "gen_ai.agent.name": AGENT,
}


@dataclass(frozen=True)
class StockModelCost:
    """What the stock model would need for a reply of the same length about the same items: an estimate."""

    prompt_tokens: int
    completion_tokens: int
    ms: float
    money: float


@dataclass(frozen=True)
class TurnCost:
    """Wall-clock milliseconds by stage, tokens of the language model, and their price."""

    understand_ms: float = 0.0
    """Language, act, references."""
    find_ms: float = 0.0
    """Need, items, facts."""
    write_ms: float = 0.0
    """Wording and its checks."""
    model: str | None = None
    """The language models that ran, to read, rank or write; None where none did."""
    prompt_tokens: int = 0
    """Tokens that they read, soft tokens included; answers that were thrown away count too."""
    completion_tokens: int = 0
    money: float = 0.0
    """Machine time, and the tokens of a paid endpoint."""
    currency: str = ""
    stock_model: StockModelCost | None = None
    """None until `bowerbird bench graft --store STORE` has measured the stock model on this machine."""

    @property
    def ms(self) -> float:
        """Milliseconds of all stages."""
        return self.understand_ms + self.find_ms + self.write_ms

    def as_dict(self) -> dict[str, Any]:
        """The cost in JSON's types, times rounded to a tenth of a millisecond."""
        times = {name: round(getattr(self, name), 1) for name in ("understand_ms", "find_ms", "write_ms")}
        return {"ms": round(self.ms, 1)} | asdict(self) | times

    def describe(self) -> str:
        """The cost in one line.

        >>> TurnCost(find_ms=12.4, currency="USD").describe()
        '12 ms, no language model ran (0 tokens), 0.000000 USD'
        """
        tokens = f"{self.prompt_tokens} + {self.completion_tokens} tokens of {self.model}"
        ran = tokens if self.model else "no language model ran (0 tokens)"
        text = f"{self.ms:.0f} ms, {ran}, {self.money:.6f} {self.currency}".strip()
        if self.stock_model is None:
            return text
        stock = self.stock_model
        return (
            f"{text}; stock model, estimated: {stock.ms:.0f} ms, {stock.prompt_tokens} + "
            f"{stock.completion_tokens} tokens, {stock.money:.6f} {self.currency}"
        )


@dataclass(frozen=True)
class StockModelRates:
    """What the stock model needs, from `bowerbird bench graft`."""

    text_tokens: int
    """Prompt tokens beside the pictures."""
    tokens_per_picture: float
    ms_per_prompt_token: float
    """The vision encoder included."""
    ms_per_completion_token: float

    def cost(self, n_items: int, text: str, machine_hour: float) -> StockModelCost:
        """Estimate the cost of a reply of the length of `text` about `n_items` items."""
        prompt = round(self.text_tokens + n_items * self.tokens_per_picture)
        completion = max(1, round(len(text) / CHARACTERS_PER_TOKEN))
        ms = prompt * self.ms_per_prompt_token + completion * self.ms_per_completion_token
        return StockModelCost(prompt, completion, round(ms, 1), ms / MS_PER_HOUR * machine_hour)


def read_stock_rates(reports: Path) -> StockModelRates | None:
    """Rates of the stock model from the report of `bowerbird bench graft`; None where there is none."""
    try:
        report = msgspec.json.decode((reports / BENCH_REPORT).read_bytes())
        arms = {arm["name"]: arm for arm in report["arms"]}
        stock, n_items = arms[STOCK_ARM], int(report["items"])
        first, whole = stock["first_token"]["median"], stock["end_to_end"]["median"]
        text_tokens = arms[GRAFT_ARM]["prompt_tokens"] - n_items  # the graft reads one token an item
        return StockModelRates(
            text_tokens=text_tokens,
            tokens_per_picture=(stock["prompt_tokens"] - text_tokens) / n_items,
            ms_per_prompt_token=1000 * first / stock["prompt_tokens"],
            ms_per_completion_token=1000 * (whole - first) / report["new_tokens"],
        )
    except (OSError, KeyError, TypeError, ValueError, ZeroDivisionError, msgspec.DecodeError):
        return None


class Stopwatch:
    """Adds up the milliseconds that are spent inside of it; tokens are counted on the turn's meter.

    Its time is a span (`tracing`), a part of the turn's.
    """

    def __init__(self, name: str, usage: UsageMeter, turn: StageSpan) -> None:
        self.ms = 0.0
        self._usage, self._turn, self._span = usage, turn, StageSpan(name)

    def run(self, work: Callable[[], T]) -> T:
        """The result of some work, timed."""
        start = time.perf_counter()
        try:
            with self._turn.step(), self._span.step(), metered(self._usage):
                return work()
        finally:
            self.ms += 1000 * (time.perf_counter() - start)

    def iterate(self, values: Iterator[T]) -> Iterator[T]:
        """The same values; only the time that making them takes counts, not what their reader does."""
        sentinel = object()
        while (value := self.run(lambda: next(values, sentinel))) is not sentinel:
            yield value  # type: ignore[misc]

    def end(self) -> None:
        """End its span."""
        self._span.end()


class TurnMeter:
    """Measures one turn: a stopwatch for each stage, and what came of it as a `TurnCost`."""

    def __init__(self, settings: Settings, rates: StockModelRates | None) -> None:
        """`rates` of the stock model, where they were measured."""
        self._usage = UsageMeter()
        self._turn = StageSpan(f"invoke_agent {AGENT}", attributes=AGENT_ATTRIBUTES)
        self._stages = [
            Stopwatch(name, self._usage, self._turn) for name in ("understanding", "finding", "writing")
        ]
        self.understanding, self.finding, self.writing = self._stages
        self._settings, self._rates = settings, rates

    def end(self) -> None:
        """End the turn's spans, also where its reader has left."""
        with self._turn.step() as span:
            span.set_attributes(usage_attributes(self._usage.total))
        for stage in self._stages:
            stage.end()
        self._turn.end()

    def cost(self, n_items: int, text: str) -> TurnCost:
        """The cost of the turn so far; its text names `n_items` items."""
        hour, usage = self._settings.prices.machine_hour, self._usage.total
        cost = TurnCost(
            understand_ms=self.understanding.ms,
            find_ms=self.finding.ms,
            write_ms=self.writing.ms,
            model=", ".join(self._usage.models) or None,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            currency=self._settings.prices.currency_name,
            stock_model=self._rates.cost(n_items, text, hour) if self._rates else None,
        )
        return replace(cost, money=cost.ms / MS_PER_HOUR * hour + self._token_price())

    def _token_price(self) -> float:
        settings, paid = self._settings.language_model, self._usage.paid
        tokens = paid.prompt_tokens * settings.input_price + paid.completion_tokens * settings.output_price
        return tokens / 1e6

"""Counts the tokens that language models read and write while a piece of work runs.

Models run in many places of a turn (reading, ranking, wording, translating), also where they fail and their
answer is thrown away. So they report here, and whoever wants the sum meters the work. The meter belongs to
the running thread's context: work of other threads is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

CHARACTERS_PER_TOKEN = 4.0
"""Of English text, roughly, where nothing counts the tokens."""


@dataclass(frozen=True)
class Usage:
    """Tokens of language models."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens
        )


class UsageMeter:
    """Adds up what models report."""

    def __init__(self) -> None:
        self._by_model: dict[str, Usage] = {}
        self.paid = Usage()
        """Tokens of models that are paid by the token."""

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that ran, in the order in which they first did."""
        return tuple(self._by_model)

    @property
    def total(self) -> Usage:
        """Tokens of all models."""
        return sum(self._by_model.values(), Usage())

    def add(self, model: str, usage: Usage, is_paid: bool) -> None:
        """Count tokens of a model."""
        if usage == Usage():
            return
        self._by_model[model] = self._by_model.get(model, Usage()) + usage
        if is_paid:
            self.paid += usage


_meter: ContextVar[UsageMeter | None] = ContextVar("usage_meter", default=None)


@contextmanager
def metered(meter: UsageMeter) -> Iterator[None]:
    """Count on `meter` what models use inside of the block."""
    token = _meter.set(meter)
    try:
        yield
    finally:
        _meter.reset(token)


def report_usage(model: str, usage: Usage, *, is_paid: bool = False) -> None:
    """Report tokens of a model; without a meter they are not counted."""
    meter = _meter.get()
    if meter is not None:
        meter.add(model, usage, is_paid)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has.

    >>> estimate_tokens("a warm lamp for the corner")
    6
    """
    return round(len(text) / CHARACTERS_PER_TOKEN)

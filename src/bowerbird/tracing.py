"""Spans of stages, by OpenTelemetry: what a request, a list or a turn spends its time on.

They go nowhere unless something exports them, as `bowerbird serve --traces-to` does. They name stages, routes
and models, and never users, queries or messages; an error is named by its type, since its text may do so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from bowerbird.usage import Usage

Attributes = dict[str, str | int | bool]
_tracer = trace.get_tracer("bowerbird")


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A span over the block; spans that begin inside are its parts."""
    with StageSpan(name) as span, span.step():
        yield


class StageSpan:
    """A span that is worked on in steps, maybe of several threads; it begins with the first."""

    def __init__(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        parent: Context | None = None,
    ) -> None:
        """`parent` is where it belongs; the default is what is under way when it begins."""
        self._name, self._kind, self._attributes, self._parent = name, kind, attributes, parent
        self._span: Span | None = None

    def __enter__(self) -> StageSpan:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @contextmanager
    def step(self) -> Iterator[Span]:
        """Work on it: spans that begin in the block are its parts."""
        span = self._span
        if span is None:
            span = self._span = _tracer.start_span(
                self._name, self._parent, kind=self._kind, attributes=self._attributes
            )
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except Exception as error:
                mark_failed(span, error)
                raise

    def end(self) -> None:
        """End it, where it has begun."""
        if self._span is not None:
            self._span.end()


class ModelCall:
    """The span of a call of a language model, in the terms of OpenTelemetry's `gen_ai` conventions."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def count(self, usage: Usage) -> None:
        """Note the tokens that were read and written."""
        self._span.set_attributes(usage_attributes(usage))


@contextmanager
def model_call(model: str, provider: str, operation: str = "chat") -> Iterator[ModelCall]:
    """A span over the block, in which a generator may yield. `provider` runs the model."""
    attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
    }
    span = _tracer.start_span(f"{operation} {model}", kind=SpanKind.CLIENT, attributes=attributes)
    try:
        yield ModelCall(span)
    except Exception as error:
        mark_failed(span, error)
        raise
    finally:
        span.end()


def usage_attributes(usage: Usage) -> Attributes:
    """Counts of tokens as attributes of a span."""
    return {
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
    }


def mark_failed(span: Span, error: BaseException) -> None:
    """Note an error by its type."""
    span.set_status(Status(StatusCode.ERROR))
    span.set_attribute("error.type", type(error).__qualname__)

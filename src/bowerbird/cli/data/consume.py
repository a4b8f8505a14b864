"""`bowerbird consume`: live events from a file, NATS, Redis or Kafka into a store."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from bowerbird.cli.output import JsonOption, StoreArgument, emit
from bowerbird.data.readers.layouts import MessageLayout

if TYPE_CHECKING:
    from bowerbird.sources.consuming import ConsumerStats
    from bowerbird.sources.source import Lag, Source

MAX_REASONS = 10
PROGRESS_INTERVAL_S = {True: 1.0, False: 10.0}  # by whether standard error is a terminal


def consume(
    store: StoreArgument,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="nats://HOST/STREAM?durable=NAME, redis://HOST/STREAM?group=NAME, "
            "kafka://HOST/TOPIC?group=NAME or file:///PATH; a password in it is never printed.",
            envvar="BOWERBIRD_FROM",
            show_default=False,
            show_envvar=True,
        ),
    ],
    layout: Annotated[MessageLayout, typer.Option(help="Message format.")] = MessageLayout.SEGMENT,
    until_idle: Annotated[
        float | None,
        typer.Option(min=0.1, help="Stop after this many seconds without a message.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Consume live events exactly once. Stops after the current batch on Ctrl-C or SIGTERM."""
    from bowerbird.data.store import Store
    from bowerbird.sources.address import Address
    from bowerbird.sources.consuming import Consumer
    from bowerbird.sources.opening import open_source

    opened_store, address = Store.open(store), Address.parse(source)
    event_source = open_source(address, opened_store, _notify)
    consumer = Consumer(opened_store, event_source, layout, _notify)
    stop = _stop_on_signals()
    _notify(f"consuming {address.redacted}, layout {layout}; Ctrl-C stops")
    stats = consumer.run(stop, until_idle, Progress(event_source))
    emit(stats.as_dict(), as_json, lambda console: _print_stats(console, stats))


def _stop_on_signals() -> threading.Event:
    """Return an event set by the first SIGINT or SIGTERM; the second one terminates the process as usual."""
    stop = threading.Event()

    def request_stop(number: int, _: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, request_stop)
    return stop


class Progress:
    """Prints progress to standard error: throughput, lag, and counts of accepted and rejected events."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._is_terminal = sys.stderr.isatty()
        self._printed_at, self._printed_messages = time.monotonic(), 0

    def __call__(self, stats: ConsumerStats) -> None:
        now = time.monotonic()
        elapsed_s = now - self._printed_at
        if elapsed_s < PROGRESS_INTERVAL_S[self._is_terminal] or (
            not self._is_terminal and stats.messages == self._printed_messages
        ):
            return
        speed = (stats.messages - self._printed_messages) / elapsed_s
        self._printed_at, self._printed_messages = now, stats.messages
        line = f"{speed:,.0f} messages/s, {_format_lag(self._lag())}; events: {stats.accepted:,} accepted, "
        line += f"{stats.repeated:,} repeated, {stats.rejected.total():,} rejected"
        if self._is_terminal:  # one line, overwritten
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def _lag(self) -> Lag | None:
        from bowerbird.errors import SourceError

        try:
            return self._source.lag()
        except SourceError:  # the next fetch reports and handles it
            return None


def _format_lag(lag: Lag | None) -> str:
    return "lag unknown" if lag is None else f"{lag.amount:,} {lag.unit} behind"


def _notify(message: str) -> None:
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{start}{message}", file=sys.stderr, flush=True)


def _print_stats(console: Console, stats: ConsumerStats) -> None:
    speed = stats.messages / stats.seconds if stats.seconds else 0.0
    console.print(f"{stats.messages:,} messages in {stats.seconds:,.1f} s ({speed:,.0f} a second)")
    console.print(
        f"events: {stats.accepted:,} accepted, {stats.repeated:,} repeated, "
        f"{stats.rejected.total():,} rejected"
    )
    for reason, count in stats.rejected.most_common(MAX_REASONS):
        console.print(f"  {count:,} × {escape(reason)}")
    for reason, count in stats.repaired.most_common(MAX_REASONS):
        console.print(f"  {count:,} × {escape(reason)}")
    if stats.rejected_file:
        console.print(f"rejected messages and their reasons: {stats.rejected_file}", soft_wrap=True)

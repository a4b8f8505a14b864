"""`bowerbird listen`: live events from a file, NATS, Redis or Kafka into a store."""

from __future__ import annotations

import signal
import sys
import threading
import time
from enum import StrEnum
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from bowerbird.cli.output import JsonOption, StoreArgument, emit

if TYPE_CHECKING:
    from bowerbird.sources.consuming import ConsumerStats
    from bowerbird.sources.source import Lag, Source

SHOWN_REASONS = 10
EVERY_S = {True: 1.0, False: 10.0}  # between two lines of progress: on a terminal, in a file


class LayoutChoice(StrEnum):
    SEGMENT = "segment"
    GA4 = "ga4"
    NATIVE = "native"


def listen(
    store: StoreArgument,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="nats://HOST/STREAM?durable=NAME, redis://HOST/STREAM?group=NAME, "
            "kafka://HOST/TOPIC?group=NAME or file:///PATH; a password in it is not shown.",
            envvar="BOWERBIRD_FROM",
            show_default=False,
            show_envvar=True,
        ),
    ],
    layout: Annotated[LayoutChoice, typer.Option(help="What a message looks like.")] = LayoutChoice.SEGMENT,
    until_idle: Annotated[
        float | None,
        typer.Option(min=0.1, help="End after so many seconds without a message.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take in events as they come, each once; Ctrl-C or SIGTERM ends after the batch under way."""
    from bowerbird.data.readers.messages import Layout
    from bowerbird.data.store import Store
    from bowerbird.sources.address import Address
    from bowerbird.sources.consuming import Consumer
    from bowerbird.sources.opening import open_source

    opened, address = Store.open(store), Address.parse(source)
    events = open_source(address, opened, _notify)
    listener = Consumer(opened, events, Layout(layout.value), _notify)
    stop = _stopped_by_signals()
    _notify(f"listening to {address.shown}, layout {layout}; Ctrl-C ends")
    tally = listener.run(stop, until_idle, Progress(events))
    emit(tally.as_dict(), as_json, lambda console: _tell(console, tally))


def _stopped_by_signals() -> threading.Event:
    """Set by the first SIGINT or SIGTERM; the second ends the process as it always does."""
    stop = threading.Event()

    def told(number: int, _: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told)
    return stop


class Progress:
    """A line on standard error now and then: how fast, how far behind, what became of the messages."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._terminal = sys.stderr.isatty()
        self._at, self._messages = time.monotonic(), 0

    def __call__(self, tally: ConsumerStats) -> None:
        now = time.monotonic()
        passed = now - self._at
        if passed < EVERY_S[self._terminal] or (not self._terminal and tally.messages == self._messages):
            return
        speed = (tally.messages - self._messages) / passed
        self._at, self._messages = now, tally.messages
        line = f"{speed:,.0f} messages/s, {_behind(self._lag())}; events: {tally.accepted:,} accepted, "
        line += f"{tally.repeated:,} repeated, {tally.refused.total():,} refused"
        if self._terminal:  # one line, written over
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def _lag(self) -> Lag | None:
        from bowerbird.errors import SourceError

        try:
            return self._source.lag()
        except SourceError:  # whoever fetches next is told, and deals with it
            return None


def _behind(lag: Lag | None) -> str:
    return "how far behind is not known" if lag is None else f"{lag.amount:,} {lag.unit} behind"


def _notify(said: str) -> None:
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{start}{said}", file=sys.stderr, flush=True)


def _tell(console: Console, tally: ConsumerStats) -> None:
    speed = tally.messages / tally.seconds if tally.seconds else 0.0
    console.print(f"{tally.messages:,} messages in {tally.seconds:,.1f} s ({speed:,.0f} a second)")
    console.print(
        f"events: {tally.accepted:,} accepted, {tally.repeated:,} repeated, {tally.refused.total():,} refused"
    )
    for reason, times in tally.refused.most_common(SHOWN_REASONS):
        console.print(f"  {times:,} × {escape(reason)}")
    if tally.refused_file:
        console.print(f"refused messages and their reasons: {tally.refused_file}", soft_wrap=True)

"""Events that are sent in the background, in batches; what was added is stored when the queue is closed.

Events wait in memory until the server has stored them: through restarts of the server, errors and rate
limits. Each has an id, so that none counts twice. They are lost only with the process.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Any, Self, Unpack

from pydantic_core import to_json

from bowerbird.client.api import Sender
from bowerbird.client.calls.events import (
    ActionName,
    EventOptions,
    alias_message,
    event_message,
    send_messages,
)
from bowerbird.client.errors import ApiError, Busy, ClientError, EventsNotSent, NotAllowed, QueueFull
from bowerbird.client.retries import Retries
from bowerbird.errors import InputError
from bowerbird.serve.bodies.events import RejectedMessage

MAX_BATCH = 200  # messages
MAX_BATCH_BYTES = 400_000  # the server takes 500 KiB
MAX_MESSAGE_BYTES = 32_000  # as Segment's
MAX_REJECTIONS = 1000  # that are remembered
_log = logging.getLogger(__name__)


class EventQueue:
    """Sends events with a thread of its own. Safe to use from several threads; make it after a fork."""

    def __init__(
        self,
        sender: Sender,
        *,
        max_waiting: int = 10_000,
        pause_s: float = 0.2,
        retries: Retries | None = None,
    ) -> None:
        """`pause_s`: how long an event waits for others to share its request."""
        self.rejections: deque[RejectedMessage] = deque(maxlen=MAX_REJECTIONS)
        """The latest events that the server did not accept, with its reasons."""
        self._sender, self._retries = sender, retries or Retries()
        self._max_waiting, self._pause_s = max_waiting, pause_s
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._changed = threading.Condition()
        self._n_flushing = 0
        self._fault: ClientError | None = None
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def add(self, user: str, action: ActionName, item_id: str, **options: Unpack[EventOptions]) -> str:
        """Add an event; returns its id. Raises `QueueFull`, and `InputError` for what is too large."""
        return self.add_message(event_message(user, action, item_id, **options))

    def join_users(self, user: str, previous: str) -> str:
        """Say that a previous, anonymous id was this user's."""
        return self.add_message(alias_message(user, previous))

    def add_message(self, message: Mapping[str, Any]) -> str:
        """Add a call in Segment's form, with a `messageId`."""
        encoded, message_id = to_json(message), str(message["messageId"])
        if len(encoded) > MAX_MESSAGE_BYTES:
            raise InputError(
                f"the event has {len(encoded):,} bytes, and at most {MAX_MESSAGE_BYTES:,} are sent"
            )
        with self._changed:
            if self._is_closed:
                raise InputError("the queue is closed: add events before")
            if len(self._waiting) >= self._max_waiting:
                reason = f": {self._fault}" if self._fault else "; add events more slowly"
                raise QueueFull(f"{len(self._waiting):,} events wait to be sent{reason}")
            self._waiting.append((message_id, encoded))
            self._start()
            self._changed.notify_all()
        return message_id

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until the events that were added are stored. Raises `EventsNotSent` when the time is over."""
        with self._changed:
            self._n_flushing += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: not self._waiting, timeout_s)
            finally:
                self._n_flushing -= 1
            if self._waiting:
                raise EventsNotSent(
                    f"{len(self._waiting):,} events are not sent yet: {self._fault or 'too many'}"
                )

    def close(self, timeout_s: float = 30.0) -> None:
        """Send what waits, and end. Raises `EventsNotSent` when the time is over."""
        atexit.unregister(self._close_at_exit)
        try:
            self.flush(timeout_s)
        finally:
            with self._changed:
                self._is_closed = True
                self._changed.notify_all()
            if self._thread is not None:
                self._thread.join(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Events that wait."""
        return len(self._waiting)

    def _start(self) -> None:
        if self._thread is None:
            # A daemon: the interpreter joins other threads before it calls what is registered with atexit.
            self._thread = threading.Thread(target=self._run, name="bowerbird-events", daemon=True)
            self._thread.start()
            atexit.register(self._close_at_exit)

    def _close_at_exit(self) -> None:
        try:
            self.close()
        except ClientError as error:
            _log.error("at exit: %s", error)

    def _run(self) -> None:
        n_failures, batch_limit = 0, MAX_BATCH
        while (batch := self._next_batch(batch_limit)) is not None:
            try:
                answer = self._sender.send(send_messages([encoded for _, encoded in batch]))
            except ClientError as error:
                if _is_final(error) and len(batch) > 1:
                    batch_limit = len(batch) // 2  # to find the event that the server refuses
                elif _is_final(error):
                    self._settle(batch, [RejectedMessage(messageId=batch[0][0], reason=str(error))])
                else:
                    n_failures += 1
                    self._wait_after(error, n_failures)
            else:
                n_failures, batch_limit = 0, min(MAX_BATCH, batch_limit * 2)
                self._settle(batch, answer.rejections)

    def _next_batch(self, limit: int) -> list[tuple[str, bytes]] | None:
        """The events to send next, which stay in the queue until they are stored; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            self._changed.wait_for(lambda: len(self._waiting) >= limit or self._must_hurry, self._pause_s)
            if self._is_closed:
                return None
            batch, size = [], 0
            for message_id, encoded in islice(self._waiting, limit):
                size += len(encoded) + 1
                if size > MAX_BATCH_BYTES:
                    break
                batch.append((message_id, encoded))
            return batch

    @property
    def _must_hurry(self) -> bool:
        return self._is_closed or self._n_flushing > 0

    def _settle(self, batch: list[tuple[str, bytes]], rejections: list[RejectedMessage]) -> None:
        for rejection in rejections:
            _log.warning("event %s: %s", rejection.messageId, rejection.reason)
        self.rejections.extend(rejections)
        with self._changed:
            for _ in batch:
                self._waiting.popleft()
            self._fault = None
            self._changed.notify_all()

    def _wait_after(self, error: ClientError, n_failures: int) -> None:
        delay = self._retries.backoff_s(n_failures)
        if isinstance(error, ApiError):
            delay = max(delay, error.retry_after_s)
        if n_failures == 1:
            _log.warning("events wait: %s", error)
        with self._changed:
            self._fault = error
            self._changed.wait_for(lambda: self._is_closed, delay)


def _is_final(error: ClientError) -> bool:
    """Whether the server will never take what was sent; a key may be mended, and a fault of its own too."""
    if not isinstance(error, ApiError) or isinstance(error, Busy):
        return False
    return 400 <= error.status < 500 and not (isinstance(error, NotAllowed) and error.status == 401)

"""A pause after a failure: a server that is down or slow delays one conversation and not all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bowerbird.endpoint.connection import EngineUnavailable, RequestRejected
from bowerbird.errors import EngineError


class FailurePause:
    """Makes requests fail immediately for some seconds after one has failed. Safe to use from threads."""

    def __init__(self, url: str, seconds: float) -> None:
        """`url` of the server, for messages."""
        self._url, self._seconds = url, seconds
        self._lock = threading.Lock()
        self._paused_until = 0.0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run a request; raises `EngineUnavailable` in a pause. A rejected request begins none."""
        with self._lock:
            remaining = self._paused_until - time.monotonic()
        if remaining > 0:
            raise EngineUnavailable(
                f"{self._url} failed a moment ago: it is asked again in {remaining:.0f} s"
            )
        try:
            yield
        except RequestRejected:  # the next request may be a better one
            raise
        except EngineError:
            with self._lock:
                self._paused_until = time.monotonic() + self._seconds
            raise

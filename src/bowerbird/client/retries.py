"""When a call is sent again: after errors that pass, where it does no harm, as late as the server says."""

from __future__ import annotations

import random
from dataclasses import dataclass

from bowerbird.client.errors import Busy, ClientError, NoAnswer

TOO_MANY_REQUESTS = 429


@dataclass(frozen=True)
class Retries:
    """Exponential back-off, between half and all of the delay."""

    count: int = 4
    """Of repetitions."""
    first_delay_s: float = 0.25
    max_delay_s: float = 20.0
    """Where the server asks for a longer pause, the error is raised."""

    def backoff_s(self, n_failures: int) -> float:
        """Seconds to wait after some failures in a row."""
        delay = min(self.first_delay_s * 2.0 ** min(n_failures - 1, 30), self.max_delay_s)
        return delay * random.uniform(0.5, 1.0)

    def delay_s(self, error: ClientError, n_failures: int, is_repeatable: bool) -> float | None:
        """Seconds until the call is sent again; None where it is not.

        A call that is not repeatable is sent again only if the server has not begun to answer it.
        """
        if n_failures > self.count:
            return None
        if isinstance(error, NoAnswer):
            return self.backoff_s(n_failures) if is_repeatable or not error.was_sent else None
        if not isinstance(error, Busy) or error.retry_after_s > self.max_delay_s:
            return None
        if not is_repeatable and error.status != TOO_MANY_REQUESTS:
            return None
        return max(error.retry_after_s, self.backoff_s(n_failures))

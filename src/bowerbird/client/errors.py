"""The errors of the client.

ClientError
├── NoAnswer          the server can't be reached, or was silent for too long
├── InvalidAnswer     what answered is not bowerbird, or a version that this client can't read
├── ApiError          the server answered an error, in its own words
│   ├── NotAllowed    … the API key is missing, wrong or lacks a role (401, 403)
│   ├── NotFound      … there is no such item, user or board (404)
│   └── Busy          … later it may answer (408, 429, 502, 503, 504)
├── QueueFull         more events wait than the queue may hold
└── EventsNotSent     the time was over before all events were stored
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from bowerbird.errors import BowerbirdError


class ClientError(BowerbirdError):
    """Base of the client's errors."""


class NoAnswer(ClientError):
    """A server that can't be reached, or was silent for too long."""

    def __init__(self, message: str, was_sent: bool) -> None:
        super().__init__(message)
        self.was_sent = was_sent
        """Whether the server may have read the request."""


class InvalidAnswer(ClientError):
    """An answer that is not what the documents describe."""


class ApiError(ClientError):
    """An error that the server answered; the text is the server's."""

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        error = _error_in(content)
        message = str(error.get("message") or content[:200].decode(errors="replace") or "no reason given")
        super().__init__(f"{message} (status {status})")
        self.status = status
        self.message = message
        self.type = str(error.get("type") or "")
        self.param = error.get("param")
        """The field of the request that is wrong."""
        self.code = error.get("code")
        self.request_id = headers.get("x-request-id", "")
        """To be found in the server's log."""
        self.retry_after_s = _seconds(headers.get("retry-after", ""))


class NotAllowed(ApiError):
    """A key that is missing, wrong, or lacks a role."""


class NotFound(ApiError):
    """No such item, user or board."""


class Busy(ApiError):
    """A server that may answer later."""


class QueueFull(ClientError):
    """More events wait than the queue may hold."""


class EventsNotSent(ClientError):
    """Events that were not stored in time; they still wait, as long as the queue is open."""


_CLASSES: Mapping[int, type[ApiError]] = {
    **dict.fromkeys((401, 403), NotAllowed),
    404: NotFound,
    **dict.fromkeys((408, 429, 502, 503, 504), Busy),
}


def error_of(status: int, headers: Mapping[str, str], content: bytes) -> ApiError:
    """The error that an answer means."""
    return _CLASSES.get(status, ApiError)(status, headers, content)


def _error_in(content: bytes) -> dict[str, str | None]:
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {}


def _seconds(retry_after: str) -> float:
    """Seconds of a `Retry-After`; 0 where there is none. Bowerbird and its proxies send no dates."""
    return float(retry_after) if retry_after.isdecimal() else 0.0

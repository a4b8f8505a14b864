"""What both clients share: the connection's settings, the requests, and what goes wrong on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from bowerbird.client.call import JSON, Call, StreamCall
from bowerbird.client.errors import NoAnswer
from bowerbird.client.retries import Retries
from bowerbird.errors import InputError

T = TypeVar("T")
DATA, END = "data:", "[DONE]"


@dataclass(frozen=True)
class Connection:
    """A server, and how to reach it."""

    url: str
    """Such as `http://127.0.0.1:8080`."""
    api_key: str = field(default="", repr=False)
    """An API key or a user token; none for a server that asks for none."""
    timeout_s: float = 120.0
    """Of silence; a language model may think that long."""
    connect_timeout_s: float = 5.0
    retries: Retries = field(default_factory=Retries)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise InputError(f"{self.url!r} is not an HTTP address: give one such as http://127.0.0.1:8080")
        if not self.api_key.isascii() or self.api_key != self.api_key.strip():
            raise InputError("the API key holds characters that no key has: copy it again")

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of httpx's clients."""
        headers = {"User-Agent": "bowerbird-client"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        timeout = httpx.Timeout(self.timeout_s, connect=self.connect_timeout_s)
        return {"base_url": self.url, "headers": headers, "timeout": timeout}


def request_options(call: Call[T]) -> dict[str, Any]:
    """Arguments of httpx's `build_request`."""
    headers = {"Content-Type": call.media_type} if call.content is not None else {}
    accept = "text/event-stream" if isinstance(call, StreamCall) else JSON
    if call.path.endswith("/image"):
        accept = "image/*"
    return {
        "method": call.method,
        "url": call.path,
        "params": dict(call.params),
        "content": call.content,
        "headers": {"Accept": accept, **headers},
    }


@contextlib.contextmanager
def transport_errors(url: str) -> Iterator[None]:
    """Turn httpx's errors into `NoAnswer`."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        message = f"{url} can't be reached ({_reason(error)}): is the server running, and the address right?"
        raise NoAnswer(message, was_sent=False) from error
    except httpx.TimeoutException as error:
        raise NoAnswer(f"{url} was silent for too long: raise timeout_s", was_sent=True) from error
    except httpx.HTTPError as error:
        message = f"{url} ended the connection before its answer was complete ({_reason(error)})"
        raise NoAnswer(message, was_sent=True) from error


def event_of(line: str) -> bytes | None:
    """The data of a line of server-sent events; None where it has none. Bowerbird's events have one line."""
    data = line.removeprefix(DATA).strip() if line.startswith(DATA) else ""
    return data.encode() if data and data != END else None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__

"""JSON over HTTP to a language model's server, whole or as server-sent events.

Every answer has a deadline and a largest size, however slowly its bytes arrive.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from httpx_sse import EventSource, SSEError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, stop_any
from tenacity.wait import wait_exponential

from bowerbird.errors import EngineError, InputError

MAX_ANSWER_BYTES = 8 << 20
ATTEMPTS = 3
RETRIED = (429, 502, 503, 504)
"""Statuses by which a server says that it has not begun to answer."""


class RequestRejected(EngineError):
    """The server rejected the request; the message gives its reason."""


class EngineUnavailable(EngineError):
    """The server has not begun to answer: asking again is safe."""


@dataclass(frozen=True)
class TimeLimits:
    """How long to wait, in seconds."""

    connect_s: float = 3.0
    silence_s: float = 300.0
    """Without a byte a server counts as dead; a fresh engine may compile for a minute."""
    answer_s: float = 3600.0
    """For one answer from its request to its last byte, retries included."""


class JsonConnection:
    """Requests to one server. Safe to use from several threads; connections are reused."""

    def __init__(self, url: str, key: str = "", limits: TimeLimits | None = None) -> None:
        """`url` such as `http://127.0.0.1:8000/v1`; `key` is sent as a bearer token.

        Raises `InputError` for what is no HTTP address.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{url} is not an HTTP address: give one such as http://127.0.0.1:8000")
        self.url = url.rstrip("/")
        self.limits = limits or TimeLimits()
        timeout = httpx.Timeout(self.limits.silence_s, connect=self.limits.connect_s)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout, transport=_LimitedTransport()
        )

    def get(self, path: str) -> dict[str, Any]:
        """The JSON object at a path. Raises `EngineError`."""
        return self._whole("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that answers a request. Raises `RequestRejected`, `EngineError`."""
        return self._whole("POST", path, body)

    def stream(self, path: str, body: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
        """Stream the JSON objects of server-sent events up to `[DONE]`.

        Closing the iterator closes the connection, which stops the generation on the server. Raises
        `RequestRejected` or `EngineError`, both at the first event or later.
        """
        response = self._send("POST", path, body)
        try:
            with self._translated_errors():
                for event in EventSource(response).iter_sse():
                    if event.data == "[DONE]":
                        return
                    if event.data:
                        yield self._object(json.loads(event.data))
        finally:
            response.close()
        raise EngineError(f"{self.url} stopped in the middle of a reply: check the server's log")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _whole(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        response = self._send(method, path, body)
        try:
            with self._translated_errors():
                response.read()
                return self._object(response.json())
        finally:
            response.close()

    def _object(self, answer: Any) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise EngineError(f"{self.url} answered {str(answer)[:100]!r}, expected a JSON object")
        if "error" in answer:
            raise EngineError(f"{self.url} stopped with an error: {_error_message(json.dumps(answer))}")
        return answer

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        """Send a request; the response has status 200 and its body is not read yet.

        What the server has not begun to answer is sent again, `ATTEMPTS` times within the time limit.
        """
        deadline = time.monotonic() + self.limits.answer_s
        retrying = Retrying(
            stop=stop_any(stop_after_attempt(ATTEMPTS), stop_after_delay(self.limits.answer_s / 2)),
            wait=wait_exponential(multiplier=0.1, max=1.0),
            retry=retry_if_exception_type(EngineUnavailable),
            reraise=True,
        )
        return retrying(self._send_once, method, path, body, deadline)

    def _send_once(
        self, method: str, path: str, body: Mapping[str, Any] | None, deadline: float
    ) -> httpx.Response:
        request = self._client.build_request(method, path, json=body, extensions={"deadline": deadline})
        with self._translated_errors():
            response = self._client.send(request, stream=True)
            if response.status_code == 200:
                return response
            try:
                error_body = response.read()
            finally:
                response.close()
        reason = f"{self.url} answered {response.status_code}: {_error_message(error_body)}"
        if response.status_code in RETRIED:
            raise EngineUnavailable(reason)
        raise RequestRejected(reason) if 400 <= response.status_code < 500 else EngineError(reason)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Raise `EngineError` for everything that can go wrong with a connection or an answer."""
        try:
            yield
        except httpx.ConnectError as error:
            raise EngineUnavailable(f"no server answers at {self.url}: is it running?") from error
        except httpx.TimeoutException as error:
            raise EngineError(
                f"{self.url} took too long: it is overloaded, or the time limit is low"
            ) from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
            reason = str(error) or type(error).__name__
            raise EngineError(
                f"{self.url} closed the connection ({reason}): check the server's log"
            ) from error
        except (SSEError, ValueError, RecursionError) as error:
            raise EngineError(f"{self.url} answered what is not JSON ({str(error)[:100]})") from error


class _LimitedTransport(httpx.BaseTransport):
    """HTTP with a deadline (`extensions["deadline"]`, monotonic seconds) and a largest size for an answer."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; see `httpx.BaseTransport`."""
        deadline = float(request.extensions["deadline"])
        timeout = dict(request.extensions["timeout"])
        remaining = max(0.001, deadline - time.monotonic())
        request.extensions["timeout"] = {name: min(value, remaining) for name, value in timeout.items()}
        response = self._inner.handle_request(request)
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _LimitedStream(response.stream, deadline)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class _LimitedStream(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, deadline: float) -> None:
        self._inner, self._deadline = inner, deadline

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for data in self._inner:
            size += len(data)
            if time.monotonic() > self._deadline:
                raise httpx.ReadTimeout("the answer takes too long")
            if size > MAX_ANSWER_BYTES:
                raise httpx.RemoteProtocolError(f"more than {MAX_ANSWER_BYTES} bytes")
            yield data

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def _error_message(body: bytes | str) -> str:
    """Extract the message of an OpenAI-style error body, or the beginning of the body."""
    try:
        error = json.loads(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:300]
    except (ValueError, KeyError, TypeError):
        return (body.decode(errors="replace") if isinstance(body, bytes) else body)[:200]

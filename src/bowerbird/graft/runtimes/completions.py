"""Client for vLLM's OpenAI-compatible completions endpoint; it returns token ids, not text."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from bowerbird.errors import EngineError, InputError

READ_TIMEOUT_S = 300.0
"""Seconds without a byte after which a server counts as dead; a fresh engine may compile for a minute."""


class RequestRejected(EngineError):
    """The server rejected the request; the message gives its reason."""


class CompletionServer:
    """An HTTP server's `/v1/models` and `/v1/completions`. One connection per request, so it is
    thread-safe."""

    def __init__(self, url: str) -> None:
        """`url` such as `http://127.0.0.1:8000`; raises `InputError` for anything else."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{url} is not an HTTP address: give one such as http://127.0.0.1:8000")
        self.url = url.rstrip("/").removesuffix("/v1")
        self._secure = parts.scheme == "https"
        self._address = (parts.hostname, parts.port or (443 if self._secure else 80))
        self._path = urlsplit(self.url).path

    def models(self) -> list[Mapping[str, Any]]:
        """List the served models: `id`, `max_model_len` and more. Raises `EngineError`."""
        with closing(self._connection()) as connection:
            answer = self._json(self._send(connection, "GET", "/v1/models", None))
        return list(answer.get("data", []))

    def complete(self, request: Mapping[str, Any]) -> list[list[int]]:
        """Generate token ids for each of a request's prompts. Raises `Refused`, `EngineError`."""
        with closing(self._connection()) as connection:
            body = {**request, "return_token_ids": True}
            answer = self._json(self._send(connection, "POST", "/v1/completions", body))
        choices = sorted(answer.get("choices", []), key=lambda choice: int(choice["index"]))
        return [self._ids(choice) for choice in choices]

    def stream(self, request: Mapping[str, Any]) -> Generator[int, None, None]:
        """Stream token ids, including end tokens. Closing the iterator stops the generation on the server.

        Raises `Refused` or `EngineError`, both at the first token or later.
        """
        with closing(self._connection()) as connection:
            body = {**request, "return_token_ids": True, "stream": True}
            response = self._send(connection, "POST", "/v1/completions", body)
            for event in self._events(response):
                for choice in event.get("choices", []):
                    yield from self._ids(choice)

    # -- HTTP ---------------------------------------------------------------------------------------------

    def _connection(self) -> HTTPConnection:
        connection_class = HTTPSConnection if self._secure else HTTPConnection
        return connection_class(*self._address, timeout=READ_TIMEOUT_S)

    def _send(self, connection: HTTPConnection, method: str, path: str, payload: Any) -> HTTPResponse:
        """Send a request and return the response if its status is 200."""
        try:
            connection.request(
                method,
                self._path + path,
                None if payload is None else json.dumps(payload),
                {"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            if response.status == 200:
                return response
            error_body = response.read()
        except ConnectionRefusedError as error:
            raise EngineError(f"no server answers at {self.url}: is the engine running?") from error
        except (OSError, HTTPException) as error:
            raise self._connection_error(error) from error
        reason = f"{self.url} answered {response.status}: {_error_message(error_body)}"
        raise RequestRejected(reason) if 400 <= response.status < 500 else EngineError(reason)

    def _json(self, response: HTTPResponse) -> dict[str, Any]:
        try:
            answer = json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise self._connection_error(error) from error
        if not isinstance(answer, dict):
            raise EngineError(f"{self.url} is not a completions server: it answered {str(answer)[:100]}")
        return answer

    def _events(self, response: HTTPResponse) -> Iterator[dict[str, Any]]:
        """Parse server-sent events up to `[DONE]`; a stream without it was cut off."""
        try:
            for line in response:
                data = line.decode().removeprefix("data:").strip() if line.startswith(b"data:") else ""
                if data == "[DONE]":
                    return
                event = json.loads(data) if data else {}
                if "error" in event:
                    raise EngineError(f"{self.url} stopped in the middle of a reply: {_error_message(data)}")
                yield event
        except (OSError, HTTPException, ValueError) as error:
            raise self._connection_error(error) from error
        raise EngineError(f"{self.url} stopped in the middle of a reply: check the engine's log")

    def _connection_error(self, error: Exception) -> EngineError:
        reason = str(error) or type(error).__name__
        return EngineError(f"{self.url} closed the connection ({reason}): check the engine's log")

    def _ids(self, choice: Mapping[str, Any]) -> list[int]:
        if choice.get("token_ids") is None:
            raise EngineError(
                f"{self.url} returned no token ids: a vLLM server that supports return_token_ids is required"
            )
        return [int(token) for token in choice["token_ids"]]


def _error_message(body: bytes | str) -> str:
    """Extract the message of an OpenAI-style error body, or the beginning of the body."""
    try:
        error = json.loads(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return (body.decode(errors="replace") if isinstance(body, bytes) else body)[:200]

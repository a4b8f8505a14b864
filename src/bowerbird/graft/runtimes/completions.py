"""The wire to an OpenAI-compatible completions server, as vLLM speaks it: token ids come back, not text."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from bowerbird.errors import EngineError, InputError

SILENCE = 300.0
"""Seconds without a byte after which a server counts as dead: a fresh engine may compile for a minute."""


class RequestRejected(EngineError):
    """The server answered that it won't do this; its message says why."""


class CompletionServer:
    """An HTTP server's `/v1/models` and `/v1/completions`. A connection a request: threads don't meet."""

    def __init__(self, url: str) -> None:
        """`url` such as `http://127.0.0.1:8000`; raises `InputError` for something else."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{url} is no server's address: give one such as http://127.0.0.1:8000")
        self.url = url.rstrip("/").removesuffix("/v1")
        self._secure = parts.scheme == "https"
        self._address = (parts.hostname, parts.port or (443 if self._secure else 80))
        self._path = urlsplit(self.url).path

    def models(self) -> list[Mapping[str, Any]]:
        """What is served: `id`, `max_model_len` and more of each model. Raises `EngineError`."""
        with closing(self._connection()) as connection:
            answer = self._json(self._asked(connection, "GET", "/v1/models", None))
        return list(answer.get("data", []))

    def complete(self, request: Mapping[str, Any]) -> list[list[int]]:
        """Token ids written after each of a request's prompts. Raises `Refused`, `EngineError`."""
        with closing(self._connection()) as connection:
            body = {**request, "return_token_ids": True}
            answer = self._json(self._asked(connection, "POST", "/v1/completions", body))
        choices = sorted(answer.get("choices", []), key=lambda choice: int(choice["index"]))
        return [self._ids(choice) for choice in choices]

    def stream(self, request: Mapping[str, Any]) -> Generator[int, None, None]:
        """Token ids as they are written, end tokens among them. Closing the iterator stops the server's work.

        Raises `Refused` or `EngineError`, both at the first token or later.
        """
        with closing(self._connection()) as connection:
            body = {**request, "return_token_ids": True, "stream": True}
            response = self._asked(connection, "POST", "/v1/completions", body)
            for event in self._events(response):
                for choice in event.get("choices", []):
                    yield from self._ids(choice)

    # -- bytes --------------------------------------------------------------------------------------------

    def _connection(self) -> HTTPConnection:
        kind = HTTPSConnection if self._secure else HTTPConnection
        return kind(*self._address, timeout=SILENCE)

    def _asked(self, connection: HTTPConnection, method: str, path: str, body: Any) -> HTTPResponse:
        """The server's answer to one request, once it is a good one."""
        try:
            connection.request(
                method,
                self._path + path,
                None if body is None else json.dumps(body),
                {"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            if response.status == 200:
                return response
            said = response.read()
        except ConnectionRefusedError as error:
            raise EngineError(f"no server answers at {self.url}: is the engine running?") from error
        except (OSError, HTTPException) as error:
            raise self._broken(error) from error
        reason = f"{self.url} answers {response.status}: {_message(said)}"
        raise RequestRejected(reason) if 400 <= response.status < 500 else EngineError(reason)

    def _json(self, response: HTTPResponse) -> dict[str, Any]:
        try:
            answer = json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise self._broken(error) from error
        if not isinstance(answer, dict):
            raise EngineError(f"{self.url} is no completions server: it answers {str(answer)[:100]}")
        return answer

    def _events(self, response: HTTPResponse) -> Iterator[dict[str, Any]]:
        """Server-sent events, up to `[DONE]`; a stream without it was cut."""
        try:
            for line in response:
                data = line.decode().removeprefix("data:").strip() if line.startswith(b"data:") else ""
                if data == "[DONE]":
                    return
                event = json.loads(data) if data else {}
                if "error" in event:
                    raise EngineError(f"{self.url} stopped in the middle of a reply: {_message(data)}")
                yield event
        except (OSError, HTTPException, ValueError) as error:
            raise self._broken(error) from error
        raise EngineError(f"{self.url} stopped in the middle of a reply: look at the engine's log")

    def _broken(self, error: Exception) -> EngineError:
        reason = str(error) or type(error).__name__
        return EngineError(f"{self.url} broke off ({reason}): look at the engine's log")

    def _ids(self, choice: Mapping[str, Any]) -> list[int]:
        if choice.get("token_ids") is None:
            raise EngineError(f"{self.url} returns no token ids: it is no vLLM, or too old a one")
        return [int(token) for token in choice["token_ids"]]


def _message(said: bytes | str) -> str:
    """The reason in an error's body, as OpenAI's servers write it, or the body's beginning."""
    try:
        error = json.loads(said)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return (said.decode(errors="replace") if isinstance(said, bytes) else said)[:200]

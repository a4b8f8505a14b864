"""Request bodies, read whole before a route runs: bounded in size, time, memory and nesting."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from bowerbird.errors import InputError
from bowerbird.serve.protection.errors import BodyTooLarge, Overloaded, SlowBody, WrongMediaType
from bowerbird.serve.protection.settings import ServerSettings

MAX_DEPTH = 32
MAX_CONTAINERS = 50_000
"""Most objects and arrays of a JSON body: what a parser makes of them takes a hundred times their bytes."""
SMALL_BODY = 64 * 2**10  # bytes; the memory of these is not counted
FORM_TYPES = ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded")
"""What a web page may send to any server without being asked (a "simple request")."""


class ReadRequest(Request):
    """A request whose body was read; `value` is what its JSON says."""

    def __init__(self, request: Request, content: bytes, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._content, self._value = content, value

    async def body(self) -> bytes:
        """The whole body, unpacked."""
        return self._content

    async def json(self) -> Any:
        """The body's JSON value."""
        return self._value

    async def stream(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        """The body in one piece."""
        yield self._content


class BodyReader:
    """Reads the bodies of one server's requests. For one event loop."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._free = settings.body_memory

    async def read(self, request: Request, limit: int) -> bytes:
        """Read a body of at most `limit` bytes, unpacked where it is gzip.

        Raises `BodyTooLarge`, `SlowBody`, `Overloaded` where all bodies together take too much memory, and
        `ClientDisconnect` where the client leaves before its end.
        """
        declared = request.headers.get("content-length", "")
        expected = int(declared) if declared.isdecimal() and len(declared) < 16 else limit
        if declared and expected > limit:
            _reject_size(limit)
        with self._memory(expected):
            content = await self._receive(request, limit)
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding == "gzip":
            return _unpack(content, limit)
        if encoding != "identity":
            raise WrongMediaType(f"the body's encoding {encoding!r} is not read: send gzip or none")
        return content

    @contextlib.contextmanager
    def _memory(self, expected: int) -> Iterator[None]:
        needed = expected if expected > SMALL_BODY else 0
        if needed > self._free:
            raise Overloaded("too many large requests at a time: send it again later")
        self._free -= needed
        try:
            yield
        finally:
            self._free += needed

    async def _receive(self, request: Request, limit: int) -> bytes:
        content, loop = bytearray(), asyncio.get_running_loop()
        end = loop.time() + self._settings.body_total_s
        while True:
            due = min(end, loop.time() + self._settings.body_idle_s)
            try:
                async with asyncio.timeout_at(due):
                    message = await request.receive()
            except TimeoutError:
                raise SlowBody("the body did not arrive in time: send it faster, or less of it") from None
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            content += message.get("body", b"")
            if len(content) > limit:
                _reject_size(limit)
            if not message.get("more_body", False):
                return bytes(content)


def parse_json(content: bytes) -> Any:
    """Parse a JSON body. Raises `InputError` for what is not JSON, and for too deep or too many values."""
    if content.count(b"{") + content.count(b"[") > MAX_CONTAINERS:
        raise InputError(f"the body has more than {MAX_CONTAINERS:,} objects and arrays: send fewer")
    try:
        value = json.loads(content, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise InputError("the body is not JSON") from None
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for each in level for child in _children(each)]
        if not level:
            return value
    raise InputError(f"the body is nested more than {MAX_DEPTH} levels deep")


def reject_form_types(request: Request) -> None:
    """Raise `WrongMediaType` for bodies that a web page of another site may send without being asked."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in FORM_TYPES:
        raise WrongMediaType(
            f"the content type {media_type} is not read here: send application/json, or a picture's"
        )


def _children(value: Any) -> Iterator[Any]:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (child for child in values if isinstance(child, dict | list))


def _unpack(content: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(content, limit + 1)
    except zlib.error:
        raise InputError("the body is not gzip, though its header says so") from None
    if len(unpacked) > limit:
        _reject_size(limit)
    if not unpacker.eof:
        raise InputError("the body's gzip data ends too early")
    return unpacked


def _reject_size(limit: int) -> NoReturn:
    raise BodyTooLarge(f"the body is larger than {limit:,} bytes: send less at a time")


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")

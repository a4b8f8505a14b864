"""The public keys of an identity provider, by their ids: a JSON Web Key Set from an address or a file.

Providers change their keys. So a key that is not known is looked for in the current set, and so is every key
once in a while, since a set that lacks it withdraws it. Tokens with made-up keys must not become a flood of
requests to the provider: it is asked at most once in `PAUSE_S`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from jwt import PyJWK, PyJWKSet, PyJWTError

from bowerbird.errors import InputError

PAUSE_S = 10.0  # shortest time between two requests for keys
MAX_AGE_S = 900.0  # after which the keys are asked for again
TIMEOUT_S = 5.0  # longest time for one request
MAX_BYTES = 2**18  # of a set of keys
KEY_TYPES = ("RSA", "EC", "OKP")
"""Of public keys; a shared secret in a set would let its readers sign."""
_log = logging.getLogger(__name__)


class SigningKeys:
    """The keys of one provider. For one event loop."""

    def __init__(self, source: str, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """`source` is an address, or a path in the folder."""
        self._source, self._folder, self._clock = source, folder, clock
        self._keys: Mapping[str | None, PyJWK] = {}
        self._asked_at, self._fetched_at = float("-inf"), float("-inf")
        self._asking = asyncio.Lock()

    async def find(self, key_id: str | None) -> PyJWK | None:
        """The key of an id; the only one for a token that names none. None where there is no such key.

        While the provider can't be asked, the keys that it had are used.
        """
        if key_id not in self._keys or self._clock() - self._fetched_at > MAX_AGE_S:
            await self._refresh()
        return self._keys.get(key_id)

    @property
    def are_known(self) -> bool:
        """Whether any set of keys was read."""
        return bool(self._keys)

    async def _refresh(self) -> None:
        async with self._asking:
            if self._clock() - self._asked_at < PAUSE_S:
                return
            self._asked_at = self._clock()
            try:
                self._keys = _usable_keys(json.loads(await self._read()))
            except (InputError, httpx.HTTPError, OSError, ValueError, PyJWTError) as error:
                _log.error("the identity provider's keys can't be read from %s: %r", self._source, error)
                return
            self._fetched_at = self._clock()

    async def _read(self) -> bytes:
        if not self._source.startswith(("http://", "https://")):
            return (self._folder / self._source).read_bytes()
        content = b""
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client,
            asyncio.timeout(TIMEOUT_S),
            client.stream("GET", self._source, headers={"Accept": "application/json"}) as answer,
        ):
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise InputError(f"the set of keys has more than {MAX_BYTES:,} bytes")
        return content


def _usable_keys(key_set: Any) -> Mapping[str | None, PyJWK]:
    """The keys for signatures by their ids, the only one also without. Raises `InputError` without any."""
    entries = key_set.get("keys") if isinstance(key_set, dict) else None
    public = [
        entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and entry.get("kty") in KEY_TYPES and entry.get("use", "sig") == "sig"
    ]
    if not public:
        raise InputError("expected a JSON Web Key Set with public keys")
    keys: dict[str | None, PyJWK] = {key.key_id: key for key in PyJWKSet.from_dict({"keys": public}).keys}
    if len(keys) == 1:
        keys[None] = next(iter(keys.values()))
    else:
        keys.pop(None, None)
    return keys

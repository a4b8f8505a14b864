"""Pages of a list, by cursors that name what earlier pages showed.

The next page is a new list without those items. So pages never overlap, whatever happened in between: a like
on the first page already counts on the second. Nothing is kept on the server, and any process can answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.errors import NotFoundError

DIGEST_BYTES = 5
"""Of an item's id in a cursor: one of a million items looks like one of 1,000 shown in 1 list of 1,000."""
MAX_SHOWN = 1000
"""Items on all pages of a list together."""
_HEAD_BYTES = 16


def digest_ids(item_ids: Iterable[str]) -> IntArray:
    """Digest items' ids to 40 bits each, (n,) int64."""
    digests = (hashlib.blake2b(item_id.encode(), digest_size=DIGEST_BYTES).digest() for item_id in item_ids)
    return np.array([int.from_bytes(digest) for digest in digests], np.int64)


@dataclass(frozen=True)
class Cursor:
    """Where a list continues.

    >>> first = Cursor(fingerprint_of("a list"), seed=7)
    >>> second = first.after(digest_ids(["a", "b"]))
    >>> again = Cursor.decode(second.encode(), fingerprint_of("a list"))
    >>> again.seed, again.unshown(digest_ids(["a", "c"])).tolist()
    (7, [False, True])
    """

    request: bytes
    """8 bytes that identify the request, see `fingerprint_of`."""
    seed: int
    """Of the exploration: the same for all pages."""
    shown: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    """(s,) digests of the items of earlier pages, in their order."""

    def unshown(self, digests: IntArray) -> BoolArray:
        """Which items no earlier page showed, by their digests, (n,) bool."""
        return ~np.isin(digests, self.shown)

    def after(self, digests: IntArray) -> Cursor:
        """The cursor behind a page with some items."""
        return Cursor(self.request, self.seed, np.concatenate([self.shown, digests]))

    @property
    def room(self) -> int:
        """How many items the next page may have."""
        return MAX_SHOWN - len(self.shown)

    def encode(self) -> str:
        """The cursor as text for addresses."""
        digests = b"".join(digest.to_bytes(DIGEST_BYTES) for digest in self.shown.tolist())
        content = self.request + self.seed.to_bytes(8) + digests
        return base64.urlsafe_b64encode(content).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, request: bytes) -> Cursor:
        """Read a cursor. Raises `NotFoundError` for one that is broken, or of another request."""
        try:
            content = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            content = b""
        digests = content[_HEAD_BYTES:]
        if len(content) < _HEAD_BYTES or len(digests) % DIGEST_BYTES or len(content) > _MAX_BYTES:
            raise NotFoundError("the cursor is broken: send `next_cursor` of the last answer as it was")
        if content[:8] != request:
            raise NotFoundError("the cursor belongs to another request: leave it out, or repeat that request")
        steps = range(0, len(digests), DIGEST_BYTES)
        shown = [int.from_bytes(digests[start : start + DIGEST_BYTES]) for start in steps]
        return cls(request, int.from_bytes(content[8:_HEAD_BYTES]), np.array(shown, np.int64))


_MAX_BYTES = _HEAD_BYTES + DIGEST_BYTES * MAX_SHOWN


def fingerprint_of(*request: str) -> bytes:
    """8 bytes that identify a request by what it asks for, apart from the page."""
    return hashlib.blake2b("\0".join(request).encode(errors="replace"), digest_size=8).digest()


def page_of(cursor: Cursor, digests: IntArray, positions: Sequence[int], n: int) -> str | None:
    """The text of the next page's cursor, where a page of n items was full and there may be more.

    `digests` (items,) are those of all items; `positions` the page's.
    """
    following = cursor.after(digests[np.array(positions, np.int64)])
    return following.encode() if len(positions) == n and following.room > 0 else None

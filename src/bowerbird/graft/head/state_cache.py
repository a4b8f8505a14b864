"""Cache the encoded conversations of a training on disk, so that an interrupted or second training resumes.

The key is a hash of what was encoded and how, so other texts, vectors or settings never meet old states.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bowerbird.conversations.contexts import ConversationContext
from bowerbird.graft.head.encoding import ConversationEncoder, EncodedConversation
from bowerbird.progress import track

CHUNK = 512
"""Conversations that are encoded between two writes."""
_PER_CONVERSATION = ("end", "taste", "taste_vector")
"""Arrays with one row for each conversation."""
_BY_TURN, _BY_MENTION = ("turns", "turn_facts"), ("mentions", "mention_facts", "items")


class StateCache:
    """Encodes conversations, each once; what was encoded is kept in a folder and in memory."""

    def __init__(self, folder: Path, encoder: ConversationEncoder) -> None:
        self._folder, self._encoder = folder, encoder
        self._encoded: dict[str, EncodedConversation] = {}
        for path in sorted(folder.glob(f"{encoder.fingerprint}-*.npz")):
            self._encoded.update(_read_chunk(path))

    def encode(self, contexts: Sequence[ConversationContext]) -> list[EncodedConversation]:
        """Encode contexts in their order; those of one dialogue should be neighbours."""
        keys = [_key(context) for context in contexts]
        missing = [index for index, key in enumerate(keys) if key not in self._encoded]
        starts = range(0, len(missing), CHUNK)
        for start in track(starts, "reading conversations", len(starts)) if missing else ():
            rows = missing[start : start + CHUNK]
            encoded = self._encoder.encode([contexts[row] for row in rows])
            chunk = dict(zip((keys[row] for row in rows), encoded, strict=True))
            _write_chunk(self._folder, self._encoder.fingerprint, chunk)
            self._encoded |= chunk
        return [self._encoded[key] for key in keys]


def _key(context: ConversationContext) -> str:
    return hashlib.blake2b(repr(context).encode(), digest_size=16).hexdigest()


def _write_chunk(folder: Path, prefix: str, chunk: dict[str, EncodedConversation]) -> None:
    """Write a chunk under a name of its contents, then rename it into place."""
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.blake2b("".join(chunk).encode(), digest_size=8).hexdigest()
    columns = {
        "keys": np.array(list(chunk)),
        "turn_counts": np.array([len(each.turns) for each in chunk.values()]),
        "mention_counts": np.array([len(each.mentions) for each in chunk.values()]),
    }
    for array in _PER_CONVERSATION:
        columns[array] = np.stack([getattr(each, array) for each in chunk.values()])
    for array in (*_BY_TURN, *_BY_MENTION):
        columns[array] = np.concatenate([getattr(each, array) for each in chunk.values()])
    partial_file = folder / f".{name}-{os.getpid()}.npz"
    np.savez(partial_file, **columns)  # type: ignore[arg-type]
    partial_file.replace(folder / f"{prefix}-{name}.npz")


def _read_chunk(path: Path) -> Iterator[tuple[str, EncodedConversation]]:
    with np.load(path) as columns:
        turn_ends, mention_ends = columns["turn_counts"].cumsum(), columns["mention_counts"].cumsum()
        parts = {name: columns[name] for name in _PER_CONVERSATION}
        parts |= {name: np.split(columns[name], turn_ends[:-1]) for name in _BY_TURN}
        parts |= {name: np.split(columns[name], mention_ends[:-1]) for name in _BY_MENTION}
        for row, key in enumerate(columns["keys"]):
            yield str(key), EncodedConversation(**{name: rows[row] for name, rows in parts.items()})

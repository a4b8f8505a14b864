"""The request head as a source of the conversational ranker: fit on dialogues, score the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from bowerbird.conversations.contexts import ConversationContext, DialogueExample
from bowerbird.data.files.records import read_record, write_record
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.errors import StoreError
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.head.config import RequestHeadConfig
from bowerbird.graft.head.dialogue_examples import read_titles
from bowerbird.graft.head.encoding import ConversationEncoder, EncodedConversation
from bowerbird.graft.head.reader import RequestHead, collate
from bowerbird.graft.head.state_cache import StateCache
from bowerbird.graft.head.training import SCORE_BATCH, HeadExample, HeadTraining
from bowerbird.graft.model import Graft

WEIGHTS_FILE, RECORD_FILE, CHECKPOINT_FILE = "request_head.safetensors", "request_head.json", "checkpoint.pt"
CACHE_FOLDER = ".request_head"
"""Sub-folder of a store's `graft` that holds what a training has encoded so far."""


@dataclass(frozen=True)
class RequestHeadRecord:
    """How a saved request head was trained."""

    base: str
    base_fingerprint: str
    connector_fingerprint: str
    config: RequestHeadConfig
    examples: int
    """Contexts it was trained or validated on."""
    validation_gains: list[float]
    """After each epoch, mean of 1 / log2(1 + rank); empty without validation dialogues."""


class RequestHeadSource:
    """Scores items by a language model's states over the conversation; see `ConversationSource`."""

    name = "request_head"

    def __init__(
        self,
        base: Base,
        connector: Connector,
        matrix: NDArray[np.float32],
        titles: Sequence[str],
        cache_folder: Path,
        config: RequestHeadConfig | None = None,
    ) -> None:
        """`matrix` (items, dim) and `titles` (items,) are the catalogue's; `cache_folder` holds what a
        training has encoded so far."""
        self._base, self._connector, self._titles = base, connector, titles
        self._matrix, self._cache_folder = np.asarray(matrix, np.float32), cache_folder
        self._configure(config or RequestHeadConfig())
        self._head: RequestHead | None = None
        self._record: RequestHeadRecord | None = None

    @classmethod
    def open(
        cls,
        snapshot: StoreSnapshot,
        config: RequestHeadConfig | None = None,
        catalogue: Catalogue | None = None,
    ) -> RequestHeadSource:
        """A head on the snapshot's current graft, to be fitted or loaded.

        `catalogue` holds the items that it scores, by default the snapshot's; one that the snapshot does not
        have any more has a vector of zeros. Raises `StoreError` if the store has no graft, or one of other
        vectors.
        """
        graft, items = Graft.open(snapshot), catalogue or snapshot.catalogue
        cache_folder = snapshot.store.path / "graft" / CACHE_FOLDER
        matrix = vectors_of(items.ids, snapshot.catalogue, graft.matrix)
        return cls(graft.base, graft.connector, matrix, read_titles(items), cache_folder, config)

    def _configure(self, config: RequestHeadConfig) -> None:
        self.config = config
        self._encoder = ConversationEncoder(self._base, self._connector, self._matrix, self._titles, config)
        self._cache: StateCache | None = None

    def fit(self, examples: Sequence[DialogueExample]) -> None:
        """Encode the examples' contexts, as far as no earlier training has, and train the reader on them."""
        encoded = self.encode([each.context for each in examples])
        head_examples = [
            HeadExample(
                each.dialogue_id, conversation, np.array(each.targets, np.int64), each.context.mentioned_items
            )
            for each, conversation in zip(examples, encoded, strict=True)
        ]
        training = HeadTraining(self._base.hidden, self._matrix, head_examples, self.config)
        checkpoint = self._cache_folder / f"{training.fingerprint}-{CHECKPOINT_FILE}"
        self._head = training.run(checkpoint)
        checkpoint.unlink(missing_ok=True)
        gains = training.gains if training.validation else []
        self._record = RequestHeadRecord(
            self._base.name,
            self._base.fingerprint,
            self._connector.fingerprint,
            self.config,
            len(examples),
            gains,
        )

    def encode(self, contexts: Sequence[ConversationContext]) -> list[EncodedConversation]:
        """Encode contexts for a training; what was encoded stays on disk and in memory."""
        if self._cache is None:
            self._cache = StateCache(self._cache_folder, self._encoder)
        return self._cache.encode(contexts)

    @property
    def record(self) -> RequestHeadRecord:
        """How the head was trained. Raises `StoreError` before a training."""
        if self._record is None:
            raise StoreError("the request head is not trained: fit or load it first")
        return self._record

    @torch.no_grad()
    def scores(self, contexts: Sequence[ConversationContext]) -> NDArray[np.float32]:
        """Scores (contexts, items), each row with mean 0. Raises `StoreError` before a training."""
        if self._head is None:
            raise StoreError("the request head is not trained: fit or load it first")
        encode = self._encoder.encode if self._cache is None else self._cache.encode
        rows = np.zeros((len(contexts), len(self._matrix)), np.float32)
        for start in range(0, len(contexts), SCORE_BATCH):
            encoded = encode(contexts[start : start + SCORE_BATCH])
            scores = self._head(collate(encoded, self.config.item_input))
            rows[start : start + len(encoded)] = (scores - scores.mean(1, keepdim=True)).numpy()
        return rows

    def count_tokens(self, contexts: Sequence[ConversationContext]) -> NDArray[np.int64]:
        """Tokens that the language model reads of each context, (contexts,)."""
        return self._encoder.count_tokens(contexts)

    def save(self, folder: Path) -> None:
        """Write the reader and how it was trained."""
        if self._head is None:
            raise StoreError("the request head is not trained: there is nothing to save")
        save_file(
            {name: tensor.contiguous() for name, tensor in self._head.state_dict().items()},
            folder / WEIGHTS_FILE,
        )
        write_record(folder / RECORD_FILE, self.record)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises `StoreError` if it is missing, broken, or of another graft."""
        record = read_record(folder / RECORD_FILE, RequestHeadRecord)
        if record.base_fingerprint != self._base.fingerprint:
            raise StoreError(
                f"{folder} holds a request head for {record.base} {record.base_fingerprint}, the one found "
                f"now is {self._base.fingerprint}: train it again"
            )
        if record.connector_fingerprint != self._connector.fingerprint:
            raise StoreError(f"{folder} holds a request head for another graft: train it again")
        try:
            state = load_file(folder / WEIGHTS_FILE)
            if "taste_kind" not in state:  # from before heads read tastes
                record = replace(record, config=replace(record.config, reads_taste=False))
                state["taste_kind"] = torch.zeros(record.config.width)
            self._configure(record.config)
            head = RequestHead(self._base.hidden, self._matrix, record.config)
            head.load_state_dict(head.extend_state(state))
        except (OSError, SafetensorError, RuntimeError, KeyError) as error:
            raise StoreError(
                f"the request head in {folder} can't be read ({error}): train it again"
            ) from None
        self._head, self._record = head.eval(), record


def vectors_of(ids: Sequence[str], catalogue: Catalogue, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (ids, dim) of items of a catalogue with vectors `matrix` (items, dim); zeros for other ids."""
    if catalogue.ids == ids:
        return matrix
    positions = np.array([catalogue.position.get(item_id, len(matrix)) for item_id in ids], np.int64)
    extended = np.concatenate([matrix, np.zeros((1, matrix.shape[1]), matrix.dtype)])
    vectors: NDArray[np.float32] = extended[positions]
    return vectors

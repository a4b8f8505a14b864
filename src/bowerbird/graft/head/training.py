"""Train the reader of a request head on encoded conversations: full softmax over the catalogue.

The loss of a conversation is the mean cross-entropy of the items that were recommended next. Items already
named are left out of the softmax: they are not recommended again. A tenth of the dialogues, by a hash of
their ids, ends the training when their gain no longer rises: the mean of 1 / log2(1 + rank) over recommended
items, the nDCG of one relevant item (Järvelin & Kekäläinen, TOIS 2002). Their loss is no guide: it rises by
overconfidence while the order still improves.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bowerbird.graft.head.config import RequestHeadConfig
from bowerbird.graft.head.encoding import EncodedConversation
from bowerbird.graft.head.reader import RequestHead, collate
from bowerbird.progress import track

VALIDATION_SHARE = 0.1
WARM_UP_STEPS = 20
POPULARITY_SMOOTHING = 0.1
"""Recommendations that each item is taken to have had before any."""
SCORE_BATCH = 256


@dataclass(frozen=True, eq=False)
class HeadExample:
    """An encoded conversation, and what was recommended next."""

    dialogue_id: str
    conversation: EncodedConversation
    targets: NDArray[np.int64]
    """Positions of the recommended items, at least one."""
    mentioned_items: NDArray[np.int64]
    """Positions of the items named so far, which are no candidates."""


def split_validation(examples: Sequence[HeadExample]) -> tuple[list[HeadExample], list[HeadExample]]:
    """Training and validation examples, split by a hash of the dialogue's id."""
    training: list[HeadExample] = []
    validation: list[HeadExample] = []
    for example in examples:
        (validation if is_validation(example.dialogue_id) else training).append(example)
    return training, validation


def is_validation(dialogue_id: str) -> bool:
    """Whether a dialogue ends the training rather than being trained on."""
    digest = hashlib.blake2b(dialogue_id.encode(), digest_size=8, person=b"request-head").digest()
    return int.from_bytes(digest, "big") < VALIDATION_SHARE * 2**64


class HeadTraining:
    """A training of a request head; its state is one file, so an interrupted training can resume."""

    def __init__(
        self,
        hidden: int,
        vectors: NDArray[np.float32],
        examples: Sequence[HeadExample],
        config: RequestHeadConfig,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.training, self.validation = split_validation(examples)
        if not self.training:
            self.training, self.validation = list(examples), []
        self.head = RequestHead(hidden, vectors, config)
        with torch.no_grad():
            self.head.bias.copy_(torch.from_numpy(log_popularity(self.training, len(vectors))))
        self.optimiser = torch.optim.AdamW(
            self.head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.epoch = 0
        self.gains: list[float] = []
        """Validation gain after each epoch; without validation dialogues the epoch's number."""
        self._best = copy.deepcopy(self.head.state_dict())

    @property
    def fingerprint(self) -> str:
        """A hash of the settings and the examples: a checkpoint of another training is not resumed."""
        digest = hashlib.blake2b(repr(self.config).encode(), digest_size=8)
        for example in (*self.training, *self.validation):
            digest.update(f"{example.dialogue_id}/{example.targets.tolist()}".encode())
            digest.update(example.conversation.end.tobytes())
        return digest.hexdigest()

    @property
    def is_finished(self) -> bool:
        """Whether the epochs are used up, or the validation gain has stopped rising."""
        best = int(np.argmax(self.gains)) if self.gains else 0
        return self.epoch >= self.config.epochs or self.epoch - 1 - best >= self.config.patience

    def run(self, checkpoint: Path | None = None, stop_after: int | None = None) -> RequestHead:
        """Train, from the checkpoint if there is one; returns the best head, in evaluation mode.

        `stop_after` epochs the training is interrupted; by default it runs to its end.
        """
        if checkpoint is not None and checkpoint.exists():
            self._resume(checkpoint)
        for _ in track(self._epochs(checkpoint), "request head", self.config.epochs):
            if self.epoch == stop_after:
                break
        self.head.load_state_dict(self._best)
        return self.head.eval()

    def _epochs(self, checkpoint: Path | None) -> Any:
        while not self.is_finished:
            self._train_epoch()
            gain = mean_gain(self.head, self.validation) if self.validation else float(self.epoch)
            if not self.gains or gain > max(self.gains):
                self._best = copy.deepcopy(self.head.state_dict())
            self.gains.append(gain)
            self.epoch += 1
            if checkpoint is not None:
                self._save(checkpoint)
            yield gain

    def _train_epoch(self) -> None:
        # Seeded by the epoch, so that a resumed training draws the same dropout.
        torch.manual_seed(self.config.seed * 10_007 + self.epoch)
        rng = np.random.default_rng([self.config.seed, self.epoch])
        order = rng.permutation(len(self.training))
        self.head.train()
        steps = math.ceil(len(order) / self.config.batch)
        for number in range(steps):
            rows = order[number * self.config.batch : (number + 1) * self.config.batch]
            self._set_learning_rate(self.epoch * steps + number, self.config.epochs * steps)
            loss = compute_loss(self.head, [self.training[row] for row in rows])
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.head.parameters(), 1.0)
            self.optimiser.step()

    def _set_learning_rate(self, step: int, steps: int) -> None:
        """Warm up, then fall linearly to a tenth."""
        factor = min(1.0, (step + 1) / WARM_UP_STEPS) * (1 - 0.9 * step / steps)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * factor

    def _save(self, checkpoint: Path) -> None:
        state = {
            "head": self.head.state_dict(),
            "best": self._best,
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "gains": self.gains,
        }
        torch.save(state, checkpoint.with_suffix(".part"))
        checkpoint.with_suffix(".part").replace(checkpoint)

    def _resume(self, checkpoint: Path) -> None:
        state = torch.load(checkpoint, weights_only=True)
        self.head.load_state_dict(state["head"])
        self.optimiser.load_state_dict(state["optimiser"])
        self._best, self.epoch, self.gains = state["best"], state["epoch"], state["gains"]


def compute_loss(head: RequestHead, examples: Sequence[HeadExample]) -> Tensor:
    """Mean over examples of the mean cross-entropy of their targets."""
    scores = head(collate([example.conversation for example in examples], head.item_input))
    leave_out_named(scores, examples)
    # Of all rows together: the gradient of each row's own index would be a copy of all scores.
    rows, targets = _pairs([example.targets for example in examples])
    shares = torch.tensor([1 / len(each.targets) for each in examples], dtype=scores.dtype)[rows]
    loss: Tensor = -(scores.log_softmax(-1)[rows, targets] * shares).sum() / len(examples)
    return loss


def leave_out_named(scores: Tensor, examples: Sequence[HeadExample]) -> None:
    """Lower the scores of named items that are no targets, in place."""
    rows, excluded = _pairs([np.setdiff1d(each.mentioned_items, each.targets) for each in examples])
    scores[rows, excluded] = -1e4


def _pairs(items: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """Row and item of each item of each example, both (pairs,) int64."""
    rows = np.repeat(np.arange(len(items)), [len(each) for each in items])
    flat = np.concatenate([*items, np.zeros(0, np.int64)])
    return torch.from_numpy(rows), torch.from_numpy(flat)


@torch.no_grad()
def mean_gain(head: RequestHead, examples: Sequence[HeadExample]) -> float:
    """Mean of 1 / log2(1 + rank) over the examples' recommended items, ranks from 1 over the catalogue."""
    head.eval()
    gains: list[float] = []
    for start in range(0, len(examples), SCORE_BATCH):
        batch = examples[start : start + SCORE_BATCH]
        scores = head(collate([example.conversation for example in batch], head.item_input))
        leave_out_named(scores, batch)
        for row, example in zip(scores, batch, strict=True):
            ranks = 1 + (row[None] > row[torch.from_numpy(example.targets), None]).sum(1)
            gains += (1 / torch.log2(1.0 + ranks)).tolist()
    return float(np.mean(gains))


def log_popularity(examples: Sequence[HeadExample], n_items: int) -> NDArray[np.float32]:
    """Logarithm of how often each item was recommended, smoothed: what the scores start from, (items,)."""
    counts = np.full(n_items, POPULARITY_SMOOTHING)
    for example in examples:
        counts[example.targets] += 1 / len(example.targets)
    log_counts: NDArray[np.float32] = np.log(counts).astype(np.float32)
    return log_counts

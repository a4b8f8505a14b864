"""Stage 2: from what people did to where the model looks next.

The language model reads people's sequences and requests; a head for each is fitted on its states
(`ranking.py`). Where the language model itself learns, gradients then go through head, model and connector
together, on the same softmax over the catalogue, and what the judges don't like better is taken back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from bowerbird.graft.head import RetrievalHead
from bowerbird.graft.lessons.requests import Request
from bowerbird.graft.lessons.sequences import Liked, Reader, Window, decayed_mean
from bowerbird.graft.training.ranking import (
    Examples,
    Judges,
    catalogue_loss,
    drawing_chances,
    examples_of,
    queries,
)

ADAPTER_LEARNING_RATE, CONNECTOR_LEARNING_RATE, HEAD_LEARNING_RATE = 1e-4, 1e-4, 1e-4
STEPS_BETWEEN_JUDGEMENTS = 20
BATCH = 16

Work = tuple[Liked, Window]
"""A person's sequence, and a window of it."""


def examples_of_windows(work: Sequence[Work], states: Tensor, matrix: np.ndarray) -> Examples:
    """Next-item examples at every cut; `states` (cuts, layers, hidden) in the windows' order."""
    made = [examples_of(window, sequence, matrix) for sequence, window in work]
    means, targets, outcomes = (np.concatenate(part) for part in zip(*made, strict=True))
    return Examples(states, means, targets, outcomes, len(matrix))


def examples_of_requests(requests: Sequence[Request], states: Tensor, matrix: np.ndarray) -> Examples:
    """One example a request; `states` (requests, layers, hidden)."""
    means = np.stack([decayed_mean(one.before, len(one.before.items), matrix) for one in requests])
    targets = np.stack([one.targets for one in requests])
    return Examples(states, means, targets, np.stack([one.outcomes for one in requests]), len(matrix))


def judges_of_requests(requests: Sequence[Request], matrix: np.ndarray) -> Judges:
    """People who asked: found is what fits, the items they had before aside."""
    begun = [Liked(one.before.items, one.before.outcomes) for one in requests]
    return Judges(begun, [one.wanted for one in requests], matrix)


@dataclass(frozen=True)
class Through:
    """Everything that a gradient step goes through."""

    reader: Reader
    head: RetrievalHead
    layer: int
    """Whose states the head reads."""
    adapter: Sequence[nn.Parameter]

    def parameters(self) -> list[nn.Parameter]:
        return [*self.adapter, *self.reader.connector.parameters(), *self.head.parameters()]

    def kept(self) -> list[Tensor]:
        """A copy of all that learns."""
        return [p.detach().clone() for p in self.parameters()]

    @torch.no_grad()
    def put_back(self, kept: Sequence[Tensor]) -> None:
        for parameter, former in zip(self.parameters(), kept, strict=True):
            parameter.copy_(former)

    @torch.no_grad()
    def worth(self, judges: Judges, history: int) -> float:
        """The judges' recall and gain together, read anew."""
        windows = judges.windows(history)
        parts = [
            self.reader.states(windows[i : i + BATCH], [self.layer])[:, 0]
            for i in range(0, len(windows), BATCH)
        ]
        if not parts:
            return 0.0
        return sum(judges.recall_and_gain(queries(self.head, torch.cat(parts), judges.means)))


def learn_through(
    through: Through, work: Sequence[Work], judges: Judges, history: int, seed: int, seconds: float
) -> Iterator[float]:
    """Gradient steps through the language model until `seconds` are used up; yields each step's loss.

    Ends with the best that the judges saw; that may be where it began.
    """
    matrix = through.reader.matrix
    items, rng = torch.from_numpy(matrix), np.random.default_rng(seed)
    targets = np.concatenate([examples_of(w, s, matrix)[1] for s, w in work])
    chances = drawing_chances(targets, len(matrix))
    optimiser = torch.optim.AdamW(
        [
            {"params": list(through.adapter), "lr": ADAPTER_LEARNING_RATE},
            {"params": list(through.reader.connector.parameters()), "lr": CONNECTOR_LEARNING_RATE},
            {"params": list(through.head.parameters()), "lr": HEAD_LEARNING_RATE},
        ],
        weight_decay=0.01,
    )
    best, kept = through.worth(judges, history), through.kept()
    end, step = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        some = [work[i] for i in rng.choice(len(work), size=min(BATCH, len(work)), replace=False)]
        loss = _loss(through, some, items, chances, rng)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(through.parameters(), 1.0)
        optimiser.step()
        step += 1
        yield float(loss.detach())
        if step % STEPS_BETWEEN_JUDGEMENTS == 0 and (now := through.worth(judges, history)) > best:
            best, kept = now, through.kept()
    if through.worth(judges, history) < best:
        through.put_back(kept)


def _loss(
    through: Through, some: Sequence[Work], items: Tensor, chances: Tensor, rng: np.random.Generator
) -> Tensor:
    states = through.reader.states([window for _, window in some], [through.layer])[:, 0]
    made = [examples_of(window, sequence, through.reader.matrix) for sequence, window in some]
    means, targets, outcomes = (np.concatenate(part) for part in zip(*made, strict=True))
    drawn = rng.integers(0, (targets >= 0).sum(1))
    every = np.arange(len(targets))
    query = through.head(states, torch.from_numpy(means), torch.from_numpy(outcomes[every, drawn]))
    return catalogue_loss(
        query, torch.from_numpy(targets[every, drawn]), items, through.head.log_sharpness.exp(), chances, rng
    )


def read_all(
    read: Callable[[int], Tensor],
    batches: int,
    keep: Callable[[int], Tensor | None],
    seconds: float,
    most: int,
) -> Iterator[Tensor]:
    """States of batch after batch, until `seconds` or `most` states are used up; the first one is always
    read. `keep` gives what an interrupted run had read already."""
    taken, examples = 0.0, 0
    for number in range(batches):
        if (former := keep(number)) is not None:
            yield former
            continue
        if number and (taken > seconds or examples > most):
            return
        start = time.perf_counter()
        states = read(number)
        taken += time.perf_counter() - start
        examples += len(states)
        yield states

"""Stage 3: what people bought or saved, over what they were shown in the same moment and passed by.

Two objectives are tried on the head's scores s (cosine times sharpness), and judged on people left out:

- DPO (Rafailov et al., 2023): -log σ((s_won - s_lost) - (s_won - s_lost)ᵣ), ᵣ being the head before. The
  catalogue's softmax is the policy; its normaliser cancels in the difference.
- pairwise logistic loss, -log σ(s_won - s_lost) (BPR, Rendle et al., 2009), which needs no former head.

Both run beside the next-item loss, so that what stage 2 taught stays. The better one is kept where it orders
more pairs rightly and costs nobody a found item; else the head stays as it was.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.graft.head import RetrievalHead
from bowerbird.graft.lessons.sequences import Liked, Window, whole
from bowerbird.graft.training.ranking import Examples, Judges, next_item_loss, queries

MOMENT_US = 30 * 60 * 1_000_000
"""What was shown less than this (microseconds) before a choice competed with it."""
MOST_LOST = 4
LEARNING_RATE = 1e-4
EPOCHS = 5
_CHOSEN = (ACTION_CODE["save"], ACTION_CODE["add_to_cart"], ACTION_CODE["purchase"])


class Objective(StrEnum):
    """How a pair teaches the head."""

    DPO = "dpo"
    PAIRWISE = "pairwise"


@dataclass(frozen=True)
class Choice:
    """What a person had liked before, what they then chose, how, and what they passed by."""

    before: Window
    won: int
    outcome: int
    lost: tuple[int, ...]


def choices_of(history: History, length: int) -> list[Choice]:
    """Each saved or bought item with what was shown within the half hour before it and never liked.

    `length` items of the liked ones before are remembered, the chosen one not among them.
    """
    shown = history.where(history.actions == ACTION_CODE["impression"])
    liked = set(history.liked().items.tolist())
    made: list[Choice] = []
    seen: set[int] = set()
    for row in np.flatnonzero(np.isin(history.actions, _CHOSEN)).tolist():
        won, at = int(history.items[row]), int(history.at[row])
        recent = shown.items[(shown.at <= at) & (shown.at > at - MOMENT_US)]
        lost = [item for item in dict.fromkeys(recent.tolist()[::-1]) if item not in liked]
        if lost and won not in seen:
            # Who had clicked the item before would be recognised by that alone.
            earlier = history.where((history.at < at) & (history.items != won))
            before = whole(Liked.of(earlier), length)
            outcome = 1 if history.actions[row] == ACTION_CODE["save"] else 2
            made.append(Choice(before, won, outcome, tuple(lost[:MOST_LOST])))
        seen.add(won)
    return made


@dataclass(frozen=True)
class Pairs:
    """Choices as arrays: states (P, hidden), means (P, dim), items won and lost (P,), outcomes (P,)."""

    states: Tensor
    means: np.ndarray
    won: np.ndarray
    lost: np.ndarray
    outcomes: np.ndarray

    @classmethod
    def of(cls, choices: list[Choice], states: Tensor, means: np.ndarray) -> Pairs:
        """One row for each item lost; `states` and `means` have a row for each choice."""
        rows = np.repeat(np.arange(len(choices)), [len(one.lost) for one in choices])
        return cls(
            states[torch.from_numpy(rows)],
            means[rows],
            np.array([choices[row].won for row in rows]),
            np.array([item for one in choices for item in one.lost]),
            np.array([choices[row].outcome for row in rows]),
        )

    def margins(self, head: RetrievalHead, items: Tensor, rows: Tensor) -> Tensor:
        """s_won - s_lost of some rows; `items` (items, dim)."""
        index = rows.numpy()
        query = head(
            self.states[rows], torch.from_numpy(self.means[index]), torch.from_numpy(self.outcomes[index])
        )
        apart = items[torch.from_numpy(self.won[index])] - items[torch.from_numpy(self.lost[index])]
        margin: Tensor = head.log_sharpness.exp() * (query * apart).sum(1)
        return margin

    @torch.no_grad()
    def right(self, head: RetrievalHead, items: Tensor) -> float:
        """Share of pairs that the head orders as the person did."""
        return float((self.margins(head, items, torch.arange(len(self.won))) > 0).float().mean())


@dataclass(frozen=True)
class Judged:
    """Who decides: pairs of people left out, and the people judges of stage 2 with their states."""

    pairs: Pairs
    people: Judges
    states: Tensor

    def measure(self, head: RetrievalHead, items: Tensor) -> tuple[float, float]:
        """Share of pairs ordered rightly, and the people's recall and gain together."""
        found = sum(self.people.recall_and_gain(queries(head, self.states, self.people.means)))
        return self.pairs.right(head, items), found


def prefer(
    head: RetrievalHead, pairs: Pairs, examples: Examples, layer: int, judged: Judged, seed: int
) -> dict[str, float]:
    """Train `head` on pairs; it ends as the best of what was tried. Returns what was measured of each."""
    items = torch.from_numpy(judged.people.matrix)
    before, found = judged.measure(head, items)
    metrics = {"pairs": float(len(pairs.won)), "pairs right before": before}
    best, kept = before, copy.deepcopy(head.state_dict())
    start = copy.deepcopy(kept)
    for objective in Objective:
        head.load_state_dict(start)
        _descend(head, pairs, examples, layer, items, objective, seed)
        right, now = judged.measure(head, items)
        metrics[f"pairs right, {objective}"] = right
        metrics[f"recall and gain kept, {objective}"] = now / found if found else float("nan")
        if right > best and now >= found:
            best, kept = right, copy.deepcopy(head.state_dict())
    head.load_state_dict(kept)
    return metrics | {"pairs right": best}


def _descend(
    head: RetrievalHead,
    pairs: Pairs,
    examples: Examples,
    layer: int,
    items: Tensor,
    objective: Objective,
    seed: int,
) -> None:
    reference = copy.deepcopy(head)
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    for _ in range(EPOCHS):
        for block in np.array_split(rng.permutation(len(pairs.won)), -(-len(pairs.won) // 256)):
            rows = torch.from_numpy(block)
            margin = pairs.margins(head, items, rows)
            if objective is Objective.DPO:
                with torch.no_grad():
                    former = pairs.margins(reference, items, rows)
                margin = margin - former
            some = rng.integers(0, len(examples.means), size=256)
            loss = -logsigmoid(margin).mean() + next_item_loss(head, examples, layer, items, some, rng)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

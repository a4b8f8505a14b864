"""Alignment training: the language model answers questions about items from their soft tokens alone.

Gradients flow through the language model to the connector, and to its adapter if it has one. The same
questions about validation items, asked with their own and with exchanged vectors, measure whether the vectors
carry information.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from bowerbird.graft.examples.question_sampler import QuestionSampler
from bowerbird.graft.training.alignment_model import AlignmentModel

LEARNING_RATE = 1e-3
ADAPTER_LEARNING_RATE = 2e-4
CONNECTOR_ONLY_SHARE = 0.3
"""Share of a training with adapter in which only the connector is trained: early errors come from its
tokens."""


class AlignmentTraining:
    """Trains step by step; its state is one file, so that an interrupted training can resume."""

    def __init__(
        self,
        model: AlignmentModel,
        questions: QuestionSampler,
        adapter: Sequence[nn.Parameter],
        seed: int,
        accumulate: int = 1,
    ) -> None:
        """`adapter`: the language model's own trained weights, if any; gradients of `accumulate` batches are
        summed for one step."""
        self.model, self.questions = model, questions
        self.adapter, self.seed, self.accumulate = list(adapter), seed, accumulate
        self.accelerator = Accelerator()
        groups: list[dict[str, Any]] = [{"params": list(model.connector.parameters()), "peak": LEARNING_RATE}]
        if adapter:
            groups.append({"params": self.adapter, "peak": ADAPTER_LEARNING_RATE})
        optimiser = torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=0.01)
        self.module, self.optimiser = self.accelerator.prepare(model, optimiser)
        self.step_number = 0
        self.seconds = 0.0

    def step(self, batch: int, progress: float) -> float:
        """Take one step of `accumulate` batches; `progress` (0 to 1) sets the learning rates. Returns the
        loss."""
        for number, group in enumerate(self.optimiser.param_groups):
            is_frozen = number > 0 and progress < CONNECTOR_ONLY_SHARE
            warm_up = min(1.0, (self.step_number + 1) / 5)
            group["lr"] = 0.0 if is_frozen else group["peak"] * warm_up * cosine_decay(progress)
        total = 0.0
        for micro_batch in range(self.accumulate):
            rank = self.accelerator.process_index
            rng = np.random.default_rng([self.seed, self.step_number, micro_batch, rank])
            loss = self.module(self.questions.sample(rng, batch)).loss
            self.accelerator.backward(loss / self.accumulate)
            total += float(loss.detach()) / self.accumulate
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        self.accelerator.clip_grad_norm_(parameters, 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step_number += 1
        return total

    def save(self, path: Path) -> None:
        """Write the state next to `path`, then rename it into place."""
        if not self.accelerator.is_main_process:
            return
        state = {
            "connector": self.model.connector.state_dict(),
            "adapter": [p.detach() for p in self.adapter],
            "optimiser": self.optimiser.state_dict(),
            "step": self.step_number,
            "seconds": self.seconds,
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    @torch.no_grad()
    def resume(self, path: Path) -> None:
        """Restore a saved state."""
        state = torch.load(path, weights_only=True)
        self.model.connector.load_state_dict(state["connector"])
        for parameter, saved in zip(self.adapter, state["adapter"], strict=True):
            parameter.copy_(saved)
        self.optimiser.load_state_dict(state["optimiser"])
        self.step_number, self.seconds = state["step"], state["seconds"]


def cosine_decay(progress: float) -> float:
    """Cosine decay from 1 at the start to 0.1 at the end."""
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

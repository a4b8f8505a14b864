"""Which token comes next: one rule for every engine that hands out logits."""

from __future__ import annotations

import torch
from torch import Tensor

from bowerbird.graft.base import Base
from bowerbird.graft.runtime import SamplingParams


class Sampler:
    """Picks the tokens of one reply; `written` grows as it does."""

    def __init__(self, base: Base, how: SamplingParams) -> None:
        self.how = how
        self.written: list[int] = []
        self._ends = sorted(base.ends)
        self._never = torch.tensor(sorted(base.never), dtype=torch.int64)
        self._chance = torch.Generator().manual_seed(how.seed)

    def pick(self, logits: Tensor) -> int | None:
        """The next token by logits (vocabulary,); None where the text ends here."""
        if len(self.written) == self.how.max_tokens:
            return None
        token = self._pick(logits)
        if token in self._ends:
            return None
        self.written.append(token)
        return token

    def _pick(self, logits: Tensor) -> int:
        logits = logits.float().clone()
        logits[self._never] = -torch.inf
        if len(self.written) < self.how.min_tokens:
            logits[self._ends] = -torch.inf
        ids = self.how.allowed(self.written) if self.how.allowed else None
        if ids is not None:
            only = torch.full_like(logits, -torch.inf)
            only[list(ids)] = logits[list(ids)]
            logits = only
        if self.how.temperature <= 0:
            return int(logits.argmax())
        chances = torch.softmax(logits / self.how.temperature, dim=-1)
        return int(torch.multinomial(chances, 1, generator=self._chance))

"""Token sampling, shared by the engines that return logits."""

from __future__ import annotations

import torch
from torch import Tensor

from bowerbird.graft.base import Base
from bowerbird.graft.runtime import SamplingParams


class Sampler:
    """Samples the tokens of one reply; `generated` lists them."""

    def __init__(self, base: Base, sampling: SamplingParams) -> None:
        self.sampling = sampling
        self.generated: list[int] = []
        self._end_ids = sorted(base.end_ids)
        self._forbidden_ids = torch.tensor(sorted(base.forbidden_ids), dtype=torch.int64)
        self._random = torch.Generator().manual_seed(sampling.seed)

    def sample(self, logits: Tensor) -> int | None:
        """Sample the next token from logits (vocabulary,); None if the text ends here."""
        if len(self.generated) == self.sampling.max_tokens:
            return None
        token = self._sample(logits)
        if token in self._end_ids:
            return None
        self.generated.append(token)
        return token

    def _sample(self, logits: Tensor) -> int:
        logits = logits.float().clone()
        logits[self._forbidden_ids] = -torch.inf
        if len(self.generated) < self.sampling.min_tokens:
            logits[self._end_ids] = -torch.inf
        allowed = self.sampling.allowed_tokens(self.generated) if self.sampling.allowed_tokens else None
        if allowed is not None:
            ids = torch.as_tensor(allowed, dtype=torch.int64)
            masked = torch.full_like(logits, -torch.inf)
            masked[ids] = logits[ids]
            logits = masked
        if self.sampling.temperature <= 0:
            return int(logits.argmax())
        probabilities = torch.softmax(logits / self.sampling.temperature, dim=-1)
        return int(torch.multinomial(probabilities, 1, generator=self._random))

"""The request that `bench graft` times: its prompt in the form of each arm, answered once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.prompt import PromptSegment, chat_prompt
from bowerbird.graft.runtime import SamplingParams, PromptEmbeddings
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.models import load_image_encoder
from bowerbird.models.image import decode_images

IMAGE_ENCODER = "efficientnet-lite0"

VisionEncoder = Callable[[Sequence[bytes]], np.ndarray]
"""From encoded pictures to their feature-map cells, (pictures, cells, width) float32."""


def load_stock_vision_encoder() -> VisionEncoder:
    """The default vision backbone: decode, fit into 224 × 224, 49 cells a picture."""
    encoder = load_image_encoder(IMAGE_ENCODER)
    return lambda pictures: encoder.cells(decode_images(pictures)[0])


@dataclass(frozen=True)
class BenchItems:
    """The items of the request: encoded pictures, titles, and vectors (items, dim)."""

    pictures: list[bytes]
    titles: list[str]
    vectors: np.ndarray


class Request:
    """The request's prompt in each arm's form; `run` answers it once and takes the time."""

    def __init__(
        self, base: Base, connector: Connector, eyes: VisionEncoder | None, subject: BenchItems
    ) -> None:
        """`eyes` may be None where the arm `pixels` is not asked for."""
        self.base, self.connector, self.eyes, self.subject = base, connector, eyes, subject
        self.runtime = EagerRuntime(base, kept_prompts=0)
        said: list[PromptSegment] = ["Which of these would you give to a friend, and why?\n"]
        for number in range(len(subject.pictures)):
            said += [f"{number + 1}. ", number, "\n"]
        self.prompt = chat_prompt(base, "You help people choose.", [("user", said)])
        self.cells: np.ndarray | None = None
        self._to_tokens: Tensor | None = None

    def see(self) -> None:
        """Compute the pictures' cells beforehand, for the arm that has them cached."""
        assert self.eyes is not None
        self.cells = self.eyes(self.subject.pictures)

    @torch.no_grad()
    def embedded(self, arm: str) -> Tensor:
        """The prompt of an arm as embeddings, (T, hidden); all that the arm must compute is computed here."""
        if arm == "titles":
            blocks = [self.base.rows(self.base.tokens(title)) for title in self.subject.titles]
        elif arm == "graft":
            blocks = list(self.connector(torch.from_numpy(self.subject.vectors)))
        else:
            if arm == "pixels":
                self.see()
            assert self.cells is not None
            blocks = list(self._tokens_of(torch.from_numpy(self.cells)))
        pieces = [
            blocks[piece] if isinstance(piece, int) else self.base.rows(self.base.tokens(str(piece)))
            for piece in self.prompt
        ]
        return torch.cat(pieces)

    def _tokens_of(self, cells: Tensor) -> Tensor:
        if self._to_tokens is None:
            random = torch.Generator().manual_seed(0)
            width = cells.shape[-1]
            self._to_tokens = torch.randn(width, self.base.hidden, generator=random) / width
        return cells @ self._to_tokens

    def run(self, arm: str, new_tokens: int) -> tuple[int, float, float]:
        """Prompt tokens, seconds to the first token, seconds to the last."""
        start = time.perf_counter()
        embedded = self.embedded(arm)
        length = len(embedded)
        prompt = PromptEmbeddings(np.zeros(length, np.int64), embedded.float().numpy())
        how = SamplingParams(max_tokens=new_tokens, min_tokens=new_tokens)
        tokens = self.runtime.write(prompt, how)
        next(tokens)
        first = time.perf_counter() - start
        for _ in tokens:
            pass
        return length, first, time.perf_counter() - start

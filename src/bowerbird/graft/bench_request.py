"""The request that `bench graft` times: one prompt in each arm's form, answered once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bowerbird.data.arrays import FloatArray
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.prompt import PromptSegment, build_chat_prompt
from bowerbird.graft.runtime import PromptEmbeddings, SamplingParams
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.models import load_image_encoder
from bowerbird.models.pictures.image import decode_images

IMAGE_ENCODER = "efficientnet-lite0"

VisionEncoder = Callable[[Sequence[bytes]], FloatArray]
"""Maps JPEG pictures to feature-map cells, (pictures, cells, width) float32."""


def load_stock_vision_encoder() -> VisionEncoder:
    """Load the default vision backbone: decode, fit into 224 × 224, 49 cells per picture."""
    encoder = load_image_encoder(IMAGE_ENCODER)
    return lambda pictures: encoder.cells(decode_images(pictures)[0])


@dataclass(frozen=True)
class BenchItems:
    """The items of the request: JPEG pictures, titles, and vectors (items, dim)."""

    pictures: list[bytes]
    titles: list[str]
    vectors: FloatArray


class BenchRequest:
    """The request's prompt in each arm's form; `run` answers it once and measures the time."""

    def __init__(
        self, base: Base, connector: Connector, vision_encoder: VisionEncoder | None, bench_items: BenchItems
    ) -> None:
        """`vision_encoder` may be None if the arm `pixels` is not run."""
        self.base, self.connector, self.vision_encoder, self.bench_items = (
            base,
            connector,
            vision_encoder,
            bench_items,
        )
        self.runtime = EagerRuntime(base, n_cached_prompts=0)
        text: list[PromptSegment] = ["Which of these would you give to a friend, and why?\n"]
        for number in range(len(bench_items.pictures)):
            text += [f"{number + 1}. ", number, "\n"]
        self.prompt = build_chat_prompt(base, "You help people choose.", [("user", text)])
        self.cells: FloatArray | None = None
        self._projection: Tensor | None = None

    def encode_images(self) -> None:
        """Compute the pictures' cells, for the arm that has them cached."""
        assert self.vision_encoder is not None
        self.cells = self.vision_encoder(self.bench_items.pictures)

    @torch.no_grad()
    def embed_prompt(self, arm: str) -> Tensor:
        """An arm's prompt as embeddings, (T, hidden), including all work that the arm has to do for it."""
        if arm == "titles":
            blocks = [self.base.embed_tokens(self.base.tokenize(title)) for title in self.bench_items.titles]
        elif arm == "graft":
            blocks = list(self.connector(torch.from_numpy(self.bench_items.vectors)))
        else:
            if arm == "pixels":
                self.encode_images()
            assert self.cells is not None
            blocks = list(self.project_cells(torch.from_numpy(self.cells)))
        segments = [
            blocks[segment]
            if isinstance(segment, int)
            else self.base.embed_tokens(self.base.tokenize(str(segment)))
            for segment in self.prompt
        ]
        return torch.cat(segments)

    def project_cells(self, cells: Tensor) -> Tensor:
        if self._projection is None:
            random = torch.Generator().manual_seed(0)
            width = cells.shape[-1]
            self._projection = torch.randn(width, self.base.hidden, generator=random) / width
        return cells @ self._projection

    def run(self, arm: str, new_tokens: int) -> tuple[int, float, float]:
        """Answer once: prompt tokens, seconds to the first token, seconds to the last token."""
        start = time.perf_counter()
        embeddings = self.embed_prompt(arm)
        length = len(embeddings)
        prompt = PromptEmbeddings(np.zeros(length, np.int64), embeddings.float().numpy())
        sampling = SamplingParams(max_tokens=new_tokens, min_tokens=new_tokens)
        tokens = self.runtime.generate(prompt, sampling)
        next(tokens)
        first = time.perf_counter() - start
        for _ in tokens:
            pass
        return length, first, time.perf_counter() - start

"""In place: the vision-language model stays as it is, and something else answers where its tower did.

`forward` and `generate` of the stock classes are called as ever; `pixel_values` carries whatever the new eyes
read. Use it to check a graft against the stock model, or to train inside the stock class; to serve, take the
decoder alone (`decoder.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

from bowerbird.errors import BackboneError
from bowerbird.graft.connector import Connector


class ItemEyes(nn.Module):
    """Reads item vectors where the tower read patches.

    `pixel_values` (n, dim) are the vectors of all items in order, `image_grid_thw` (n, 3) is (1, 1, k) for
    each: k soft tokens an item. DeepStack levels are zero: an item has no middle layers.
    """

    spatial_merge_size = 1

    def __init__(self, connector: Connector, deepstack_levels: int = 0) -> None:
        super().__init__()
        self.connector = connector
        self.deepstack_levels = deepstack_levels

    @property
    def dtype(self) -> torch.dtype:
        """Of the vectors: the stock class casts what it hands over to it."""
        return torch.float32

    def forward(self, vectors: Tensor, grid_thw: Tensor, **_: Any) -> BaseModelOutputWithPooling:
        tokens = self.connector(vectors).flatten(0, 1)
        if int(grid_thw.prod(-1).sum()) != len(tokens):
            raise BackboneError(
                f"{len(vectors)} items are {len(tokens)} soft tokens, the grid says {grid_thw.tolist()}: "
                f"give (1, 1, {self.connector.tokens}) for each item"
            )
        return answer(tokens, [torch.zeros_like(tokens)] * self.deepstack_levels)


class RecordedEyes(nn.Module):
    """Answers what a tower answered before: its tokens (N, hidden) and DeepStack levels, each (N, hidden)."""

    def __init__(self, tokens: Tensor, deepstack: Sequence[Tensor], spatial_merge_size: int) -> None:
        super().__init__()
        self.tokens, self.deepstack, self.spatial_merge_size = tokens, list(deepstack), spatial_merge_size

    @property
    def dtype(self) -> torch.dtype:
        return self.tokens.dtype

    def forward(self, _: Tensor, grid_thw: Tensor, **__: Any) -> BaseModelOutputWithPooling:
        return answer(self.tokens, self.deepstack)


def answer(tokens: Tensor, deepstack: Sequence[Tensor]) -> BaseModelOutputWithPooling:
    """What a tower returns: all pictures' tokens, flat, and as many rows for each DeepStack level."""
    if not deepstack:
        return BaseModelOutputWithPooling(pooler_output=tokens)
    return BaseModelOutputWithDeepstackFeatures(pooler_output=tokens, deepstack_features=list(deepstack))


def eyes_for(model: Any, connector: Connector) -> ItemEyes:
    """Eyes with as many DeepStack levels as the model expects."""
    return ItemEyes(connector, len(getattr(model.config.vision_config, "deepstack_visual_indexes", [])))


@contextmanager
def grafted(model: Any, eyes: Any) -> Iterator[Any]:
    """Put `eyes` where the tower of a stock vision-language model is, and the tower back at the end."""
    inner, vision = model.model, model.config.vision_config
    tower, merge = inner.visual, vision.spatial_merge_size
    inner.visual, vision.spatial_merge_size = eyes, eyes.spatial_merge_size
    inner.rope_deltas = None  # a former call's positions would leak into the next
    try:
        yield model
    finally:
        inner.visual, vision.spatial_merge_size = tower, merge
        inner.rope_deltas = None

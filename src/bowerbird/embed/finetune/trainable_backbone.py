"""A backbone with trainable top blocks: it encodes contents and backpropagates gradients of its features.

A contrastive loss wants many items per batch, and a small device has room for few. So the features of the
whole batch are computed first, without a graph; the loss gives the gradient of each feature; and each small
chunk is then computed again and backpropagated: the gradient of the whole batch in the memory of a chunk
(GradCache; Gao et al., RepL4NLP 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from bowerbird.choices import Modality
from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, PixelArray
from bowerbird.data.items import Catalogue
from bowerbird.models.pictures.image import decode_images, load_trainable_image_encoder
from bowerbird.models.text import MAX_CHARACTERS, load_text_encoder
from bowerbird.models.trainable import TrainableBackbone

IMAGE_CHUNK, TEXT_CHUNK = 16, 32
"""Contents whose activations are in memory at a time."""
DECODERS = 4  # threads


@dataclass(frozen=True)
class TrainableEncoder:
    """The encoder of one modality, its trained parameters, and a reader of its contents."""

    modality: Modality
    network: TrainableBackbone
    trained: dict[str, torch.nn.Parameter]
    read: Callable[[IntArray], Any]
    """Reads the contents of items, by position, as inputs of the network."""
    has_content: BoolArray  # (items,) bool
    length: IntArray  # (items,) int, characters of each text; 0 for pictures
    chunk: int
    """Contents that are encoded at a time."""

    def encode(self, items: IntArray) -> FloatArray:
        """Encode items without a graph: (n, E) float32 of length 1; zeros for items without this modality."""
        rows = self._rows_with_content(items)
        chunks = [self._encode_chunk(self.read(chunk)).cpu().numpy() for chunk in self._chunks(items[rows])]
        features = np.zeros((len(items), chunks[0].shape[1] if chunks else 1), np.float32)
        if chunks:
            features[rows] = np.concatenate(chunks)
        return features

    def encode_for_training(self, items: IntArray) -> FeatureBatch:
        """Encode a batch of items; the result collects gradients and backpropagates them."""
        rows = self._rows_with_content(items)
        contents = [self.read(chunk) for chunk in self._chunks(items[rows])]
        chunks = [self._encode_chunk(chunk).cpu() for chunk in contents]
        leaf = torch.cat(chunks).requires_grad_() if chunks else torch.zeros(0, 1)
        features = torch.zeros(len(items), leaf.shape[1]).index_copy(0, torch.from_numpy(rows), leaf)
        return FeatureBatch(self, contents, leaf, features)

    def _rows_with_content(self, items: IntArray) -> IntArray:
        """Rows of the items that have this modality, by length: similar lengths need little padding."""
        rows = np.flatnonzero(self.has_content[items])
        by_length: IntArray = rows[np.argsort(self.length[items[rows]], kind="stable")]
        return by_length

    def _chunks(self, items: IntArray) -> Iterator[IntArray]:
        return (items[start : start + self.chunk] for start in range(0, len(items), self.chunk))

    @torch.no_grad()
    def _encode_chunk(self, contents: Any) -> torch.Tensor:
        return self.network.embed(contents)


@dataclass(frozen=True)
class FeatureBatch:
    """Features of a batch of M items, detached from the graph of the network."""

    encoder: TrainableEncoder
    contents: list[Any]
    leaf: torch.Tensor  # (n, E), features of the items that have this modality
    features: torch.Tensor  # (M, E), zeros for the other items

    def backpropagate(self) -> None:
        """Send the gradients of `features` back through the network, a chunk at a time."""
        if self.leaf.grad is None:
            return
        start = 0
        for contents in self.contents:
            vectors = self.encoder.network.embed(contents)
            gradients = self.leaf.grad[start : start + len(vectors)]
            vectors.backward(gradients.to(vectors.device))  # type: ignore[no-untyped-call]
            start += len(vectors)


def load_trainable_encoder(
    modality: Modality,
    backbone: str,
    layers: int,
    catalogue: Catalogue,
    has_content: BoolArray,
    device: torch.device,
) -> TrainableEncoder:
    """Load a backbone onto a device and make its last `layers` blocks trainable.

    Raises `BackboneError` if it can't be loaded or has fewer blocks.
    """
    length = np.zeros(len(has_content), np.int64)
    if modality is Modality.TEXT:
        length[:] = [len(text) for text in catalogue.texts(np.arange(len(has_content)))]
        encoder = load_text_encoder(backbone)
        network = encoder.network
        read: Callable[[IntArray], Any] = partial(_read_texts, catalogue, encoder.item_prefix)
    else:
        network, image_spec = load_trainable_image_encoder(backbone)
        read = partial(_read_pixels, catalogue, image_spec.side)
    trained = network.top_parameters(layers)
    network.network.requires_grad_(False)
    for parameter in trained.values():
        parameter.requires_grad_(True)
    network.network.to(device)
    chunk = IMAGE_CHUNK if modality is Modality.IMAGE else TEXT_CHUNK
    return TrainableEncoder(modality, network, trained, read, has_content, length, chunk)


def _read_texts(catalogue: Catalogue, prefix: str, items: IntArray) -> list[str]:
    return [(prefix + text)[:MAX_CHARACTERS] for text in catalogue.texts(items)]


def _read_pixels(catalogue: Catalogue, image_size: int, items: IntArray) -> PixelArray:
    pictures = [catalogue.image(int(position)) or b"" for position in items]
    with ThreadPoolExecutor(DECODERS) as pool:
        return np.concatenate(
            list(pool.map(lambda picture: decode_images([picture], image_size)[0], pictures))
        )

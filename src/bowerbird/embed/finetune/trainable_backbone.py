"""One backbone with its top unfrozen: it encodes contents, and takes gradients of its features.

A contrastive loss wants many items at once and a small device has room for few. So features of the whole
batch are computed first, without what backward needs; the loss says what it wants of each; and each small
part is then computed again and taught that: the whole batch's gradient in a part's memory (GradCache, Gao et
al., RepL4NLP 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from bowerbird.data.items import Catalogue
from bowerbird.embed.encode.adapted_backbones import Side
from bowerbird.models.image import decode_images, load_trainable_image_encoder
from bowerbird.models.text import MAX_CHARACTERS, load_text_encoder
from bowerbird.models.trainable import TrainableBackbone

IMAGE_PART, TEXT_PART = 16, 32
"""Contents whose inner states are held at a time."""
DECODERS = 4  # threads


@dataclass(frozen=True)
class UnfrozenSide:
    """What is trained of one side, and how its contents are read."""

    side: Side
    network: TrainableBackbone
    trained: dict[str, torch.nn.Parameter]
    read: Callable[[np.ndarray], Any]
    """Positions of items to what the network takes."""
    has: np.ndarray  # (items,) bool
    length: np.ndarray  # (items,) int, of texts in characters: those of one length are padded little together
    part: int

    def vectors(self, items: np.ndarray) -> np.ndarray:
        """Features of items, (n, E) float32 of length 1; zeros for items without this side."""
        place = self._place(items)
        parts = [self._now(self.read(some)).cpu().numpy() for some in self._parts(items[place])]
        found = np.zeros((len(items), parts[0].shape[1] if parts else 1), np.float32)
        if parts:
            found[place] = np.concatenate(parts)
        return found

    def reach(self, items: np.ndarray) -> Reached:
        """Features of a batch of items, to be asked for gradients."""
        place = self._place(items)
        contents = [self.read(some) for some in self._parts(items[place])]
        now = [self._now(some).cpu() for some in contents]
        leaf = torch.cat(now).requires_grad_() if now else torch.zeros(0, 1)
        rows = torch.zeros(len(items), leaf.shape[1]).index_copy(0, torch.from_numpy(place), leaf)
        return Reached(self, contents, leaf, rows)

    def _place(self, items: np.ndarray) -> np.ndarray:
        """Which of some items have this side, by length."""
        place = np.flatnonzero(self.has[items])
        ordered: np.ndarray = place[np.argsort(self.length[items[place]], kind="stable")]
        return ordered

    def _parts(self, items: np.ndarray) -> Iterator[np.ndarray]:
        return (items[start : start + self.part] for start in range(0, len(items), self.part))

    @torch.no_grad()
    def _now(self, contents: Any) -> torch.Tensor:
        return self.network.embed(contents)


@dataclass(frozen=True)
class Reached:
    """Features of a batch of M items, outside of the network's graph."""

    of: UnfrozenSide
    contents: list[Any]
    leaf: torch.Tensor  # (n, E), of the items that have this side
    rows: torch.Tensor  # (M, E), zeros where an item has not

    def teach(self) -> None:
        """Take the gradients that `rows` were given back through the network, a part at a time."""
        if self.leaf.grad is None:
            return
        start = 0
        for some in self.contents:
            vectors = self.of.network.embed(some)
            wanted = self.leaf.grad[start : start + len(vectors)]
            vectors.backward(wanted.to(vectors.device))  # type: ignore[no-untyped-call]
            start += len(vectors)


def unfrozen_side(
    side: Side, backbone: str, layers: int, catalogue: Catalogue, has: np.ndarray, device: torch.device
) -> UnfrozenSide:
    """Load a backbone onto a device and unfreeze its last `layers` blocks.

    Raises `BackboneError` where it can't be loaded, or has not so many blocks.
    """
    length = np.zeros(len(has), np.int64)
    if side == "text":
        length[:] = [len(text) for text in catalogue.texts(np.arange(len(has)))]
        network = load_text_encoder(backbone).network
        read: Callable[[np.ndarray], Any] = partial(_texts, catalogue)
    else:
        network, image_spec = load_trainable_image_encoder(backbone)
        read = partial(_pixels, catalogue, image_spec.side)
    trained = network.top_parameters(layers)
    network.network.requires_grad_(False)
    for parameter in trained.values():
        parameter.requires_grad_(True)
    network.network.to(device)
    part = IMAGE_PART if side == "image" else TEXT_PART
    return UnfrozenSide(side, network, trained, read, has, length, part)


def _texts(catalogue: Catalogue, items: np.ndarray) -> list[str]:
    return [text[:MAX_CHARACTERS] for text in catalogue.texts(items)]


def _pixels(catalogue: Catalogue, side: int, items: np.ndarray) -> np.ndarray:
    encoded = [catalogue.image(int(position)) or b"" for position in items]
    with ThreadPoolExecutor(DECODERS) as pool:
        return np.concatenate(list(pool.map(lambda one: decode_images([one], side)[0], encoded)))

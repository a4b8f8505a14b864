"""The six ways to show an item to a language model that `bench_eyes.py` compares: same model, same lessons.

Every arm is a matrix of what is known of each item, a module that makes soft tokens of a row, and the space
in which the arm's head looks for items (an arm has to find items by what it knows of them).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.embed.encode.adapted_backbones import base_backbone_name
from bowerbird.embed.index.vectors import load_vectors, normalize_rows
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector, ridge
from bowerbird.graft.training.alignment import telling_words
from bowerbird.models import load_image_encoder
from bowerbird.models.image import pixels_of_many
from bowerbird.progress import track

ARMS = ("ours", "cells", "picture", "joined", "titles", "shuffled")
CELLS, TITLE_TOKENS = 49, 12


class Cells(nn.Module):
    """The stock-like arm: each of a feature map's 49 cells is a soft token, as in a vision-language model.

    What makes tokens of cells is shared by all cells, trained like our connector and started as ours is.
    """

    def __init__(self, width: int, hidden: int, token_norm: float) -> None:
        super().__init__()
        self.tokens, self.width = CELLS, width
        self.each = Connector(width, hidden, token_norm)

    def forward(self, vectors: Tensor, kinds: Tensor | None = None) -> Tensor:
        cells = vectors.float().unflatten(-1, (CELLS, self.width))  # kept in float16: they are large
        spread: Tensor = self.each(cells.flatten(0, 1))[:, 0].unflatten(0, (len(vectors), CELLS))
        return spread


class Titles(nn.Module):
    """The item's title as words, cut or filled up to 12 tokens; the row is token ids."""

    def __init__(self, base: Base) -> None:
        super().__init__()
        self.tokens, self.base = TITLE_TOKENS, base
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, vectors: Tensor, kinds: Tensor | None = None) -> Tensor:
        rows = self.base.rows(vectors.long().numpy().reshape(-1)).unflatten(0, (len(vectors), TITLE_TOKENS))
        return self.scale * rows


@dataclass(frozen=True)
class Arm:
    """What an arm knows of the items, how it shows it, and where it looks for them."""

    name: str
    shown: np.ndarray
    """(items, width), a row for each item that the connector reads."""
    connector: Callable[[Base, dict[int, str]], nn.Module]
    """Makes the module, started in closed form from the captions of the lessons' items."""
    space: np.ndarray
    """(items, dim), rows of length 1."""


def arm_named(name: str, store: Store, base: Base, used: np.ndarray, seed: int) -> Arm:
    """One of `ARMS`; `used` are the items that will ever be shown (cells of others are not computed)."""
    catalogue, vectors = store.catalogue(), load_vectors(store.snapshot())
    own, generic = vectors.aligned(catalogue), vectors.generic(catalogue)
    if name == "ours":
        return Arm(name, own, _connector_of(own), own)
    if name == "shuffled":
        mixed = own[np.random.default_rng(seed).permutation(len(own))]
        return Arm(name, mixed, _connector_of(mixed), mixed)
    if name == "joined":
        return Arm(name, generic, _connector_of(generic), generic)
    pictures, texts = halves(generic, vectors.meta["backbones"]["image"])
    if name == "picture":
        return Arm(name, pictures, _connector_of(pictures), pictures)
    if name == "titles":
        return Arm(name, title_ids(catalogue, base), lambda base, _: Titles(base), texts)
    cells = cells_of(catalogue, used)
    return Arm(name, cells, _cells_connector(pictures), pictures)


def halves(generic: np.ndarray, image_backbone: str) -> tuple[np.ndarray, np.ndarray]:
    """The generic join's picture part and text part, each scaled to length 1."""
    width = load_image_encoder(base_backbone_name(image_backbone)).width
    return normalize_rows(generic[:, :width]), normalize_rows(generic[:, width:])


def _connector_of(matrix: np.ndarray) -> Callable[[Base, dict[int, str]], nn.Module]:
    def make(base: Base, captions: dict[int, str]) -> nn.Module:
        norm = float(base.table.float().norm(dim=1).median())
        connector = Connector(matrix.shape[1], base.hidden, norm)
        connector.start_from(matrix[list(captions)], telling_words(base, list(captions.values())))
        return connector

    return make


def _cells_connector(pictures: np.ndarray) -> Callable[[Base, dict[int, str]], nn.Module]:
    def make(base: Base, captions: dict[int, str]) -> nn.Module:
        norm = float(base.table.float().norm(dim=1).median())
        module = Cells(pictures.shape[1], base.hidden, norm)
        words = telling_words(base, list(captions.values()))[:, 0]
        # A picture's vector is the mean of its cells, so what maps the one maps the others.
        weight, bias = ridge(pictures[list(captions)], words, 0.1)
        with torch.no_grad():
            module.each.linear.weight.copy_(torch.from_numpy(weight.T))
            module.each.linear.bias.copy_(torch.from_numpy(bias))
        return module

    return make


def title_ids(catalogue: Catalogue, base: Base) -> np.ndarray:
    """(items, 12) token ids as float32 (exact below 2^24), filled up with line ends."""
    fill = base.tokens("\n")[0]
    rows = np.full((len(catalogue), TITLE_TOKENS), fill, np.float32)
    for position in range(len(catalogue)):
        ids = base.tokens(catalogue.item(position).title)[:TITLE_TOKENS]
        rows[position, : len(ids)] = ids
    return rows


def cells_of(catalogue: Catalogue, used: np.ndarray) -> np.ndarray:
    """(items, 49 · width) float16; zeros for items that are not used: their pages are never touched.

    Scaled so that the mean cell of an average picture has length 1, as the picture's vector has.
    """
    encoder = load_image_encoder()
    out = np.zeros((len(catalogue), CELLS * encoder.width), np.float16)
    blocks = [used[i : i + 64] for i in range(0, len(used), 64)]
    for block in track(blocks, "cells"):
        pixels, good = pixels_of_many([catalogue.image(int(one)) or b"" for one in block])
        cells = encoder.cells(pixels) * good[:, None, None]
        length = np.linalg.norm(cells.mean(1), axis=1)[:, None, None]
        out[block] = (cells / np.maximum(length, 1e-6)).reshape(len(block), -1)
    return out

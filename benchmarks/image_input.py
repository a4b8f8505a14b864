"""The six kinds of item input for a language model that `bench_image_input.py` compares.

They share the model and the training examples. Every arm is a matrix of item features, a module that maps a
row to soft tokens, and the space in which the arm's head retrieves items (by the same features).
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
from bowerbird.graft.connector import Connector, fit_ridge
from bowerbird.graft.training.alignment_model import mean_caption_embeddings
from bowerbird.models import load_image_encoder
from bowerbird.models.pictures.image import decode_images
from bowerbird.progress import track

ARMS = ("bowerbird", "cells", "picture", "joined", "titles", "shuffled")
CELLS, TITLE_TOKENS = 49, 12


class Cells(nn.Module):
    """The arm like a stock model: each of a feature map's 49 cells is a soft token, as in a vision-language
    model.

    The connector is shared by all cells, and trained and initialised like bowerbird's.
    """

    def __init__(self, width: int, hidden: int, token_norm: float) -> None:
        super().__init__()
        self.tokens, self.width = CELLS, width
        self.cell_connector = Connector(width, hidden, token_norm)

    def forward(self, vectors: Tensor, kinds: Tensor | None = None) -> Tensor:
        cells = vectors.float().unflatten(-1, (CELLS, self.width))  # stored in float16: they are large
        tokens_of_cells: Tensor = self.cell_connector(cells.flatten(0, 1))[:, 0].unflatten(
            0, (len(vectors), CELLS)
        )
        return tokens_of_cells


class Titles(nn.Module):
    """The item's title as words, cut or filled up to 12 tokens; the row is token ids."""

    def __init__(self, base: Base) -> None:
        super().__init__()
        self.tokens, self.base = TITLE_TOKENS, base
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, vectors: Tensor, kinds: Tensor | None = None) -> Tensor:
        rows = self.base.embed_tokens(vectors.long().numpy().reshape(-1)).unflatten(
            0, (len(vectors), TITLE_TOKENS)
        )
        return self.scale * rows


@dataclass(frozen=True)
class ImageInputArm:
    """An arm's item features, its connector, and its retrieval space."""

    name: str
    features: np.ndarray
    """(items, width), a row for each item that the connector reads."""
    connector: Callable[[Base, dict[int, str]], nn.Module]
    """Creates the module, initialised in closed form from the captions of the training items."""
    space: np.ndarray
    """(items, dim), rows of length 1."""


def make_arm(name: str, store: Store, base: Base, items_used: np.ndarray, seed: int) -> ImageInputArm:
    """Create one of `ARMS`; cells are computed for `items_used` only."""
    catalogue, vectors = store.catalogue(), load_vectors(store.snapshot())
    item_vectors, generic = vectors.aligned(catalogue), vectors.generic(catalogue)
    if name == "bowerbird":
        return ImageInputArm(name, item_vectors, _connector_of(item_vectors), item_vectors)
    if name == "shuffled":
        shuffled_vectors = item_vectors[np.random.default_rng(seed).permutation(len(item_vectors))]
        return ImageInputArm(name, shuffled_vectors, _connector_of(shuffled_vectors), shuffled_vectors)
    if name == "joined":
        return ImageInputArm(name, generic, _connector_of(generic), generic)
    pictures, texts = split_modalities(generic, (vectors.meta.backbones or {})["image"])
    if name == "picture":
        return ImageInputArm(name, pictures, _connector_of(pictures), pictures)
    if name == "titles":
        return ImageInputArm(name, title_ids(catalogue, base), lambda base, _: Titles(base), texts)
    cells = cells_of(catalogue, items_used)
    return ImageInputArm(name, cells, _cells_connector(pictures), pictures)


def split_modalities(generic: np.ndarray, image_backbone: str) -> tuple[np.ndarray, np.ndarray]:
    """Split the concatenated generic vectors into pictures and texts, each scaled to length 1."""
    width = load_image_encoder(base_backbone_name(image_backbone)).width
    return normalize_rows(generic[:, :width]), normalize_rows(generic[:, width:])


def _connector_of(matrix: np.ndarray) -> Callable[[Base, dict[int, str]], nn.Module]:
    def make(base: Base, captions: dict[int, str]) -> nn.Module:
        norm = float(base.embedding_table.float().norm(dim=1).median())
        connector = Connector(matrix.shape[1], base.hidden, norm)
        connector.initialise(matrix[list(captions)], mean_caption_embeddings(base, list(captions.values())))
        return connector

    return make


def _cells_connector(pictures: np.ndarray) -> Callable[[Base, dict[int, str]], nn.Module]:
    def make(base: Base, captions: dict[int, str]) -> nn.Module:
        norm = float(base.embedding_table.float().norm(dim=1).median())
        module = Cells(pictures.shape[1], base.hidden, norm)
        words = mean_caption_embeddings(base, list(captions.values()))[:, 0]
        # A picture's vector is the mean of its cells, so the same map applies to both.
        weight, bias = fit_ridge(pictures[list(captions)], words, 0.1)
        with torch.no_grad():
            module.cell_connector.linear.weight.copy_(torch.from_numpy(weight.T))
            module.cell_connector.linear.bias.copy_(torch.from_numpy(bias))
        return module

    return make


def title_ids(catalogue: Catalogue, base: Base) -> np.ndarray:
    """Tokenise titles: (items, 12) token ids as float32 (exact below 2^24), padded with line ends."""
    fill = base.tokenize("\n")[0]
    rows = np.full((len(catalogue), TITLE_TOKENS), fill, np.float32)
    for position in range(len(catalogue)):
        ids = base.tokenize(catalogue.item(position).title)[:TITLE_TOKENS]
        rows[position, : len(ids)] = ids
    return rows


def cells_of(catalogue: Catalogue, items_used: np.ndarray) -> np.ndarray:
    """Encode pictures as cells, (items, 49 · width) float16; zeros for unused items, whose pages are never
    touched.

    Scaled so that the mean cell of an average picture has length 1, as the picture's vector has.
    """
    encoder = load_image_encoder()
    rows = np.zeros((len(catalogue), CELLS * encoder.width), np.float16)
    blocks = [items_used[i : i + 64] for i in range(0, len(items_used), 64)]
    for block in track(blocks, "cells"):
        pixels, is_valid = decode_images([catalogue.image(int(position)) or b"" for position in block])
        cells = encoder.cells(pixels) * is_valid[:, None, None]
        length = np.linalg.norm(cells.mean(1), axis=1)[:, None, None]
        rows[block] = (cells / np.maximum(length, 1e-6)).reshape(len(block), -1)
    return rows

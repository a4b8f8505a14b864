"""A catalogue of a million items without pictures: the demo world's products as arrays, and their vectors.

Types, styles, colours, materials and patterns are drawn as `bowerbird.demo.products` draws them. A
vector is the sum of one direction for each of these and a random residual. The weight of each part, and the
spectrum of the residual, were measured on the vectors of a tower trained on the demo world (600
items, 256 dimensions, least squares on the attributes): shares of the squared length .245 type, .154
style, .089 colour, .085 material, .081 pattern, .320 residual, whose k-th largest variance falls as
(1 + k/3)^-0.9 (66 dimensions by participation ratio). No tower was trained on a million pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowerbird.demo.vocabulary import COLOURS, MATERIAL_PRICE, PATTERNS, STYLES, TYPES

MATERIALS = sorted({material for kind in TYPES for material in kind.materials})
SHARES = {"type": 0.245, "style": 0.154, "colour": 0.089, "material": 0.085, "pattern": 0.081}
RESIDUAL = 0.320
SIZES = {"type": len(TYPES), "style": len(STYLES), "colour": len(COLOURS)} | {
    "material": len(MATERIALS),
    "pattern": len(PATTERNS),
}
IS_PLAIN_TYPE = [kind.name in ("lamp", "table", "clock", "mirror", "chair") for kind in TYPES]
BLOCK = 50_000  # vectors generated per block


@dataclass(frozen=True)
class Products:
    """n products: indices into the vocabulary's lists, (n,) int64 each, and prices, (n,) float64."""

    values: dict[str, np.ndarray]
    prices: np.ndarray
    in_stock: np.ndarray

    def __len__(self) -> int:
        return len(self.prices)


def products(count: int, seed: int) -> Products:
    """Draw products; every type is equally frequent, each style prefers five colours."""
    rng = np.random.default_rng([seed, 1])
    kind = np.arange(count) % len(TYPES)
    style = rng.integers(len(STYLES), size=count)
    preferred = (style * 3 + rng.integers(0, 5, count)) % len(COLOURS)
    colour = np.where(rng.random(count) < 0.5, preferred, rng.integers(len(COLOURS), size=count))
    options = [[MATERIALS.index(material_name) for material_name in kind.materials] for kind in TYPES]
    max_options = max(map(len, options))
    padded = np.array([(material_options * max_options)[:max_options] for material_options in options])
    choice = (
        rng.random(count) * np.array([len(material_options) for material_options in options])[kind]
    ).astype(np.int64)
    material = padded[kind, choice]
    is_plain = rng.random(count) < np.where(np.array(IS_PLAIN_TYPE)[kind], 0.7, 0.3)
    pattern = np.where(is_plain, 0, rng.integers(1, len(PATTERNS), count))
    base_price = (
        np.array([material_name.price for material_name in TYPES])[kind]
        * np.array([material_name.price for material_name in STYLES])[style]
    )
    material_factor = np.array([MATERIAL_PRICE.get(material_name, 1.0) for material_name in MATERIALS])[
        material
    ]
    prices = np.round(base_price * material_factor * np.exp(0.3 * rng.standard_normal(count)), 1)
    values = {"type": kind, "style": style, "colour": colour, "material": material, "pattern": pattern}
    return Products(values, prices, rng.random(count) > 0.03)


def vectors_of(shop: Products, seed: int, dim: int = 256) -> np.ndarray:
    """Generate vectors of length 1, (n, dim) float16; `seed` draws the residuals, the directions are
    fixed."""
    direction_rng, rng = np.random.default_rng(0), np.random.default_rng([seed, 2])
    directions = {name: _unit(direction_rng.normal(size=(size, dim))) for name, size in SIZES.items()}
    rotation = np.linalg.qr(direction_rng.normal(size=(dim, dim)))[0].astype(np.float32)
    variance = (1 + np.arange(dim) / 3) ** -0.9
    scales = np.sqrt(RESIDUAL * variance / variance.sum()).astype(np.float32)
    rows = np.empty((len(shop), dim), np.float16)
    for start in range(0, len(shop), BLOCK):
        rows_of_block = slice(start, min(start + BLOCK, len(shop)))
        block = (rng.standard_normal((rows_of_block.stop - start, dim), dtype=np.float32) * scales) @ rotation
        for name, share in SHARES.items():
            block += np.float32(np.sqrt(share)) * directions[name][shop.values[name][rows_of_block]]
        rows[rows_of_block] = _unit(block)
    return rows


def _unit(rows: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled

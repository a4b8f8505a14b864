"""A shop of a million items without pictures: the demo world's products as arrays, and their vectors.

Types, styles, colours, materials and patterns are drawn as `bowerbird.demo.products` draws them. A
vector is the sum of one direction for each of these and a rest of its own. How much each part weighs, and how
the rest spreads over dimensions, was measured on the vectors of a tower trained on the demo world (600
items, 256 dimensions, least squares on the attributes): shares of the squared length .245 type, .154
style, .089 colour, .085 material, .081 pattern, .320 rest, whose k-th largest variance falls as
(1 + k/3)^-0.9 (66 dimensions by participation ratio). Nobody trained a tower on a million pictures here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowerbird.demo.vocabulary import COLOURS, MATERIAL_PRICE, PATTERNS, STYLES, TYPES

MATERIALS = sorted({material for kind in TYPES for material in kind.materials})
SHARES = {"type": 0.245, "style": 0.154, "colour": 0.089, "material": 0.085, "pattern": 0.081}
REST = 0.320
SIZES = {"type": len(TYPES), "style": len(STYLES), "colour": len(COLOURS)} | {
    "material": len(MATERIALS),
    "pattern": len(PATTERNS),
}
PLAIN = [kind.name in ("lamp", "table", "clock", "mirror", "chair") for kind in TYPES]
BLOCK = 50_000  # vectors made at once


@dataclass(frozen=True)
class Products:
    """n products: places in the vocabulary's lists, (n,) int64 each, and prices, (n,) float64."""

    places: dict[str, np.ndarray]
    prices: np.ndarray
    in_stock: np.ndarray

    def __len__(self) -> int:
        return len(self.prices)


def products(count: int, seed: int) -> Products:
    """Draw products; every type is equally frequent, styles have five colours that they like."""
    rng = np.random.default_rng([seed, 1])
    kind = np.arange(count) % len(TYPES)
    style = rng.integers(len(STYLES), size=count)
    liked = (style * 3 + rng.integers(0, 5, count)) % len(COLOURS)
    colour = np.where(rng.random(count) < 0.5, liked, rng.integers(len(COLOURS), size=count))
    options = [[MATERIALS.index(one) for one in kind.materials] for kind in TYPES]
    widest = max(map(len, options))
    padded = np.array([(own * widest)[:widest] for own in options])
    draw = (rng.random(count) * np.array([len(own) for own in options])[kind]).astype(np.int64)
    material = padded[kind, draw]
    plain = rng.random(count) < np.where(np.array(PLAIN)[kind], 0.7, 0.3)
    pattern = np.where(plain, 0, rng.integers(1, len(PATTERNS), count))
    usual = np.array([one.price for one in TYPES])[kind] * np.array([one.price for one in STYLES])[style]
    dearer = np.array([MATERIAL_PRICE.get(one, 1.0) for one in MATERIALS])[material]
    prices = np.round(usual * dearer * np.exp(0.3 * rng.standard_normal(count)), 1)
    places = {"type": kind, "style": style, "colour": colour, "material": material, "pattern": pattern}
    return Products(places, prices, rng.random(count) > 0.03)


def vectors_of(shop: Products, seed: int, dim: int = 256) -> np.ndarray:
    """Vectors of length 1, (n, dim) float16; `seed` draws the rests, the directions are always the same."""
    fixed, rng = np.random.default_rng(0), np.random.default_rng([seed, 2])
    directions = {name: _unit(fixed.normal(size=(size, dim))) for name, size in SIZES.items()}
    turn = np.linalg.qr(fixed.normal(size=(dim, dim)))[0].astype(np.float32)
    variance = (1 + np.arange(dim) / 3) ** -0.9
    spread = np.sqrt(REST * variance / variance.sum()).astype(np.float32)
    rows = np.empty((len(shop), dim), np.float16)
    for start in range(0, len(shop), BLOCK):
        part = slice(start, min(start + BLOCK, len(shop)))
        block = (rng.standard_normal((part.stop - start, dim), dtype=np.float32) * spread) @ turn
        for name, share in SHARES.items():
            block += np.float32(np.sqrt(share)) * directions[name][shop.places[name][part]]
        rows[part] = _unit(block)
    return rows


def _unit(rows: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled

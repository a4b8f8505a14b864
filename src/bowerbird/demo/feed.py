"""Writes the demo's product feed, as Google's, and the pictures of its products."""

from __future__ import annotations

import csv
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from bowerbird.demo.picture import draw_product
from bowerbird.demo.products import Product, write_description, write_title
from bowerbird.demo.vocabulary import COLOURS, PATTERNS, STYLES, TYPES
from bowerbird.progress import track


def write_pictures(folder: Path, products: list[Product], seed: int, image_px: int) -> None:
    """Draw every product into a folder, many in parallel."""
    write_picture = partial(_write_picture, folder, seed, image_px)
    if len(products) < 200:
        for product in products:
            write_picture(product)
        return
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for _ in track(
            pool.map(write_picture, products, chunksize=50), "drawing products", total=len(products)
        ):
            pass


def _write_picture(folder: Path, seed: int, image_px: int, product: Product) -> None:
    kind, _, colour, pattern = describe_looks(product)
    own_seed = int(np.random.SeedSequence([seed, 6, product.number]).generate_state(1)[0])
    encoded = draw_product(kind, STYLES[product.style], colour, product.material, pattern, own_seed, image_px)
    (folder / f"{product.item_id}.jpg").write_bytes(encoded)


def describe_looks(product: Product) -> tuple[str, str, str, str]:
    """Names of a product's type, style, colour and pattern."""
    return (
        TYPES[product.kind].name,
        STYLES[product.style].name,
        list(COLOURS)[product.colour],
        PATTERNS[product.pattern],
    )


def write_feed(path: Path, products: list[Product], seed: int) -> None:
    """Write a row for every product, tab-separated."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer: csv.DictWriter[str] | None = None
        for product in products:
            row = build_feed_row(product, seed)
            if writer is None:
                writer = csv.DictWriter(file, list(row), delimiter="\t", lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)


def build_feed_row(product: Product, seed: int) -> dict[str, str]:
    """A product by the columns of Google's feed."""
    _, style, colour, pattern = describe_looks(product)
    return {
        "id": product.item_id,
        "title": write_title(product, seed),
        "description": write_description(product, seed),
        "link": f"https://shop.example/{product.item_id}",
        "image_link": f"images/{product.item_id}.jpg",
        "price": f"{product.price:.2f} USD",
        "availability": "in_stock" if product.in_stock else "out_of_stock",
        "brand": product.brand,
        "color": colour,
        "material": product.material,
        "pattern": pattern,
        "product_type": TYPES[product.kind].path,
        "product_detail": f"General:Style:{style}",
        "created_at": product.launched.isoformat(timespec="seconds"),
    }

"""Writes the demo world: a Google product feed with pictures, Segment events, and, apart, the truth.

The feed and the events take the same way in as a user's data. The truth (what shoppers are drawn to, when
they changed, what they would want at the end) goes to a folder of its own, which only evaluation reads.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.demo.picture import draw_product
from bowerbird.demo.products import WORLD_ENDS, Product, description_of, products, title_of
from bowerbird.demo.users import UserAction, ProductArrays, SimulatedUser, simulate_actions, shopper
from bowerbird.demo.vocabulary import COLOURS, PATTERNS, STYLES, TYPES
from bowerbird.errors import InputError
from bowerbird.progress import track

RELEVANT = 20  # products that a shopper would want most at the end
NOTICE = (
    "This shop, its products, pictures and shoppers are synthetic: drawn and simulated, none of it is real.\n"
)
LATE_SHARE, REPEATED_SHARE = 0.01, 0.01  # of events that are written late, or twice, as networks do


@dataclass(frozen=True)
class DemoConfig:
    """How large the world is."""

    items: int = 600
    people: int = 400
    days: int = 90
    seed: int = 0
    image_px: int = 224


@dataclass(frozen=True)
class DemoFiles:
    """Where the world was written."""

    feed: Path
    events: Path
    truth: Path


@dataclass(frozen=True)
class Truth:
    """What only evaluation may know."""

    shoppers: list[dict[str, Any]]
    relevant: dict[str, list[str]]
    """For each shopper the ids of what they would want most at the world's end, best first."""


def write_demo_world(folder: Path, config: DemoConfig) -> DemoFiles:
    """Draw and simulate the world into `folder`. The same config writes the same bytes.

    Raises `InputError` where the folder holds a world of another config.
    """
    files = DemoFiles(folder / "feed.tsv", folder / "events.jsonl", folder / "truth")
    said = json.dumps(config.__dict__, sort_keys=True)
    done = folder / "world.json"
    if done.exists():
        if done.read_text() != said:
            raise InputError(
                f"{folder} holds another world ({done.read_text()}): name another folder or delete it"
            )
        return files
    files.truth.mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    (folder / "README.txt").write_text(NOTICE)
    shelf = list(products(config.items, config.days, config.seed))
    _write_pictures(folder / "images", shelf, config)
    _write_feed(files.feed, shelf, config.seed)
    _write_shoppers(files, shelf, config)
    done.write_text(said)  # last: an interrupted world is written anew
    return files


def read_truth(folder: Path) -> Truth:
    """The truth of a world. Raises `InputError` where the folder holds none."""
    try:
        shoppers = [json.loads(line) for line in (folder / "tastes.jsonl").read_text().splitlines()]
        table = pq.read_table(folder / "relevant.parquet").to_pylist()
    except OSError as error:
        raise InputError(f"{folder} holds no demo world's truth ({error})") from None
    relevant: dict[str, list[str]] = {}
    for row in table:
        relevant.setdefault(row["user_id"], []).append(row["item_id"])
    return Truth(shoppers, relevant)


def _write_pictures(folder: Path, shelf: list[Product], config: DemoConfig) -> None:
    one = partial(_write_picture, folder, config)
    if len(shelf) < 200:
        for product in shelf:
            one(product)
        return
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for _ in track(pool.map(one, shelf, chunksize=50), "drawing products", total=len(shelf)):
            pass


def _write_picture(folder: Path, config: DemoConfig, product: Product) -> None:
    kind, _, colour, pattern = _looks(product)
    seed = int(np.random.SeedSequence([config.seed, 6, product.number]).generate_state(1)[0])
    encoded = draw_product(
        kind, STYLES[product.style], colour, product.material, pattern, seed, config.image_px
    )
    (folder / f"{product.item_id}.jpg").write_bytes(encoded)


def _looks(product: Product) -> tuple[str, str, str, str]:
    return (
        TYPES[product.kind].name,
        STYLES[product.style].name,
        list(COLOURS)[product.colour],
        PATTERNS[product.pattern],
    )


def _write_feed(path: Path, shelf: list[Product], seed: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer: csv.DictWriter[str] | None = None
        for product in shelf:
            row = _feed_row(product, seed)
            if writer is None:
                writer = csv.DictWriter(file, list(row), delimiter="\t", lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)


def _feed_row(product: Product, seed: int) -> dict[str, str]:
    _, style, colour, pattern = _looks(product)
    return {
        "id": product.item_id,
        "title": title_of(product, seed),
        "description": description_of(product, seed),
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


def _write_shoppers(files: DemoFiles, shelf: list[Product], config: DemoConfig) -> None:
    arrays = ProductArrays(shelf)
    people = [shopper(number, config.days, config.seed) for number in range(config.people)]
    with files.events.open("w", encoding="utf-8") as file:
        told = (line for one in people for line in _lines(one, arrays, shelf, config))
        for line in track(_unruly(told, config.seed), "simulating shoppers"):
            file.write(line)
    with (files.truth / "tastes.jsonl").open("w") as file:
        file.writelines(json.dumps(one.as_dict()) + "\n" for one in people)
    rows = [row for one in people for row in _relevant(one, arrays, shelf)]
    pq.write_table(pa.Table.from_pylist(rows), files.truth / "relevant.parquet")


def _lines(
    one: SimulatedUser, arrays: ProductArrays, shelf: list[Product], config: DemoConfig
) -> Iterator[str]:
    for number, act in enumerate(simulate_actions(one, arrays, config.days, config.seed)):
        yield json.dumps(_message(act, number, shelf)) + "\n"


def _message(act: UserAction, number: int, shelf: list[Product]) -> dict[str, Any]:
    def product(item: int, place: int) -> dict[str, Any]:
        one = shelf[item]
        return {"product_id": one.item_id, "price": one.price, "position": place}

    listed = act.name in ("Product List Viewed", "Order Completed")
    properties: dict[str, Any] = {"session_id": act.session}
    if listed:
        properties["products"] = [product(item, place) for place, item in enumerate(act.items, start=1)]
    else:
        properties |= product(act.items[0], 1)
    if act.board:
        properties["wishlist_name"] = act.board
    return {
        "type": "track",
        "messageId": f"{act.user_id}-{number}",
        "userId": act.user_id,
        "event": act.name,
        "timestamp": act.at.isoformat(timespec="milliseconds"),
        "properties": properties,
    }


def _unruly(lines: Iterable[str], seed: int) -> Iterator[str]:
    """The lines with a few delayed and a few repeated, as events arrive from real networks."""
    generator = np.random.default_rng([seed, 7])
    delayed: list[str] = []
    for line in lines:
        chance = generator.random()
        if chance < LATE_SHARE:
            delayed.append(line)
            continue
        yield line
        if chance > 1 - REPEATED_SHARE:
            yield line
    yield from delayed


def _relevant(one: SimulatedUser, arrays: ProductArrays, shelf: list[Product]) -> Iterator[dict[str, Any]]:
    interests = one.interests_at(WORLD_ENDS)
    utility = np.max([arrays.utility(i, one.price_sensitivity) + 0.3 * i.weight for i in interests], axis=0)
    for item in np.argsort(-utility, kind="stable")[:RELEVANT]:
        yield {"user_id": one.user_id, "item_id": shelf[item].item_id, "utility": float(utility[item])}

"""Writes the demo world: a Google product feed with pictures, Segment events, and separately the ground
truth.

The feed and the events are imported like real data. The truth (the users' interests, when they drifted, which
products have the highest utility at the end) is written to its own folder, which only evaluation reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.config import setting
from bowerbird.demo.behaviour import ProductArrays, UserAction, simulate_actions
from bowerbird.demo.feed import write_feed, write_pictures
from bowerbird.demo.products import WORLD_ENDS, Product, generate_products
from bowerbird.demo.users import SimulatedUser, generate_user
from bowerbird.errors import InputError
from bowerbird.progress import track

RELEVANT = 20  # products with the highest utility for a user at the end
NOTICE = (
    "This shop, its products, pictures and shoppers are synthetic: drawn and simulated, none of it is real.\n"
)
LATE_SHARE, REPEATED_SHARE = 0.01, 0.01  # of events that are delivered late, or twice, as in real networks


@dataclass(frozen=True)
class DemoConfig:
    """The size of the world."""

    items: int = setting(600, "Products of the shop", "items")
    users: int = setting(400, "Simulated shoppers", "users")
    days: int = setting(90, "Length of the simulation", "days")
    seed: int = setting(0, "Seed of products, pictures and shoppers")
    image_px: int = setting(224, "Width and height of a picture", "pixels")


@dataclass(frozen=True)
class DemoFiles:
    """The paths of a written world."""

    feed: Path
    events: Path
    truth: Path


@dataclass(frozen=True)
class Truth:
    """The ground truth, for evaluation only."""

    users: list[dict[str, Any]]
    relevant: dict[str, list[str]]
    """For each user the ids of the products with the highest utility at the world's end, best first."""


def write_demo_world(folder: Path, config: DemoConfig) -> DemoFiles:
    """Draw and simulate the world into `folder`. The same config writes the same bytes.

    Raises `InputError` if the folder contains a world with another config.
    """
    files = DemoFiles(folder / "feed.tsv", folder / "events.jsonl", folder / "truth")
    config_text = json.dumps(config.__dict__, sort_keys=True)
    marker_file = folder / "world.json"
    if marker_file.exists():
        if marker_file.read_text() != config_text:
            raise InputError(
                f"{folder} contains another world ({marker_file.read_text()}): "
                "name another folder or delete it"
            )
        return files
    files.truth.mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    (folder / "README.txt").write_text(NOTICE)
    products = list(generate_products(config.items, config.days, config.seed))
    write_pictures(folder / "images", products, config.seed, config.image_px)
    write_feed(files.feed, products, config.seed)
    _write_users(files, products, config)
    marker_file.write_text(config_text)  # last: an interrupted world is written again
    return files


def read_truth(folder: Path) -> Truth:
    """Read the truth of a world. Raises `InputError` if the folder contains none."""
    try:
        users = [json.loads(line) for line in (folder / "tastes.jsonl").read_text().splitlines()]
        table = pq.read_table(folder / "relevant.parquet").to_pylist()
    except OSError as error:
        raise InputError(f"{folder} contains no demo world's truth ({error})") from None
    relevant: dict[str, list[str]] = {}
    for row in table:
        relevant.setdefault(row["user_id"], []).append(row["item_id"])
    return Truth(users, relevant)


def _write_users(files: DemoFiles, products: list[Product], config: DemoConfig) -> None:
    arrays = ProductArrays(products)
    users = [generate_user(number, config.days, config.seed) for number in range(config.users)]
    with files.events.open("w", encoding="utf-8") as file:
        lines = (line for user in users for line in format_events(user, arrays, products, config))
        for line in track(disturb_delivery(lines, config.seed), "simulating shoppers"):
            file.write(line)
    with (files.truth / "tastes.jsonl").open("w") as file:
        file.writelines(json.dumps(user.as_dict()) + "\n" for user in users)
    rows = [row for user in users for row in rank_relevant(user, arrays, products)]
    pq.write_table(pa.Table.from_pylist(rows), files.truth / "relevant.parquet")


def format_events(
    user: SimulatedUser, arrays: ProductArrays, products: list[Product], config: DemoConfig
) -> Iterator[str]:
    for number, action in enumerate(simulate_actions(user, arrays, config.days, config.seed)):
        yield json.dumps(build_message(action, number, products)) + "\n"


def build_message(action: UserAction, number: int, products: list[Product]) -> dict[str, Any]:
    def product(item: int, rank: int) -> dict[str, Any]:
        item_product = products[item]
        return {"product_id": item_product.item_id, "price": item_product.price, "position": rank}

    listed = action.name in ("Product List Viewed", "Order Completed")
    properties: dict[str, Any] = {"session_id": action.session}
    if listed:
        properties["products"] = [product(item, rank) for rank, item in enumerate(action.items, start=1)]
    else:
        properties |= product(action.items[0], 1)
    if action.board:
        properties["wishlist_name"] = action.board
    return {
        "type": "track",
        "messageId": f"{action.user_id}-{number}",
        "userId": action.user_id,
        "event": action.name,
        "timestamp": action.at.isoformat(timespec="milliseconds"),
        "properties": properties,
    }


def disturb_delivery(lines: Iterable[str], seed: int) -> Iterator[str]:
    """Delay a few lines and repeat a few, as events arrive from real networks."""
    generator = np.random.default_rng([seed, 7])
    delayed: list[str] = []
    for line in lines:
        draw = generator.random()
        if draw < LATE_SHARE:
            delayed.append(line)
            continue
        yield line
        if draw > 1 - REPEATED_SHARE:
            yield line
    yield from delayed


def rank_relevant(
    user: SimulatedUser, arrays: ProductArrays, products: list[Product]
) -> Iterator[dict[str, Any]]:
    interests = user.interests_at(WORLD_ENDS)
    utility = np.max(
        [arrays.utility(interest, user.price_sensitivity) + 0.3 * interest.weight for interest in interests],
        axis=0,
    )
    for item in np.argsort(-utility, kind="stable")[:RELEVANT]:
        yield {"user_id": user.user_id, "item_id": products[item].item_id, "utility": float(utility[item])}

"""Benchmark one request about N pictures: a vision encoder against grafted items, on the same language model.

Four arms answer the same question with the same decoder and the same number of new tokens:

- `pixels`: decode the JPEG, run the vision backbone, use its 49 feature-map cells per picture as tokens;
- `cached cells`: the same tokens, with the pictures' features computed beforehand;
- `titles`: the items' titles as text, no pictures;
- `graft`: one soft token per item, from its vector.

The projection from cells to tokens is random: the text of the first two arms is noise, their cost is
realistic. Arms alternate in every round, in one process; on a shared machine only their ratios are
meaningful. Peak memory is measured separately, each arm alone in its own process (`bench_memory.py`).
"""

from __future__ import annotations

import io
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from bowerbird.data.files.images import open_picture
from bowerbird.data.settings import Settings
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.errors import InputError
from bowerbird.graft.base import Base
from bowerbird.graft.bench_memory import peak_memory_mb
from bowerbird.graft.bench_request import BenchItems, BenchRequest, load_stock_vision_encoder
from bowerbird.graft.config import GraftMeta
from bowerbird.graft.connector import Connector
from bowerbird.graft.model import load_connector
from bowerbird.progress import track

ARMS = ("pixels", "cached cells", "titles", "graft")
PICTURE_PX = 512


@dataclass(frozen=True)
class ArmResult:
    """One arm's rounds: seconds from the request to the first and to the last token."""

    name: str
    prompt_tokens: int
    first_token_s: tuple[float, ...]
    end_to_end_s: tuple[float, ...]
    peak_memory_mb: float | None
    cost_per_1000_turns: float

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        return asdict(self) | {
            name: {"median": float(np.median(runs)), "min": min(runs), "max": max(runs)}
            for name, runs in (("first_token", self.first_token_s), ("end_to_end", self.end_to_end_s))
        }


@dataclass(frozen=True)
class BenchResult:
    """All arms of one run, with the machine and the settings."""

    base: str
    items: int
    rounds: int
    new_tokens: int
    machine: str
    threads: int
    machine_hour_price: float
    currency: str
    arms: tuple[ArmResult, ...]

    def ratios(self, arm: str) -> tuple[float, float]:
        """Latency of `arm` divided by the graft's, to the first and to the last token: medians of the
        per-round ratios."""
        by_name = {result.name: result for result in self.arms}
        arm_result, graft_result = by_name[arm], by_name["graft"]
        first = np.median(np.divide(arm_result.first_token_s, graft_result.first_token_s))
        return float(first), float(np.median(np.divide(arm_result.end_to_end_s, graft_result.end_to_end_s)))

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        ratios = {arm.name: self.ratios(arm.name) for arm in self.arms if arm.name != "graft"}
        return {
            **{name: value for name, value in asdict(self).items() if name != "arms"},
            "arms": [arm.as_dict() for arm in self.arms],
            "times_the_graft": {
                name: {"first_token": first, "end_to_end": last} for name, (first, last) in ratios.items()
            },
            "note": "the projection from cells to tokens is random; pictures are "
            f"{PICTURE_PX}x{PICTURE_PX} JPEG; arms alternate in one process",
        }


def measure(request: BenchRequest, rounds: int, new_tokens: int) -> dict[str, list[tuple[int, float, float]]]:
    """Run every arm `rounds` times after one warm-up round; the arms' order rotates from round to round."""
    request.encode_images()
    runs: dict[str, list[tuple[int, float, float]]] = {arm: [] for arm in ARMS}
    for number in track(range(rounds + 1), "rounds", rounds + 1):
        for arm in np.roll(ARMS, number).tolist():
            run = request.run(arm, new_tokens)
            if number:
                runs[arm].append(run)
    return runs


def bench_graft(
    snapshot: StoreSnapshot | None = None,
    n_items: int = 10,
    rounds: int = 5,
    new_tokens: int = 32,
    base: str = "smollm2-135m",
    measure_memory: Callable[[str, str, BenchItems, int], float] | None = peak_memory_mb,
) -> BenchResult:
    """Compare the arms on a snapshot's pictures and graft, or, without one, on random images.

    `measure_memory` measures an arm's peak (base, arm, items, new tokens) in MiB; None skips it.
    Raises `InputError` for fewer than one item or round.
    """
    if n_items < 1 or rounds < 1:
        raise InputError(f"items and rounds must be at least 1, not {n_items} and {rounds}")
    settings = snapshot.store.settings if snapshot else Settings()
    version = snapshot.version("graft") if snapshot else None
    meta = version.read_meta(GraftMeta) if version else None
    name = meta.base if meta else base
    loaded = Base.load(name)
    bench_items = load_bench_items(snapshot, n_items)
    torch.manual_seed(0)
    connector = (
        load_connector(version.path, meta.dim, meta.hidden, meta.tokens)
        if version and meta and meta.dim == bench_items.vectors.shape[1]
        else Connector(bench_items.vectors.shape[1], loaded.hidden)
    )
    request = BenchRequest(loaded, connector, load_stock_vision_encoder(), bench_items)
    runs = measure(request, rounds, new_tokens)
    price = settings.prices.machine_hour / 3600 * 1000  # price of 1,000 turns of one second each
    arms = [
        ArmResult(
            name=arm,
            prompt_tokens=runs[arm][0][0],
            first_token_s=tuple(first for _, first, _ in runs[arm]),
            end_to_end_s=tuple(last for _, _, last in runs[arm]),
            peak_memory_mb=measure_memory(name, arm, bench_items, new_tokens) if measure_memory else None,
            cost_per_1000_turns=float(np.median([last for _, _, last in runs[arm]])) * price,
        )
        for arm in ARMS
    ]
    return BenchResult(
        base=name,
        items=n_items,
        rounds=rounds,
        new_tokens=new_tokens,
        machine=f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        threads=torch.get_num_threads(),
        machine_hour_price=settings.prices.machine_hour,
        currency=settings.prices.currency_name,
        arms=tuple(arms),
    )


def load_bench_items(snapshot: StoreSnapshot | None, n_items: int) -> BenchItems:
    """The first items with a picture, as 512 × 512 JPEG; random images where the store has too few."""
    pictures: list[bytes] = []
    titles: list[str] = []
    if snapshot is not None and snapshot.version("catalogue") is not None:
        catalogue = snapshot.catalogue
        for position in range(len(catalogue)):
            image = catalogue.image(position)
            if image is not None and len(pictures) < n_items:
                with open_picture(image) as opened:
                    pictures.append(encode_jpeg(opened))
                titles.append(catalogue.item(position).title)
    rng = np.random.default_rng(0)
    while len(pictures) < n_items:
        coarse = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        pictures.append(encode_jpeg(Image.fromarray(coarse)))
        titles.append("Scandinavian oak reading lamp, green")
    # Only the width of the vectors affects time, not their values.
    vectors = rng.normal(size=(n_items, item_vector_width(snapshot))).astype(np.float32)
    return BenchItems(pictures, titles, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def item_vector_width(snapshot: StoreSnapshot | None) -> int:
    version = snapshot.version("graft") if snapshot else None
    return version.read_meta(GraftMeta).dim if version else 256


def encode_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").resize((PICTURE_PX, PICTURE_PX), Image.Resampling.BICUBIC).save(
        buffer, "JPEG", quality=85
    )
    return buffer.getvalue()

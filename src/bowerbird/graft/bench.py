"""One request about N pictures, with a vision model's eyes and with grafted items, on one language model.

Four arms answer the same question with the same decoder and as many new tokens:

- `pixels`: JPEG bytes decoded, encoded by the vision backbone, its 49 feature-map cells a picture as tokens;
- `cached cells`: the same tokens, the pictures' features computed beforehand;
- `titles`: the items' titles as words, no pictures;
- `graft`: one soft token an item, from its vector.

The stock-like arms' connector from cells to tokens is random: what they would say is noise, what they cost is
not. Arms alternate in every round, in one process, and only their ratios mean anything on a shared machine.
Peak memory is measured apart, each arm alone in a process of its own (`bench_memory.py`).
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

from bowerbird.data.images import open_picture
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Settings
from bowerbird.errors import InputError
from bowerbird.graft.base import Base
from bowerbird.graft.bench_memory import peak_memory_mb
from bowerbird.graft.bench_request import Request, BenchItems, load_stock_vision_encoder
from bowerbird.graft.connector import Connector
from bowerbird.graft.model import load_connector
from bowerbird.progress import track

ARMS = ("pixels", "cached cells", "titles", "graft")
PICTURE_PX = 512


@dataclass(frozen=True)
class ArmResult:
    """One arm's rounds. Seconds from the request to the first token and to the last one."""

    name: str
    prompt_tokens: int
    first_token_s: tuple[float, ...]
    end_to_end_s: tuple[float, ...]
    peak_memory_mb: float | None
    cost_per_1000_turns: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            name: {"median": float(np.median(runs)), "min": min(runs), "max": max(runs)}
            for name, runs in (("first_token", self.first_token_s), ("end_to_end", self.end_to_end_s))
        }


@dataclass(frozen=True)
class BenchResult:
    """All arms of one run, with the machine and the settings they ran under."""

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
        """How many times longer `arm` takes than the graft, to the first token and to the last: medians of
        the rounds' own ratios."""
        by_name = {one.name: one for one in self.arms}
        theirs, ours = by_name[arm], by_name["graft"]
        first = np.median(np.divide(theirs.first_token_s, ours.first_token_s))
        return float(first), float(np.median(np.divide(theirs.end_to_end_s, ours.end_to_end_s)))

    def as_dict(self) -> dict[str, Any]:
        ratios = {arm.name: self.ratios(arm.name) for arm in self.arms if arm.name != "graft"}
        return {
            **{name: value for name, value in asdict(self).items() if name != "arms"},
            "arms": [arm.as_dict() for arm in self.arms],
            "times_the_graft": {
                name: {"first_token": first, "end_to_end": last} for name, (first, last) in ratios.items()
            },
            "note": "the stock-like arms' connector is random; pictures are "
            f"{PICTURE_PX}x{PICTURE_PX} JPEG; arms alternate in one process",
        }


def measure(request: Request, rounds: int, new_tokens: int) -> dict[str, list[tuple[int, float, float]]]:
    """Each arm's runs. One unmeasured round first; the arms' order turns with every round."""
    request.see()
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
    memory: Callable[[str, str, BenchItems, int], float] | None = peak_memory_mb,
) -> BenchResult:
    """Compare the arms on a snapshot's pictures and graft, or, without one, on drawn noise.

    `memory` measures an arm's peak (base, arm, subject, new tokens) in MiB; None leaves it out.
    Raises `InputError` for fewer than one item or round.
    """
    if n_items < 1 or rounds < 1:
        raise InputError(f"items and rounds must be at least 1, not {n_items} and {rounds}")
    settings = snapshot.store.settings if snapshot else Settings()
    version = snapshot.version("graft") if snapshot else None
    name = version.meta["base"] if version else base
    loaded = Base.load(name)
    subject = subject_of(snapshot, n_items)
    torch.manual_seed(0)
    connector = (
        load_connector(version.path, *(version.meta[name] for name in ("dim", "hidden", "tokens")))
        if version and version.meta["dim"] == subject.vectors.shape[1]
        else Connector(subject.vectors.shape[1], loaded.hidden)
    )
    request = Request(loaded, connector, load_stock_vision_encoder(), subject)
    runs = measure(request, rounds, new_tokens)
    price = settings.machine_hour_price / 3600 * 1000  # of 1,000 turns of one second each
    arms = [
        ArmResult(
            name=arm,
            prompt_tokens=runs[arm][0][0],
            first_token_s=tuple(first for _, first, _ in runs[arm]),
            end_to_end_s=tuple(last for _, _, last in runs[arm]),
            peak_memory_mb=memory(name, arm, subject, new_tokens) if memory else None,
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
        machine_hour_price=settings.machine_hour_price,
        currency=settings.currency_name,
        arms=tuple(arms),
    )


def subject_of(snapshot: StoreSnapshot | None, n_items: int) -> BenchItems:
    """The first items with a picture, scaled to 512 × 512 JPEG; drawn noise where the store has too few."""
    pictures: list[bytes] = []
    titles: list[str] = []
    if snapshot is not None and snapshot.version("catalogue") is not None:
        catalogue = snapshot.catalogue
        for position in range(len(catalogue)):
            image = catalogue.image(position)
            if image is not None and len(pictures) < n_items:
                with open_picture(image) as opened:
                    pictures.append(_as_jpeg(opened))
                titles.append(catalogue.item(position).title)
    rng = np.random.default_rng(0)
    while len(pictures) < n_items:
        coarse = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        pictures.append(_as_jpeg(Image.fromarray(coarse)))
        titles.append("Scandinavian oak reading lamp, green")
    # The vectors' values change no time; their width does.
    vectors = rng.normal(size=(n_items, _width(snapshot))).astype(np.float32)
    return BenchItems(pictures, titles, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _width(snapshot: StoreSnapshot | None) -> int:
    version = snapshot.version("graft") if snapshot else None
    return int(version.meta["dim"]) if version else 256


def _as_jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.convert("RGB").resize((PICTURE_PX, PICTURE_PX), Image.Resampling.BICUBIC).save(
        out, "JPEG", quality=85
    )
    return out.getvalue()

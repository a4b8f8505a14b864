"""How fast are a catalogue's pictures encoded, and what does it cost when one in a hundred changes?

    python benchmarks/bench_precompute.py [--store STORE] [--pictures 1000] [--rounds 3]

Pictures of the store, or generated ones of 512 × 512 if no store is given. Arms, all with EfficientNet-Lite0
in the precision that the processor is fast in:

- `loop`: the straightforward loop: decode one picture after the other, encode a batch with torch on its
  default threads, keep the rows;
- `loop, bowerbird's encoder`: the same loop around bowerbird's encoder, which OpenVINO runs on one thread:
  the gain of the network's runtime without the pipeline;
- `pipeline`: `bowerbird embed` up to the features, from an empty cache;
- `1 % changed`: the pipeline again, after every hundredth picture was replaced.

All arms alternate in every round; ratios are medians of the rounds' own ratios, in brackets their range. The
machine's load when each round began is printed: other work takes cores from every arm.
Prints a table and ends in one JSON line.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.demo import DemoConfig, write_demo_world
from bowerbird.embed.encode.batches import split_into_batches
from bowerbird.embed.encode.features import IMAGE_BATCH, compute_item_features
from bowerbird.models.fetching import fetch
from bowerbird.models.pictures.efficientnet import load_trainable_network, run_on_torch
from bowerbird.models.pictures.image import ImageEncoder, decode_images, load_image_encoder

LOOP, LOOP_BOWERBIRD, PIPELINE, CHANGED = "loop", "loop, bowerbird's encoder", "pipeline", "1 % changed"
BACKBONE = "efficientnet-lite0"
GENERATED_PX = 512


def pictures_of(store: str | None, count: int) -> list[bytes]:
    """Collect `count` different pictures of a store, or generate them."""
    if store is None:
        with tempfile.TemporaryDirectory() as folder:
            write_demo_world(Path(folder), DemoConfig(items=count, users=2, days=2, image_px=GENERATED_PX))
            return [path.read_bytes() for path in sorted(Path(folder).rglob("*.jpg"))]
    catalogue = Store.open(store).catalogue()
    return distinct((catalogue.image(position) for position in range(len(catalogue))), count)


def distinct(pictures: Iterable[bytes | None], count: int) -> list[bytes]:
    pictures_seen: dict[bytes, None] = {}
    for picture in pictures:
        if picture is not None:
            pictures_seen.setdefault(picture)
        if len(pictures_seen) == count:
            break
    return list(pictures_seen)


def rotated(picture: bytes) -> bytes:
    """Flip a picture upside down: different content of the same size."""
    out = io.BytesIO()
    flipped = Image.open(io.BytesIO(picture)).convert("RGB").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    flipped.save(out, "JPEG", quality=90)
    return out.getvalue()


def loop(pictures: list[bytes], encoder: ImageEncoder) -> np.ndarray:
    """Decode, encode, decode, encode: (pictures, width) float32."""
    batches = split_into_batches(pictures, IMAGE_BATCH)
    return np.concatenate([encoder.encode(decode_images(batch)[0]) for batch in batches])


def run_round(items: list[Item], changed: list[Item], torch_encoder: ImageEncoder) -> dict[str, float]:
    """Seconds of each arm."""
    pictures = [item.image or b"" for item in items]
    seconds = {}
    start = time.perf_counter()
    torch_features = loop(pictures, torch_encoder)
    seconds[LOOP] = time.perf_counter() - start

    bowerbird_encoder = load_image_encoder(BACKBONE)
    start = time.perf_counter()
    loop(pictures, bowerbird_encoder)
    seconds[LOOP_BOWERBIRD] = time.perf_counter() - start

    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(folder)
        for arm, content in ((PIPELINE, items), (CHANGED, changed)):
            store.publish_catalogue(Catalogue.of(content))
            start = time.perf_counter()
            features = compute_item_features(store, store.catalogue())
            seconds[arm] = time.perf_counter() - start
            assert features.has_image.all()
            if arm == PIPELINE:
                cosine = float(
                    (features.image * torch_features).sum(1).mean()
                )  # both are rounded to 8 bits inside
                assert cosine > 0.99, f"the arms' features differ: mean cosine {cosine}"
    return seconds


def table_of(seconds: list[dict[str, float]], ratios: dict[str, list[float]], count: int) -> Table:
    title = f"{count} pictures, {len(seconds)} rounds, medians"
    table = Table("arm", "s", "pictures/s", "ratio", title=title)
    for arm in seconds[0]:
        median = float(np.median([seconds_of_round[arm] for seconds_of_round in seconds]))
        ratio = ratios.get(arm)
        ratio_text = f"{np.median(ratio):.3g} [{min(ratio):.3g}, {max(ratio):.3g}]" if ratio else ""
        table.add_row(arm, f"{median:.2f}", f"{count / median:.0f}" if arm != CHANGED else "", ratio_text)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast a catalogue's pictures are encoded.")
    parser.add_argument("--store", help="take the pictures of this store")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()

    pictures = pictures_of(args.store, args.pictures)
    items = [Item(str(number), image=picture) for number, picture in enumerate(pictures)]
    changed = [
        item if number % 100 else replace(item, image=rotated(item.image or b""))
        for number, item in enumerate(items)
    ]
    bowerbird_encoder = load_image_encoder(BACKBONE)
    torch_encoder = replace(
        bowerbird_encoder, features=run_on_torch(load_trainable_network(BACKBONE, fetch(BACKBONE)))
    )
    for encoder in (torch_encoder, bowerbird_encoder):
        loop(pictures[:IMAGE_BATCH], encoder)

    seconds, loads = [], []
    for _ in range(args.rounds):
        loads.append(round(os.getloadavg()[0], 2))
        seconds.append(run_round(items, changed, torch_encoder))
    ratios = {
        PIPELINE: [round_seconds[LOOP] / round_seconds[PIPELINE] for round_seconds in seconds],
        LOOP_BOWERBIRD: [round_seconds[LOOP] / round_seconds[LOOP_BOWERBIRD] for round_seconds in seconds],
        CHANGED: [round_seconds[CHANGED] / round_seconds[PIPELINE] for round_seconds in seconds],
    }
    Console(width=120).print(table_of(seconds, ratios, len(items)))
    result = {
        "bench": "precompute",
        "pictures": len(items),
        "bytes_a_picture": int(np.mean([len(picture) for picture in pictures])),
        "batch": IMAGE_BATCH,
        "torch_threads": torch.get_num_threads(),
        "load": loads,
        "seconds": seconds,
        "speedup": ratios[PIPELINE],
        "changed_share": ratios[CHANGED],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

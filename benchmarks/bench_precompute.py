"""How fast are a catalogue's pictures encoded, and what does it cost when one in a hundred changes?

    python benchmarks/bench_precompute.py [--store STORE] [--pictures 1000] [--rounds 3]

Pictures of the store, or drawn ones of 512 × 512 where none is given. Arms, all with EfficientNet-Lite0 in
the precision that the processor is fast in:

- `loop`: what a person would write: decode one picture after the other, encode a batch with torch on its
  default threads, keep the rows;
- `loop, our encoder`: the same loop around our encoder, which OpenVINO runs on one thread: what the network's
  runtime gains without the pipeline;
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
from bowerbird.models.efficientnet import by_torch, differentiable_network
from bowerbird.models.fetching import fetch
from bowerbird.models.image import ImageEncoder, load_image_encoder, pixels_of_many

LOOP, LOOP_OURS, PIPELINE, CHANGED = "loop", "loop, our encoder", "pipeline", "1 % changed"
BACKBONE = "efficientnet-lite0"
DRAWN_PX = 512


def pictures_of(store: str | None, count: int) -> list[bytes]:
    """So many different pictures of a store, or drawn ones."""
    if store is None:
        with tempfile.TemporaryDirectory() as folder:
            write_demo_world(Path(folder), DemoConfig(items=count, people=2, days=2, image_px=DRAWN_PX))
            return [path.read_bytes() for path in sorted(Path(folder).rglob("*.jpg"))]
    catalogue = Store.open(store).catalogue()
    return distinct((catalogue.image(position) for position in range(len(catalogue))), count)


def distinct(pictures: Iterable[bytes | None], count: int) -> list[bytes]:
    found: dict[bytes, None] = {}
    for picture in pictures:
        if picture is not None:
            found.setdefault(picture)
        if len(found) == count:
            break
    return list(found)


def another(picture: bytes) -> bytes:
    """The picture upside down: another content of the same size."""
    out = io.BytesIO()
    turned = Image.open(io.BytesIO(picture)).convert("RGB").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    turned.save(out, "JPEG", quality=90)
    return out.getvalue()


def loop(pictures: list[bytes], encoder: ImageEncoder) -> np.ndarray:
    """Decode, encode, decode, encode: (pictures, width) float32."""
    batches = split_into_batches(pictures, IMAGE_BATCH)
    return np.concatenate([encoder.encode(pixels_of_many(batch)[0]) for batch in batches])


def one_round(items: list[Item], changed: list[Item], plain: ImageEncoder) -> dict[str, float]:
    """Seconds of each arm."""
    pictures = [item.image or b"" for item in items]
    seconds = {}
    start = time.perf_counter()
    by_plain = loop(pictures, plain)
    seconds[LOOP] = time.perf_counter() - start

    ours = load_image_encoder(BACKBONE)
    start = time.perf_counter()
    loop(pictures, ours)
    seconds[LOOP_OURS] = time.perf_counter() - start

    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(folder)
        for arm, content in ((PIPELINE, items), (CHANGED, changed)):
            store.publish_catalogue(Catalogue.of(content))
            start = time.perf_counter()
            features = compute_item_features(store, store.catalogue())
            seconds[arm] = time.perf_counter() - start
            assert features.has_image.all()
            if arm == PIPELINE:
                cosine = float((features.image * by_plain).sum(1).mean())  # both are rounded to 8 bits inside
                assert cosine > 0.99, f"the arms encode different things: mean cosine {cosine}"
    return seconds


def shown(seconds: list[dict[str, float]], ratios: dict[str, list[float]], count: int) -> Table:
    title = f"{count} pictures, {len(seconds)} rounds, medians"
    table = Table("arm", "s", "pictures/s", "ratio", title=title)
    for arm in seconds[0]:
        median = float(np.median([one[arm] for one in seconds]))
        ratio = ratios.get(arm)
        said = f"{np.median(ratio):.3g} [{min(ratio):.3g}, {max(ratio):.3g}]" if ratio else ""
        table.add_row(arm, f"{median:.2f}", f"{count / median:.0f}" if arm != CHANGED else "", said)
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
        item if number % 100 else replace(item, image=another(item.image or b""))
        for number, item in enumerate(items)
    ]
    ours = load_image_encoder(BACKBONE)
    plain = replace(ours, features=by_torch(differentiable_network(BACKBONE, fetch(BACKBONE))))
    for encoder in (plain, ours):
        loop(pictures[:IMAGE_BATCH], encoder)

    seconds, loads = [], []
    for _ in range(args.rounds):
        loads.append(round(os.getloadavg()[0], 2))
        seconds.append(one_round(items, changed, plain))
    ratios = {
        PIPELINE: [one[LOOP] / one[PIPELINE] for one in seconds],
        LOOP_OURS: [one[LOOP] / one[LOOP_OURS] for one in seconds],
        CHANGED: [one[CHANGED] / one[PIPELINE] for one in seconds],
    }
    Console(width=120).print(shown(seconds, ratios, len(items)))
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

"""Does a user's photo retrieve items of the right type? Precision@10 of phone photos in a fashion store.

    python benchmarks/bench_photos.py STORE [--photos 0]

STORE holds H&M's articles (`bowerbird import hm`, `bowerbird embed`); the photos lie in
`$BOWERBIRD_DATA/clothing/photos.parquet`, else in `../shared/data`. A small table maps a photo's label to the
right types of article; labels are used for nothing else. Arms: the generic picture vector (the backbone's
feature of the whole photo, cosine with the articles'); the tower's vector of the photo; bowerbird, as `search
--image` answers. Settings were tuned on half of the photos; the table shows the other half, with bootstrap
intervals over photos.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from bowerbird.data.store import Store
from bowerbird.embed.index.item_index import nearest
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.search.query import QueryEncoder
from bowerbird.embed.search.searcher import Searcher
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.models.pictures.image import decode_images, load_image_encoder

K = 10
BATCH = 64
RIGHT_TYPES = {
    "T-Shirt": ("T-shirt", "Top"),
    "Pants": ("Trousers", "Leggings/Tights", "Outdoor trousers"),
    "Longsleeve": ("Top", "Sweater", "T-shirt"),
    "Shoes": (
        *("Sneakers", "Boots", "Sandals", "Other shoe", "Ballerinas", "Heeled sandals", "Pumps", "Flat shoe"),
        *("Flat shoes", "Slippers", "Bootie", "Wedge", "Heels", "Flip flop", "Moccasins"),
    ),
    "Shirt": ("Shirt", "Blouse"),
    "Dress": ("Dress",),
    "Shorts": ("Shorts",),
    "Outwear": ("Jacket", "Coat", "Outdoor Waistcoat"),
    "Hat": ("Hat/beanie", "Hat/brim", "Cap/peaked", "Cap", "Beanie", "Bucket hat", "Straw hat", "Felt hat"),
    "Skirt": ("Skirt",),
    "Polo": ("Polo shirt",),
    "Undershirt": ("Vest top",),
    "Blazer": ("Blazer",),
    "Hoodie": ("Hoodie",),
    "Body": ("Bodysuit", "Garment Set", "Jumpsuit/Playsuit"),
    "Top": ("Top", "Vest top"),
    "Blouse": ("Blouse",),
}
"""The store's item types that are right for a photo's label."""


def photos_file() -> Path:
    return Path(os.environ.get("BOWERBIRD_DATA", "../shared/data")) / "clothing" / "photos.parquet"


def select_test_photos(photos: pa.Table, limit: int) -> tuple[list[bytes], list[str]]:
    """Return pictures and labels of the half without tuning; of `limit` photos, if that is not 0."""
    test_rows = np.flatnonzero(np.random.default_rng(0).random(len(photos)) >= 0.5)
    test_photos = photos.take(pa.array(test_rows[:limit] if limit else test_rows))
    return test_photos["image"].to_pylist(), test_photos["label"].to_pylist()


def rank_items(store: Store, pictures: list[bytes]) -> dict[str, np.ndarray]:
    """Rank the ten first items of each photo by arm, (photos, 10) positions."""
    searcher, encoder = Searcher.open(store.snapshot()), QueryEncoder.open(store.snapshot())
    items = load_vectors(store.snapshot()).image_features(searcher.catalogue, encoder.image_feature_width)
    if items is None:
        raise SystemExit(f"{store.path} has no generic vectors: run `bowerbird embed {store.path}` again")
    network = load_image_encoder(encoder.backbones[0])
    generic = np.concatenate(
        [
            network.encode(decode_images(pictures[start : start + BATCH], network.image_spec.side)[0])
            for start in range(0, len(pictures), BATCH)
        ]
    )
    queries = pa.table(
        {"query_id": [str(row) for row in range(len(pictures))], "image": pa.array(pictures, pa.binary())}
    )
    results = searcher.batch(queries, K)
    bowerbird_positions = [searcher.catalogue.position[item] for item in results["item_id"].to_pylist()]
    return {
        "generic picture vector": nearest(items.dense(), generic, K)[0],
        "the tower's vector": searcher.index.nearest(encoder.image_features(generic), K)[0],
        "bowerbird": np.array(bowerbird_positions).reshape(-1, K),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--photos", type=int, default=0, help="maximal number; 0 for all of the test half")
    args = parser.parse_args()
    if not photos_file().exists():
        print(json.dumps({"bench": "photos", "skipped": f"{photos_file()} is missing: set BOWERBIRD_DATA"}))
        return
    pictures, labels = select_test_photos(pq.read_table(photos_file()), args.photos)
    store = Store.open(args.store)
    catalogue = store.catalogue()
    types = np.array(
        [catalogue.item(position).attributes.get("type", "") for position in range(len(catalogue))]
    )
    precision = {
        arm: np.array(
            [
                np.isin(types[row], RIGHT_TYPES[label]).mean()
                for row, label in zip(rankings, labels, strict=True)
            ]
        )
        for arm, rankings in rank_items(store, pictures).items()
    }
    generic = precision["generic picture vector"]
    result: dict[str, Any] = {"bench": "photos", "photos": len(pictures), "items": len(catalogue), "arms": {}}
    table = Table(title=f"{len(pictures):,} phone photos, {len(catalogue):,} articles", title_justify="left")
    for column in ("arm", f"precision@{K}", "× generic"):
        table.add_column(column)
    for arm, values in precision.items():
        mean, ratio = mean_interval(values), paired_intervals(values, generic)[1]
        result["arms"][arm] = {"precision": mean.as_dict(), "ratio": ratio.as_dict()}
        table.add_row(
            arm,
            *(f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]" for interval in (mean, ratio)),
        )
    Console().print(table)
    by_label = {
        label: [
            round(float(values_of_arm[[photo_label == label for photo_label in labels]].mean()), 3)
            for values_of_arm in precision.values()
        ]
        for label in sorted(set(labels))
    }
    Console().print("by label:", by_label)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

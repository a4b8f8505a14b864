"""Does a text find the picture, and a picture the text, of items that training never saw?

    python benchmarks/bench_search.py STORE [--hidden 2000] [--seeds 3]

Items are hidden from everything that is learnt: sides, tower, likes. Then each hidden item's text must find
its picture among theirs, and the other way round: recall@10, chance 10 / hidden. Arms: the generic features
side by side, where a text and a picture share no dimension; the tower before its first step; the trained
tower. Also, how much of recall@20 (the mean of a new person's likes finds the rest) is left with the first 64
of the vectors' dimensions and with int8.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.data.collection_likes import training_sets
from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.encode.features import ItemFeatures, compute_item_features
from bowerbird.embed.encode.modalities import ModalityEncoders, extract_item_words
from bowerbird.embed.index.rows import VectorRows, normalize_rows, quantize_int8
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.train.negatives import number_categories
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.tower import ModalityFeatures, Tower
from bowerbird.embed.train.validation import HashSplit
from bowerbird.embed.training import EmbedConfig, fit_tower, generic_vectors
from bowerbird.evaluate.baselines import GenericMean
from bowerbird.evaluate.metrics import recall_at
from bowerbird.evaluate.protocols import Split, task_of

AT = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--hidden", type=int, default=2000, help="items that nothing is learnt from")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    store = Store.open(args.store)
    runs = [found_across(store, args.hidden, seed) for seed in range(args.seeds)]
    across = {arm: [run[arm] for run in runs] for arm in runs[0]}
    table = Table(
        title=f"recall@{AT} among {args.hidden:,} items that training never saw", title_justify="left"
    )
    for column in ("vectors", "text → picture", "picture → text"):
        table.add_column(column)
    for arm, pairs in across.items():
        table.add_row(arm, *(" ".join(f"{pair[k]:.4f}" for pair in pairs) for k in (0, 1)))
    smaller = kept_of_smaller(store)
    Console().print(table)
    Console().print({name: f"{share:.1%} of recall@20" for name, share in smaller.items()})
    print(json.dumps({"bench": "search", "hidden": args.hidden, "across": across, "kept": smaller}))


def found_across(store: Store, hidden: int, seed: int) -> dict[str, tuple[float, float]]:
    """Recall@10 of text → picture and picture → text among hidden items, by arm."""
    catalogue = store.catalogue()
    features = compute_item_features(store, catalogue)
    both = np.flatnonzero(features.has_image & features.has_text)
    out = np.sort(np.random.default_rng(seed).permutation(both)[:hidden])
    keep = np.setdiff1d(np.arange(len(catalogue)), out)
    said = [extract_item_words(item) for item in catalogue.items()]
    seen = ItemFeatures(
        *(features.image[keep], features.has_image[keep], features.text[keep], features.has_text[keep]),
        features.backbones,
    )
    sides = ModalityEncoders.of([said[row] for row in keep], seen)
    told = sides.encode_texts([said[row] for row in keep], seen.text)
    views = ModalityFeatures.of(sides.encode_images(seen.image), told)
    events = Interactions.of(store.log.read(), catalogue)
    holdout = Holdout.default(events)
    sets = training_sets(store.collections(), events, catalogue, holdout)
    strings = InteractionSequences.of(holdout.training(events), sets)
    place = np.full(len(catalogue), -1)
    place[keep] = np.arange(len(keep))
    left = strings.without(out, np.zeros(0, np.int64))
    strings = InteractionSequences(place[left.items], left.owner, left.at)
    config = EmbedConfig(seed=seed)
    lots = HashSplit.of(events.users, [catalogue.ids[row] for row in keep], seed)
    fit = fit_tower(views, generic_vectors(seen), strings, lots, config, number_categories(catalogue)[keep])
    untrained = Tower(views.image.shape[1], views.text.shape[1], config.dim)
    untrained.initialize_from(views)
    texts = sides.encode_texts([said[row] for row in out], features.text[out])
    asked = ModalityFeatures.of(sides.encode_images(features.image[out]), texts)
    pair = np.concatenate([features.image[out], np.zeros_like(features.text[out])], axis=1)
    other = np.concatenate([np.zeros_like(features.image[out]), features.text[out]], axis=1)
    return {
        "generic, side by side": (_recall(other, pair), _recall(pair, other)),
        "tower, untrained": _both(untrained, asked),
        "tower": _both(fit.tower, asked),
        "tower, first quarter": _both(fit.tower, asked, config.dim // 4),
    }


def _both(tower: Tower, views: ModalityFeatures, width: int | None = None) -> tuple[float, float]:
    pictures, texts = (normalize_rows(tower.encode(views.mask(*one))[:, :width]) for one in ((1, 0), (0, 1)))
    return _recall(texts, pictures), _recall(pictures, texts)


def _recall(queries: np.ndarray, answers: np.ndarray) -> float:
    """Share of the queries whose own answer is among the first ten; ties count as not found."""
    scores = queries @ answers.T
    own = scores.diagonal()[:, None]
    return float(((scores >= own).sum(axis=1) <= AT).mean())


def kept_of_smaller(store: Store) -> dict[str, float]:
    """Recall@20 on new people by a mean of vectors, beside that of the vectors in full width and float32."""
    catalogue, vectors = store.catalogue(), load_vectors(store.snapshot())
    matrix = vectors.aligned(catalogue)
    events = Interactions.of(store.log.read(), catalogue)
    task = task_of(events, Holdout(**vectors.meta["holdout"]), Split.NEW_USERS)

    def mark(rows: np.ndarray) -> float:
        ranker = GenericMean(rows)
        ranker.fit(task.training)
        return float(np.nanmean(recall_at(ranker.rank(task.histories, 20), task.targets, 20)))

    whole = mark(matrix)
    small = {
        f"{width} of {matrix.shape[1]} dimensions": normalize_rows(matrix[:, :width]) for width in (64, 128)
    }
    small["int8"] = VectorRows(quantize_int8(matrix)).dense()
    return {name: mark(rows) / whole for name, rows in small.items()}


if __name__ == "__main__":
    main()

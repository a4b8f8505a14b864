"""Cross-modal retrieval: does a text find the picture, and a picture the text, of unseen items?

    python benchmarks/bench_search.py STORE [--hidden 2000] [--seeds 3]

Hidden items take no part in training: modalities, tower, likes. Then each hidden item's text must retrieve
its picture among the hidden ones, and vice versa: recall@10, chance 10 / hidden. Arms: the concatenated
generic features, where a text and a picture share no dimension; the untrained tower; the trained tower. Also
the share of recall@20 (of new users' other likes, by the mean of their known ones) that remains with the
first 64 of the vectors' dimensions and with int8.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.data.collections import select_training_sets
from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.encode.features import ItemFeatures, compute_item_features
from bowerbird.embed.encode.modalities import ModalityEncoders, extract_item_words
from bowerbird.embed.index.rows import VectorRows, normalize_rows, quantize_int8
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.train.fit import fit_tower
from bowerbird.embed.train.negatives import number_categories
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.tower import ModalityFeatures, Tower
from bowerbird.embed.train.validation import HashSplit
from bowerbird.embed.training import generic_vectors
from bowerbird.evaluate.baselines import GenericMean
from bowerbird.evaluate.metrics import recall_at
from bowerbird.evaluate.protocols import Split, build_task

K = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--hidden", type=int, default=2000, help="items left out of training")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    store = Store.open(args.store)
    recalls_by_seed = [evaluate_cross_modal(store, args.hidden, seed) for seed in range(args.seeds)]
    by_arm = {arm: [recalls[arm] for recalls in recalls_by_seed] for arm in recalls_by_seed[0]}
    table = Table(
        title=f"recall@{K} among {args.hidden:,} items that training never saw", title_justify="left"
    )
    for column in ("vectors", "text → picture", "picture → text"):
        table.add_column(column)
    for arm, pairs in by_arm.items():
        table.add_row(arm, *(" ".join(f"{pair[k]:.4f}" for pair in pairs) for k in (0, 1)))
    compressed_shares = evaluate_compressed(store)
    Console().print(table)
    Console().print({name: f"{share:.1%} of recall@20" for name, share in compressed_shares.items()})
    print(
        json.dumps(
            {"bench": "search", "hidden": args.hidden, "cross_modal": by_arm, "compressed": compressed_shares}
        )
    )


def evaluate_cross_modal(store: Store, hidden: int, seed: int) -> dict[str, tuple[float, float]]:
    """Train without hidden items; recall@10 of text → picture and picture → text among them, by arm."""
    catalogue = store.catalogue()
    features = compute_item_features(store, catalogue)
    complete_items = np.flatnonzero(features.has_image & features.has_text)
    hidden_rows = np.sort(np.random.default_rng(seed).permutation(complete_items)[:hidden])
    visible = np.setdiff1d(np.arange(len(catalogue)), hidden_rows)
    words = [extract_item_words(item) for item in catalogue.items()]
    visible_features = ItemFeatures(
        *(
            features.image[visible],
            features.has_image[visible],
            features.text[visible],
            features.has_text[visible],
        ),
        features.backbones,
    )
    encoders = ModalityEncoders.of([words[row] for row in visible], visible_features)
    visible_texts = encoders.encode_texts([words[row] for row in visible], visible_features.text)
    inputs = ModalityFeatures.of(encoders.encode_images(visible_features.image), visible_texts)
    events = Interactions.of(store.log.read(), catalogue)
    holdout = Holdout.default(events)
    sets = select_training_sets(store.collections(), events, catalogue, holdout)
    sequences = InteractionSequences.of(holdout.training(events), sets)
    row_of_position = np.full(len(catalogue), -1)
    row_of_position[visible] = np.arange(len(visible))
    visible_sequences = sequences.without(hidden_rows, np.zeros(0, np.int64))
    sequences = InteractionSequences(
        row_of_position[visible_sequences.items], visible_sequences.owner, visible_sequences.at
    )
    config = EmbedConfig(seed=seed)
    hash_split = HashSplit.of(events.users, [catalogue.ids[row] for row in visible], seed)
    fit = fit_tower(
        inputs,
        generic_vectors(visible_features),
        sequences,
        hash_split,
        config,
        number_categories(catalogue)[visible],
    )
    untrained = Tower(inputs.image.shape[1], inputs.text.shape[1], config.dim)
    untrained.initialize_from(inputs)
    texts = encoders.encode_texts([words[row] for row in hidden_rows], features.text[hidden_rows])
    hidden_inputs = ModalityFeatures.of(encoders.encode_images(features.image[hidden_rows]), texts)
    picture_rows = np.concatenate(
        [features.image[hidden_rows], np.zeros_like(features.text[hidden_rows])], axis=1
    )
    text_rows = np.concatenate(
        [np.zeros_like(features.image[hidden_rows]), features.text[hidden_rows]], axis=1
    )
    return {
        "generic, concatenated": (_recall(text_rows, picture_rows), _recall(picture_rows, text_rows)),
        "tower, untrained": _recalls(untrained, hidden_inputs),
        "tower": _recalls(fit.tower, hidden_inputs),
        "tower, first quarter": _recalls(fit.tower, hidden_inputs, config.dim // 4),
    }


def _recalls(tower: Tower, inputs: ModalityFeatures, width: int | None = None) -> tuple[float, float]:
    pictures, texts = (
        normalize_rows(tower.encode(inputs.mask(*modality_weights))[:, :width])
        for modality_weights in ((1, 0), (0, 1))
    )
    return _recall(texts, pictures), _recall(pictures, texts)


def _recall(queries: np.ndarray, answers: np.ndarray) -> float:
    """Compute the share of queries whose own answer is among the first ten; ties count as misses."""
    scores = queries @ answers.T
    own_scores = scores.diagonal()[:, None]
    return float(((scores >= own_scores).sum(axis=1) <= K).mean())


def evaluate_compressed(store: Store) -> dict[str, float]:
    """Compute recall@20 on new users by mean vectors, relative to full width and float32."""
    catalogue, vectors = store.catalogue(), load_vectors(store.snapshot())
    matrix = vectors.aligned(catalogue)
    events = Interactions.of(store.log.read(), catalogue)
    task = build_task(events, vectors.holdout, Split.NEW_USERS)

    def recall_of(rows: np.ndarray) -> float:
        ranker = GenericMean(rows)
        ranker.fit(task.training)
        return float(np.nanmean(recall_at(ranker.rank(task.histories, 20), task.targets, 20)))

    full_recall = recall_of(matrix)
    compressed = {
        f"{width} of {matrix.shape[1]} dimensions": normalize_rows(matrix[:, :width]) for width in (64, 128)
    }
    compressed["int8"] = VectorRows(quantize_int8(matrix)).dense()
    return {name: recall_of(rows) / full_recall for name, rows in compressed.items()}


if __name__ == "__main__":
    main()

"""Composed queries ("this picture, but in blue"): a picture and a modification text, on unseen items.

    python benchmarks/bench_composed.py STORE [--hidden 3000] [--pairs 150] [--seed 1]

Hidden items take no part in training: modalities, tower, directions, words. Pairs (A, B) of hidden items have
the same type and differ in one trait (`composed_pairs.py`): colour, pattern, shade, sleeves, length. The
query is A's picture and a text in the style of FashionIQ's captions; the results come from the hidden items.
Metrics, by the items' facts: precision@10, the share that has A's type and the requested trait; hit@50 of B.

Two settings: items with texts, where `search` can compare the request with an item's facts (as the metric
does: read this as "no stated fact is overlooked"), and items with pictures only, where only what was learned
from other items is available. Arms: the picture alone; the text alone; the sum of both vectors; the modified
vector alone; the full ranking. Intervals over A. Also reported: the share of FashionIQ's captions
(`$BOWERBIRD_DATA/dialogues`, else `../shared/data`) that is parsed with this catalogue's vocabulary.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.encode.features import ItemFeatures, compute_item_features
from bowerbird.embed.encode.modalities import ModalityEncoders, extract_item_words, extract_words
from bowerbird.embed.index.item_index import nearest
from bowerbird.embed.index.rows import VectorRows, normalize_rows
from bowerbird.embed.search.config import SEARCH_DEFAULTS
from bowerbird.embed.search.edits.catalogue_facts import CatalogueWords
from bowerbird.embed.search.edits.modification import parse_modification
from bowerbird.embed.search.reranking import Reranker
from bowerbird.embed.train.tower import ModalityFeatures, Tower
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.models.text import load_text_encoder
from composed_pairs import Pair, pairs_of, trait_of, type_of

K, K_HIT = 10, 50
DIM = 256
BATCH = 64


@dataclass(frozen=True)
class SplitModel:
    """Everything learned from the items that are not hidden. N items."""

    items: list[Item]
    features: ItemFeatures
    hidden: np.ndarray  # (H,) positions
    shop: CatalogueWords
    encoders: ModalityEncoders
    tower: Tower
    inputs: ModalityFeatures  # of all items

    @classmethod
    def fit(cls, store: Store, hidden: int, seed: int) -> SplitModel:
        catalogue = store.catalogue()
        items, features = list(catalogue.items()), compute_item_features(store, catalogue)
        complete_items = np.flatnonzero(features.has_image & features.has_text)
        hidden_rows = np.sort(np.random.default_rng(seed).permutation(complete_items)[:hidden])
        visible = np.setdiff1d(np.arange(len(items)), hidden_rows)
        words = [extract_item_words(item) for item in items]
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
        inputs = ModalityFeatures.of(
            encoders.encode_images(features.image), encoders.encode_texts(words, features.text)
        )
        tower = Tower(inputs.image.shape[1], inputs.text.shape[1], DIM)
        tower.initialize_from(_rows(inputs, visible))
        return cls(
            items, features, hidden_rows, CatalogueWords.of(catalogue, visible), encoders, tower, inputs
        )

    def encode_pairs(self, pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
        """Encode the pictures of A, and the texts: (P, D) each."""
        encoder, texts = load_text_encoder(self.features.backbones[1]), [pair.text for pair in pairs]
        rows = [encoder.encode(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        text_features = self.encoders.encode_texts(
            [extract_words(text) for text in texts], np.concatenate(rows)
        )
        pictures = _rows(self.inputs, self.hidden[[pair.source for pair in pairs]]).mask(1.0, 0.0)
        return self.tower.encode(pictures), self.tower.encode(
            ModalityFeatures.of(np.zeros((len(texts), self.inputs.image.shape[1]), np.float32), text_features)
        )


def _rows(inputs: ModalityFeatures, rows: np.ndarray) -> ModalityFeatures:
    return inputs.rows(torch.from_numpy(rows))


def rank_hidden_items(split: SplitModel, pairs: Sequence[Pair], with_texts: bool) -> dict[str, np.ndarray]:
    """Rank the first 50 hidden items of each query by arm, (P, 50) rows among the hidden; without A
    itself."""
    picture_vectors, text_vectors = split.encode_pairs(pairs)
    item_vectors = split.tower.encode(split.inputs if with_texts else split.inputs.mask(1.0, 0.0))
    # Training items keep their texts: their facts and whole vectors were used in training.
    visible_vectors = split.tower.encode(split.inputs)
    vectors = visible_vectors.copy()
    vectors[split.hidden] = item_vectors[split.hidden]
    catalogue_items = list(split.items)
    if not with_texts:
        for position in split.hidden:
            catalogue_items[position] = Item(split.items[position].item_id, image=b"there")
    image_rows = VectorRows(split.features.image)
    refiner = Reranker(split.shop, Catalogue.of(catalogue_items), VectorRows(vectors), image_rows)
    pool = vectors[split.hidden]
    rankings: dict[str, list[np.ndarray]] = {}
    for pair, picture, text in zip(pairs, picture_vectors, text_vectors, strict=True):
        query_item = refiner.picture(picture, split.features.image[split.hidden[pair.source]])
        changed = refiner.changed(query_item, refiner.modification(pair.text), text)
        nearest_rows, cosines = nearest(pool, changed.vector[None], SEARCH_DEFAULTS.candidates)
        ranked_positions = refiner.ranked(changed, split.hidden[nearest_rows[0]], cosines[0])[0]
        answers = {
            "picture": nearest(pool, picture[None], K_HIT + 1)[0][0],
            "text": nearest(pool, text[None], K_HIT + 1)[0][0],
            "sum": nearest(pool, normalize_rows(picture + text)[None], K_HIT + 1)[0][0],
            "bowerbird, vector only": nearest_rows[0],
            "bowerbird": np.searchsorted(split.hidden, ranked_positions),
        }
        for arm, rows in answers.items():
            rankings.setdefault(arm, []).append(rows[rows != pair.source][:K_HIT])
    return {arm: np.stack(rows) for arm, rows in rankings.items()}


def metrics_of(split: SplitModel, pairs: Sequence[Pair], rankings: np.ndarray) -> dict[str, np.ndarray]:
    """Compute precision@10, its two factors, and hit@50 of each pair, (P,)."""
    hidden = [split.items[position] for position in split.hidden]
    kinds = np.array([type_of(item) for item in hidden])
    traits = {
        difference: np.array([trait_of(item, difference) for item in hidden])
        for difference in {pair.difference for pair in pairs}
    }
    has_trait = np.stack(
        [
            traits[pair.difference][ranking[:K]] == pair.target_trait
            for pair, ranking in zip(pairs, rankings, strict=True)
        ]
    )
    has_type = np.stack(
        [kinds[ranking[:K]] == kinds[pair.source] for pair, ranking in zip(pairs, rankings, strict=True)]
    )
    is_hit = [pair.target in ranking.tolist() for pair, ranking in zip(pairs, rankings, strict=True)]
    return {
        "precision": (has_trait & has_type).mean(axis=1),
        "trait": has_trait.mean(axis=1),
        "type": has_type.mean(axis=1),
        "hit": np.array(is_hit, float),
    }


def read_captions() -> list[str]:
    """Read FashionIQ's captions; none if the files are missing."""
    folder = Path(os.environ.get("BOWERBIRD_DATA", "../shared/data")) / "dialogues"
    return [
        caption
        for path in sorted(folder.glob("fashioniq_cap.*.train.json"))
        for pair in json.loads(path.read_text())
        for caption in pair["captions"]
    ]


def parse_captions(shop: CatalogueWords, texts: Sequence[str]) -> dict[str, float]:
    """Measure the shares of texts that are parsed completely, and at least in part."""
    parsed = [parse_modification(text, shop) for text in texts]
    return {
        "captions": len(texts),
        "wholly": float(np.mean([bool(modification) and not modification.rest for modification in parsed])),
        "partly or wholly": float(np.mean([bool(modification) for modification in parsed])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--hidden", type=int, default=3000, help="items left out of training")
    parser.add_argument("--pairs", type=int, default=150, help="maximal number for each trait")
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the hidden items, the pairs and the texts"
    )
    args = parser.parse_args()
    split = SplitModel.fit(Store.open(args.store), args.hidden, args.seed)
    pairs = pairs_of([split.items[position] for position in split.hidden], args.pairs, args.seed)
    if not pairs:
        raise SystemExit("no two items of this store differ in a single trait, as H&M's articles do")
    result: dict[str, Any] = {"bench": "composed", "hidden": args.hidden, "pairs": len(pairs)}
    for shop, with_texts in (("items with texts", True), ("items of pictures only", False)):
        result[shop] = print_results(shop, split, pairs, rank_hidden_items(split, pairs, with_texts))
    fashioniq_captions = read_captions()
    result["fashioniq"] = (
        parse_captions(split.shop, fashioniq_captions)
        if fashioniq_captions
        else "skipped: the caption files are missing"
    )
    Console().print("FashionIQ's captions:", result["fashioniq"])
    print(json.dumps(result))


def print_results(
    shop: str, split: SplitModel, pairs: Sequence[Pair], answers: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Print the table of one setting; return it as plain values."""
    metrics = {arm: metrics_of(split, pairs, rankings) for arm, rankings in answers.items()}
    differences = np.array([pair.difference for pair in pairs])
    table = Table(title=f"{shop}, {len(pairs)} queries", title_justify="left")
    for column in (
        "arm",
        f"precision@{K}",
        "× sum",
        "trait",
        "type",
        f"hit@{K_HIT}",
        *dict.fromkeys(differences),
    ):
        table.add_column(column)
    result: dict[str, Any] = {}
    for arm, arm_metrics in metrics.items():
        precision, hit = mean_interval(arm_metrics["precision"]), mean_interval(arm_metrics["hit"])
        ratio = paired_intervals(arm_metrics["precision"], metrics["sum"]["precision"])[1]
        by_difference = {
            difference: float(arm_metrics["precision"][differences == difference].mean())
            for difference in dict.fromkeys(differences.tolist())
        }
        result[arm] = {
            "precision": precision.as_dict(),
            "hit": hit.as_dict(),
            "ratio_to_sum": ratio.as_dict(),
        }
        result[arm] |= {
            "trait": float(arm_metrics["trait"].mean()),
            "type": float(arm_metrics["type"].mean()),
        }
        result[arm]["precision_of"] = by_difference
        table.add_row(
            arm,
            *(f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]" for value in (precision, ratio)),
            *(f"{result[arm][name]:.3f}" for name in ("trait", "type")),
            f"{hit.mean:.3f} [{hit.low:.3f}, {hit.high:.3f}]",
            *(f"{value:.3f}" for value in by_difference.values()),
        )
    Console(width=160).print(table)
    return result


if __name__ == "__main__":
    main()

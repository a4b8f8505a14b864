"""Does "this picture, but in blue" find what is meant? A picture and a change, on items not learnt from.

    python benchmarks/bench_composed.py STORE [--hidden 3000] [--pairs 150] [--seed 1]

Items are hidden from everything that is learnt: sides, tower, directions, words. Pairs (A, B) of them are of
one type and differ in one thing (`composed_pairs.py`): colour, pattern, shade, sleeves, length. The query is
A's picture and a text in the way of FashionIQ's captions; the answer comes from the hidden items. Judged by
the items' stated facts: precision@10, the share that is of A's type and has what was asked for; hit@50 of B.

Two shops: one whose items have texts, so that `search` can hold a wish against what an item states of itself
(as the judge does: read this as "nothing stated is overlooked"), and one whose items are pictures only, where
what was learnt from others is all there is. Arms: the picture alone; the text alone; the sum of both vectors;
our changed vector alone; ours, ranked. Intervals over A. Beside it, how much of FashionIQ's captions
(`$BOWERBIRD_DATA/dialogues`, else `../shared/data`) is understood in the words of this shop.
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
from bowerbird.embed.search.catalogue_facts import CatalogueWords
from bowerbird.embed.search.modification import parse_modification
from bowerbird.embed.search.reranking import CANDIDATES, Reranker
from bowerbird.embed.train.tower import ModalityFeatures, Tower
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.models.text import load_text_encoder
from composed_pairs import Pair, pairs_of, trait, type_of

AT, FAR = 10, 50
DIM = 256
BATCH = 64


@dataclass(frozen=True)
class Bare:
    """Everything learnt from the items that are not hidden. N items."""

    items: list[Item]
    features: ItemFeatures
    hidden: np.ndarray  # (H,) positions
    shop: CatalogueWords
    sides: ModalityEncoders
    tower: Tower
    views: ModalityFeatures  # of all items

    @classmethod
    def of(cls, store: Store, hidden: int, seed: int) -> Bare:
        catalogue = store.catalogue()
        items, features = list(catalogue.items()), compute_item_features(store, catalogue)
        both = np.flatnonzero(features.has_image & features.has_text)
        out = np.sort(np.random.default_rng(seed).permutation(both)[:hidden])
        keep = np.setdiff1d(np.arange(len(items)), out)
        said = [extract_item_words(item) for item in items]
        seen = ItemFeatures(
            *(features.image[keep], features.has_image[keep], features.text[keep], features.has_text[keep]),
            features.backbones,
        )
        sides = ModalityEncoders.of([said[row] for row in keep], seen)
        views = ModalityFeatures.of(
            sides.encode_images(features.image), sides.encode_texts(said, features.text)
        )
        tower = Tower(views.image.shape[1], views.text.shape[1], DIM)
        tower.initialize_from(_rows(views, keep))
        return cls(items, features, out, CatalogueWords.of(catalogue, keep), sides, tower, views)

    def asked(self, pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of the pictures of A, and of the texts: (P, D) each."""
        encoder, texts = load_text_encoder(self.features.backbones[1]), [pair.text for pair in pairs]
        rows = [encoder.encode(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        told = self.sides.encode_texts([extract_words(text) for text in texts], np.concatenate(rows))
        pictures = _rows(self.views, self.hidden[[pair.source for pair in pairs]]).mask(1.0, 0.0)
        return self.tower.encode(pictures), self.tower.encode(
            ModalityFeatures.of(np.zeros((len(texts), self.views.image.shape[1]), np.float32), told)
        )


def _rows(views: ModalityFeatures, rows: np.ndarray) -> ModalityFeatures:
    return views.take(torch.from_numpy(rows))


def answers_of(bare: Bare, pairs: Sequence[Pair], with_texts: bool) -> dict[str, np.ndarray]:
    """The first 50 hidden items of each query by arm, (P, 50) places among the hidden; A itself left out."""
    shown, said = bare.asked(pairs)
    every = bare.tower.encode(bare.views if with_texts else bare.views.mask(1.0, 0.0))
    # The items that were learnt from keep their texts: their facts and whole vectors are what was learnt.
    learnt = bare.tower.encode(bare.views)
    vectors = learnt.copy()
    vectors[bare.hidden] = every[bare.hidden]
    stated = list(bare.items)
    if not with_texts:
        for place in bare.hidden:
            stated[place] = Item(bare.items[place].item_id, image=b"there")
    refiner = Reranker(bare.shop, Catalogue.of(stated), VectorRows(vectors), VectorRows(bare.features.image))
    pool = vectors[bare.hidden]
    found: dict[str, list[np.ndarray]] = {}
    for pair, picture, text in zip(pairs, shown, said, strict=True):
        thing = refiner.compose_picture(picture, bare.features.image[bare.hidden[pair.source]])
        changed = refiner.apply(thing, refiner.parse(pair.text), text)
        near, cosines = nearest(pool, changed.vector[None], CANDIDATES)
        ranked = refiner.rerank(changed, bare.hidden[near[0]], cosines[0])[0]
        answers = {
            "picture": nearest(pool, picture[None], FAR + 1)[0][0],
            "text": nearest(pool, text[None], FAR + 1)[0][0],
            "sum": nearest(pool, normalize_rows(picture + text)[None], FAR + 1)[0][0],
            "ours, vector only": near[0],
            "ours": np.searchsorted(bare.hidden, ranked),
        }
        for arm, places in answers.items():
            found.setdefault(arm, []).append(places[places != pair.source][:FAR])
    return {arm: np.stack(places) for arm, places in found.items()}


def marks_of(bare: Bare, pairs: Sequence[Pair], found: np.ndarray) -> dict[str, np.ndarray]:
    """Precision@10, its two halves, and hit@50 of each pair, (P,)."""
    hidden = [bare.items[place] for place in bare.hidden]
    kinds = np.array([type_of(item) for item in hidden])
    traits = {sort: np.array([trait(item, sort) for item in hidden]) for sort in {p.sort for p in pairs}}
    wanted = np.stack([traits[p.sort][row[:AT]] == p.wanted for p, row in zip(pairs, found, strict=True)])
    alike = np.stack([kinds[row[:AT]] == kinds[p.source] for p, row in zip(pairs, found, strict=True)])
    hit = [p.target in row.tolist() for p, row in zip(pairs, found, strict=True)]
    return {
        "precision": (wanted & alike).mean(axis=1),
        "wanted": wanted.mean(axis=1),
        "type": alike.mean(axis=1),
        "hit": np.array(hit, float),
    }


def captions() -> list[str]:
    """FashionIQ's captions; none where they are not here."""
    folder = Path(os.environ.get("BOWERBIRD_DATA", "../shared/data")) / "dialogues"
    return [
        caption
        for path in sorted(folder.glob("fashioniq_cap.*.train.json"))
        for pair in json.loads(path.read_text())
        for caption in pair["captions"]
    ]


def understood(shop: CatalogueWords, said: Sequence[str]) -> dict[str, float]:
    """Shares of texts of which every word that says something became a wish, and of which something did."""
    read = [parse_modification(text, shop) for text in said]
    return {
        "captions": len(said),
        "wholly": float(np.mean([bool(one) and not one.unknown_words for one in read])),
        "partly or wholly": float(np.mean([bool(one) for one in read])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--hidden", type=int, default=3000, help="items that nothing is learnt from")
    parser.add_argument("--pairs", type=int, default=150, help="of each sort of difference, at most")
    parser.add_argument("--seed", type=int, default=1, help="draws what is hidden, the pairs and the texts")
    args = parser.parse_args()
    bare = Bare.of(Store.open(args.store), args.hidden, args.seed)
    pairs = pairs_of([bare.items[place] for place in bare.hidden], args.pairs, args.seed)
    if not pairs:
        raise SystemExit("no two items of this shop differ in one thing only, as H&M's articles do")
    result: dict[str, Any] = {"bench": "composed", "hidden": args.hidden, "pairs": len(pairs)}
    for shop, with_texts in (("items with texts", True), ("items of pictures only", False)):
        result[shop] = shown(shop, bare, pairs, answers_of(bare, pairs, with_texts))
    said = captions()
    result["fashioniq"] = understood(bare.shop, said) if said else "skipped: the captions are not here"
    Console().print("FashionIQ's captions:", result["fashioniq"])
    print(json.dumps(result))


def shown(shop: str, bare: Bare, pairs: Sequence[Pair], answers: dict[str, np.ndarray]) -> dict[str, Any]:
    """Print one shop's table; the same as JSON's types."""
    marks = {arm: marks_of(bare, pairs, found) for arm, found in answers.items()}
    sorts = np.array([pair.sort for pair in pairs])
    table = Table(title=f"{shop}, {len(pairs)} queries", title_justify="left")
    for column in ("arm", f"precision@{AT}", "× sum", "wanted", "type", f"hit@{FAR}", *dict.fromkeys(sorts)):
        table.add_column(column)
    told: dict[str, Any] = {}
    for arm, mark in marks.items():
        precision, hit = mean_interval(mark["precision"]), mean_interval(mark["hit"])
        ratio = paired_intervals(mark["precision"], marks["sum"]["precision"])[1]
        of_sort = {s: float(mark["precision"][sorts == s].mean()) for s in dict.fromkeys(sorts.tolist())}
        told[arm] = {"precision": precision.as_dict(), "hit": hit.as_dict(), "ratio_to_sum": ratio.as_dict()}
        told[arm] |= {"wanted": float(mark["wanted"].mean()), "type": float(mark["type"].mean())}
        told[arm]["precision_of"] = of_sort
        table.add_row(
            arm,
            *(f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in (precision, ratio)),
            *(f"{told[arm][name]:.3f}" for name in ("wanted", "type")),
            f"{hit.mean:.3f} [{hit.low:.3f}, {hit.high:.3f}]",
            *(f"{one:.3f}" for one in of_sort.values()),
        )
    Console(width=160).print(table)
    return told


if __name__ == "__main__":
    main()

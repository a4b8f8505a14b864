"""A fitted ranker as files in a version's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from bowerbird.data.versions.version import Version
from bowerbird.errors import StoreError
from bowerbird.recommend.context import ItemContext, SourceContext
from bowerbird.recommend.meta import CompletionMeta, RankerMeta
from bowerbird.recommend.models.popularity import Popularity
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.ranker.trees import Trees
from bowerbird.recommend.sources import SOURCES

CONTEXT_FILE, BOOSTER_FILE = "context.npz", "booster.txt"
POPULARITY = ("total", "recent", "items", "at", "early", "id_ranks", "approval")
BROKEN = (StoreError, OSError, ValueError, KeyError, TypeError, BadZipFile)
"""What reading a version raises whose files are broken or of another format."""
_SPARSE = ("data", "indices", "indptr", "shape")


def write_ranker(folder: Path, ranker: HybridRanker) -> None:
    """Write a fitted ranker into a version's folder, for `read_ranker`."""
    context = ranker.context
    popularity = {name: getattr(context.popularity, name) for name in POPULARITY}
    _save_arrays(folder / CONTEXT_FILE, {"first_seen": context.first_seen, **popularity})
    for source in ranker.sources:
        _save_arrays(folder / f"{source.name}.npz", source.arrays())
    if ranker.trees is not None:
        (folder / BOOSTER_FILE).write_text(ranker.trees.text)


def read_ranker(
    items: ItemContext, version: Version, meta_type: type[RankerMeta | CompletionMeta]
) -> HybridRanker:
    """Read what `write_ranker` wrote. Raises one of `BROKEN` where it did not, or files are broken."""
    meta, path = version.read_meta(meta_type), version.path
    config = meta.config
    ranker = HybridRanker(items, config)
    arrays = dict(_load_arrays(path / CONTEXT_FILE))
    popularity = Popularity(**{name: arrays[name] for name in POPULARITY}, config=config.source.popularity)
    ranker.context = SourceContext(items, popularity, arrays["first_seen"], config.source)
    ranker.sources = [
        source.from_arrays(_load_arrays(path / f"{source.name}.npz"), ranker.context) for source in SOURCES
    ]
    ranker.report = meta.report
    if (path / BOOSTER_FILE).exists():
        ranker.trees = Trees((path / BOOSTER_FILE).read_text())
    return ranker


def _save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays and sparse matrices; a matrix becomes its four arrays, `name.data` and so on."""
    flat: dict[str, NDArray[Any]] = {}
    for name, value in arrays.items():
        if sparse.issparse(value):
            flat |= {f"{name}.{part}": np.asarray(getattr(value.tocsr(), part)) for part in _SPARSE}
        else:
            flat[name] = value
    np.savez(path, allow_pickle=False, **flat)


def _load_arrays(path: Path) -> Mapping[str, Any]:
    """Read what `_save_arrays` wrote."""
    with np.load(path) as file:
        flat = {name: file[name] for name in file.files}
    arrays = {name: value for name, value in flat.items() if "." not in name}
    for name in {name.split(".")[0] for name in flat if "." in name}:
        data, indices, indptr, shape = (flat[f"{name}.{part}"] for part in _SPARSE)
        arrays[name] = sparse.csr_matrix((data, indices, indptr), shape=tuple(shape.tolist()))
    return arrays

"""What there is to be drawn to: groups of items grown from vectors, named by the catalogue's own words."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import write_atomically

LEAST_GROUPS, MOST_GROUPS = 4, 200
ITEMS_A_GROUP = 12  # items for each group in small catalogues; larger ones have sqrt(items) groups
ROUNDS = 12  # of k-means
MOST_READ = 100_000  # items whose words name the groups: evenly spread where there are more
NAMING = ("style", "pattern", "material", "colour", "genre", "brand")
"""Attributes that may name a group, beside its type, in the order in which they read well."""


@dataclass(frozen=True)
class Interests:
    """K groups of items: each item's group, each group's centre and name."""

    group: np.ndarray  # (items,) int64; -1 for items without a vector
    centres: np.ndarray  # (K, D) float32, rows of length 1
    names: list[str]
    words: list[list[str]]

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def grown(cls, matrix: np.ndarray, catalogue: Catalogue) -> Interests:
        """Grow groups from item vectors, (items, D), by spherical k-means (Dhillon & Modha, 2001)."""
        known = np.flatnonzero(matrix.any(axis=1))
        centres = _spherical_means(matrix[known], _count_for(len(known)))
        group = _grouped(matrix, centres)
        words = _words_of(group, len(centres), catalogue)
        return cls(group, centres, _told_apart([" · ".join(said) for said in words]), words)

    # -- kept on disk, because k-means over a large catalogue takes seconds -------------------------------

    @classmethod
    def loaded(
        cls,
        folder: Path,
        key: str,
        matrix: Callable[[], np.ndarray],
        catalogue: Catalogue,
        fits: Callable[[str], bool] = lambda key: False,
    ) -> Interests:
        """The groups for this version of the vectors and the catalogue (`key`), kept for the next time.

        Where they are not there yet, kept groups whose key `fits` (vectors in the same space) go on with
        today's items, so that what people said of an interest by its name stays said; else they are grown.
        """
        stem = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
        arrays, text = folder / f"interests-{stem}.npz", folder / f"interests-{stem}.json"
        try:
            with np.load(arrays) as kept:
                said = json.loads(text.read_text())
                return cls(kept["group"], kept["centres"], said["names"], said["words"])
        except (OSError, ValueError, KeyError, BadZipFile):
            pass  # not there yet, or broken: grown anew
        rows = matrix()
        grown = cls._gone_on(folder, rows, fits) or cls.grown(rows, catalogue)
        for old in folder.glob("interests-*"):
            old.unlink(missing_ok=True)
        beside = folder / f".{uuid.uuid4().hex[:6]}-{arrays.name}"
        np.savez(beside, group=grown.group, centres=grown.centres)
        beside.replace(arrays)
        said = {"key": key, "names": grown.names, "words": grown.words}
        write_atomically(text, json.dumps(said).encode())
        return grown

    @classmethod
    def _gone_on(cls, folder: Path, matrix: np.ndarray, fits: Callable[[str], bool]) -> Interests | None:
        """Kept groups around the centres that they had; None where none fit, or they are broken."""
        for text in folder.glob("interests-*.json"):
            try:
                said = json.loads(text.read_text())
                if "key" not in said or not fits(said["key"]):
                    continue
                with np.load(text.with_suffix(".npz")) as kept:
                    centres = kept["centres"]
            except (OSError, ValueError, KeyError, BadZipFile):
                continue
            if len(centres):
                return cls(_grouped(matrix, centres), centres, said["names"], said["words"])
        return None


def _count_for(n_items: int) -> int:
    wanted = max(n_items / ITEMS_A_GROUP if n_items < 400 else 0, math.sqrt(n_items) * 1.5)
    return min(n_items, max(LEAST_GROUPS, min(MOST_GROUPS, round(wanted))))


def _spherical_means(rows: np.ndarray, count: int) -> np.ndarray:
    """Centres of length 1, (count, D); the start is drawn far apart, with a fixed seed."""
    if not count:
        return np.zeros((0, rows.shape[1]), np.float32)
    generator = np.random.default_rng(0)
    sample = rows[np.sort(generator.permutation(len(rows))[:20_000])]
    centres = _far_apart(sample, count, generator)
    for _ in range(ROUNDS):
        group = _nearest_centre(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, group, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), centres).astype(np.float32)
    return centres


def _far_apart(rows: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """k-means++ seeds (Arthur & Vassilvitskii, 2007): each drawn by its squared distance to those before."""
    chosen = [int(generator.integers(len(rows)))]
    distance = np.full(len(rows), np.inf)
    for _ in range(count - 1):
        distance = np.minimum(distance, np.maximum(0.0, 2 - 2 * (rows @ rows[chosen[-1]])))
        total = distance.sum()
        odds = distance / total if total > 0 else None
        chosen.append(int(generator.choice(len(rows), p=odds)))
    centres: np.ndarray = rows[chosen].astype(np.float32)
    return centres


def _grouped(matrix: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Number of the nearest centre of each item, (items,); -1 for items without a vector."""
    known = np.flatnonzero(matrix.any(axis=1))
    group = np.full(len(matrix), -1, np.int64)
    if len(known):
        group[known] = _nearest_centre(matrix[known], centres)
    return group


def _nearest_centre(rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
    blocks = [(rows[start : start + 4096] @ centres.T).argmax(1) for start in range(0, len(rows), 4096)]
    return np.concatenate(blocks)


def _words_of(group: np.ndarray, count: int, catalogue: Catalogue) -> list[list[str]]:
    """For each group its type and the attribute values that tell it from the rest of the catalogue."""
    everywhere: Counter[tuple[str, str]] = Counter()
    within: list[Counter[tuple[str, str]]] = [Counter() for _ in range(count)]
    read = np.arange(0, len(catalogue), max(1, -(-len(catalogue) // MOST_READ)))
    sizes = np.bincount(group[read][group[read] >= 0], minlength=count)
    for position in read.tolist():
        said = _facts(catalogue.item(position))
        everywhere.update(said)
        if group[position] >= 0:
            within[group[position]].update(said)
    share_of_all = {fact: n / max(1, len(read)) for fact, n in everywhere.items()}
    return [_telling(within[k], int(sizes[k]), share_of_all) for k in range(count)]


def _facts(item: Item) -> list[tuple[str, str]]:
    facts = [("type", item.attributes.get("type") or (item.category[-1] if item.category else ""))]
    for name in NAMING:
        values = (
            item.attributes.get(name, "").split(", ") if name == "genre" else [item.attributes.get(name, "")]
        )
        facts += [(name, value) for value in values]
    facts += [("brand", item.brand)]
    return [(name, value) for name, value in dict.fromkeys(facts) if value]


def _telling(
    counts: Counter[tuple[str, str]], size: int, everywhere: dict[tuple[str, str], float]
) -> list[str]:
    """At most three values that most of a group shares and the catalogue does not: share × log lift."""
    scored = []
    for (name, value), n in counts.items():
        share = n / max(1, size)
        lift = share / everywhere[name, value]
        if share >= 0.34 and lift > 1.2:
            scored.append((share * math.log(lift), name, value))
    best: dict[str, tuple[float, str]] = {}
    for score, name, value in sorted(scored, key=lambda one: (-one[0], one[1:])):
        best.setdefault(name, (score, value))
    kept = sorted(best.items(), key=lambda one: -one[1][0])[:3]
    order = (*NAMING[:4], "type", *NAMING[4:])
    named = sorted(kept, key=lambda one: order.index(one[0]))
    words = [value if name == "brand" else value.lower() for name, (_, value) in named]
    if words:
        return words
    common = [value for (name, value), _ in counts.most_common() if name in ("type", "genre")][:2]
    return common or ["mixed"]


def _told_apart(names: Sequence[str]) -> list[str]:
    """Two groups of one name get numbers, so that a person can say which is meant."""
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result

"""Trains the tower on a store's content and engagement, and publishes the items' vectors.

Each pass of a lesson (see `lesson`) is judged on people and items that it leaves out, with more and with less
trust in what was learned. The best state is turned so that its first dimensions stand alone (see `nested`)
and published: the untrained one, if nothing helped.
"""

from __future__ import annotations

import hashlib
import json
import math
import resource
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from bowerbird.data.collection_likes import select_training_sets
from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store, Version
from bowerbird.embed.encode.adapted_backbones import Side
from bowerbird.embed.encode.features import ItemFeatures, item_features
from bowerbird.embed.encode.modalities import Sides, words_of
from bowerbird.embed.encode.precompute import LOCAL, Precompute
from bowerbird.embed.finetune.finetuning import Shop, UnfreezeConfig, names_of, unfrozen_backbones
from bowerbird.embed.index.rows import int8_of, unit
from bowerbird.embed.train.changes import contents_of, likes_key
from bowerbird.embed.train.negatives import categories_of
from bowerbird.embed.train.neighbours import Strings
from bowerbird.embed.train.objective import Lesson, Material
from bowerbird.embed.train.seeds import over_seeds
from bowerbird.embed.train.tower import Tower, Views
from bowerbird.embed.train.validation import Judge, Lots, Quality
from bowerbird.embed.train.version_files import VersionFiles
from bowerbird.errors import InputError
from bowerbird.progress import track

PATIENCE = 3
TRUSTS = (0.15, 0.3, 0.5, 1.0)
"""Shares of what was learned that are tried: in full it pulls known items away from new ones."""
TRUST_UNJUDGED = 0.3


@dataclass(frozen=True)
class EmbedConfig:
    """Settings of one training."""

    dim: int = 256
    """Width of an item vector."""
    epochs: int = 12
    """Passes over the neighbour pairs at most; fewer where the judged quality stops rising."""
    seed: int = 0
    seeds: int = 1
    """Trainings, with `seed` and the numbers after it. The first is published; all are told of."""
    holdout: Literal["default", "none"] = "default"
    """`default` keeps people and the newest events away, for `evaluate`; `none` learns from everything."""
    precision: Literal["float16", "int8"] = "float16"
    """How vectors are kept: int8 takes half the room."""
    image_backbone: str = "efficientnet-lite0"
    text_backbone: str = "minilm-l6"
    unfreeze: int = 0
    """Top blocks of the backbones that are trained on the store first; 0 leaves them as they came."""
    unfreeze_only: Side | None = None

    def __post_init__(self) -> None:
        if not 8 <= self.dim <= 1024:
            raise InputError(f"the width of a vector is {self.dim}, expected 8 to 1024")
        if self.seeds < 1:
            raise InputError(f"{self.seeds} seeds train nothing, expected 1 or more")
        if self.epochs < 0:
            raise InputError(f"{self.epochs} epochs make no training, expected 0 or more")
        if self.holdout not in ("default", "none"):
            raise InputError(f"the holdout is {self.holdout!r}, expected default or none")
        if self.unfreeze < 0:
            raise InputError(f"the top {self.unfreeze} blocks can't be unfrozen, expected 0 or more")
        if self.unfreeze_only not in (None, "image", "text"):
            raise InputError(f"the side to unfreeze is {self.unfreeze_only!r}, expected image or text")


def train_embedding(
    store: Store, config: EmbedConfig = EmbedConfig(), precompute: Precompute = LOCAL
) -> Version:
    """Train on the store and publish a version of `vectors`; its `meta` says from what and how well.

    Raises `StoreError` where the store has no items or is being written, `BackboneError` where a backbone
    can't be had.
    """
    started = time.monotonic()
    with store.lock("embed"):
        catalogue = store.catalogue()
        features = item_features(store, catalogue, config.image_backbone, config.text_backbone, precompute)
        encoded = time.monotonic()
        events = Interactions.of(store.log.read(), catalogue)
        holdout = Holdout.default(events) if config.holdout == "default" else Holdout(None, 0.0)
        sets = select_training_sets(store.collections(), events, catalogue, holdout)
        strings = Strings.of(holdout.training(events), sets)
        said = [words_of(item) for item in catalogue.items()]
        lots = Lots.of(events.users, catalogue.ids, config.seed)
        adapted = None
        if config.unfreeze:
            shop = Shop(catalogue, said, features, strings, lots)
            asked = UnfreezeConfig(config.unfreeze, config.unfreeze_only, config.seed, config.dim)
            adapted = unfrozen_backbones(store, shop, asked)
            features = item_features(store, catalogue, *names_of(adapted, features.backbones), precompute)
        sides = Sides.of(said, features)
        shown = sides.shown(features.image)
        told = sides.told(said, features.text)
        generic = generic_vectors(features)
        views, categories = Views.of(shown, told), categories_of(catalogue)

        def trained(seed: int) -> tuple[Fit, Lots]:
            lots = Lots.of(events.users, catalogue.ids, seed)
            return fit_tower(views, generic, strings, lots, replace(config, seed=seed), categories), lots

        fit, lots = trained(config.seed)
        others = [trained(config.seed + k)[0].metrics for k in range(1, config.seeds)]
        meta: dict[str, Any] = {
            "items": len(catalogue),
            **settings_of(config, features.backbones),
            "unfrozen": adapted and adapted.meta,
            "holdout": asdict(holdout),
            "sides": sides.widths,
            "likes": len(strings),
            "epochs": fit.epochs,
            "metrics": fit.metrics,
            "over_seeds": over_seeds(config.seed, [fit.metrics, *others]),
            "inputs": _fingerprint(catalogue.ids, features, strings),
            "likes_key": likes_key(strings, lots),
            "learned_until": int(strings.at.max(initial=0)),
            "judged_below": fit.judged_below,
        }
        files = VersionFiles(
            catalogue.ids,
            kept_as(fit.vectors, config.precision),
            generic,
            np.concatenate([told, shown], axis=1),
            contents_of(said, features),
            sides,
            fit.tower.state_dict(),
            fit.offsets,
        )

        def write(folder: Path) -> None:
            files.write(folder)
            meta.update(spent(started, encoded))

        return store.publish("vectors", meta, write)


def settings_of(config: EmbedConfig, backbones: tuple[str, str]) -> dict[str, Any]:
    """What `meta.json` tells of the settings; `backbones` are the image and the text encoder's names."""
    return {
        "dim": config.dim,
        "seed": config.seed,
        "config": asdict(config),
        "backbones": dict(zip(("image", "text"), backbones, strict=True)),
    }


def spent(started: float, encoded: float) -> dict[str, Any]:
    """What `meta.json` tells of the time and memory that it took; moments are those of `time.monotonic`."""
    return {
        "seconds": {
            "features": round(encoded - started, 2),
            "training": round(time.monotonic() - encoded, 2),
        },
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def kept_as(vectors: np.ndarray, precision: str) -> np.ndarray:
    """(N, D) float32 as they lie on disk."""
    return int8_of(vectors) if precision == "int8" else vectors.astype(np.float16)


def generic_vectors(features: ItemFeatures) -> np.ndarray:
    """The frozen features side by side, (items, Di + Dt) float32 of length 1: the untrained baseline."""
    return unit(np.concatenate([features.image, features.text], axis=1))


@dataclass(frozen=True)
class Fit:
    """A trained tower and what it says of every item."""

    tower: Tower
    offsets: np.ndarray  # (items, dim) float32, what pairs taught of one item beyond its content
    vectors: np.ndarray  # (items, dim) float32 of length 1; zeros for items without features
    epochs: int
    metrics: dict[str, Any]
    judged_below: tuple[float, float]
    """The highest lots of the people and of the items that judged: nobody below was learned from."""


def fit_tower(
    views: Views,
    generic: np.ndarray,
    strings: Strings,
    lots: Lots,
    config: EmbedConfig,
    categories: np.ndarray | None = None,
) -> Fit:
    """Train a tower on content and likes. Owners in `strings` that drew a lot are persons; `generic` (N, E)
    are vectors that are judged beside it; `categories` (N,) int64 a number for each item's category."""
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    judge = Judge(strings, lots, both_sides=(views.has_image * views.has_text)[:, 0].numpy() > 0)
    lesson = Lesson(Material(views, judge.training, categories, judge.across), config.dim, rng)
    before = after = lesson.quality(judge) if judge else None
    frozen = judge.quality(generic) if judge else None
    best, best_epoch, best_trust = lesson.trusting(0.0), 0, 0.0
    for epoch in track(range(1, config.epochs + 1), "training the tower"):
        lesson.epoch()
        if after is None:
            best, best_epoch, best_trust = lesson.trusting(TRUST_UNJUDGED), epoch, TRUST_UNJUDGED
            continue
        for trust in TRUSTS:
            state = lesson.trusting(trust)
            quality = lesson.quality(judge, state)
            if quality.score > after.score:
                best, best_epoch, best_trust, after = state, epoch, trust, quality
        if epoch - best_epoch >= PATIENCE:
            break
    lesson.restore(best)
    lesson.lay_out(config.seed)
    offsets = lesson.offset.weight.detach()
    vectors = lesson.tower.encode(views, offsets)
    metrics = {
        "trust": best_trust,
        "what": "the mean of a person's likes finds the last fifth of them; no pair holds these people",
        "people": len(judge.people),
        "generic": numbers_of(frozen),
        "untrained": numbers_of(before),
        "tower": numbers_of(after),
        "first quarter": numbers_of(judge.quality(unit(vectors[:, : config.dim // 4])) if judge else None),
    }
    return Fit(lesson.tower, offsets.numpy(), vectors, best_epoch, metrics, judge.below)


def numbers_of(quality: Quality | None) -> dict[str, float | None] | None:
    """As `meta.json` tells it; None for NaN, which JSON has not."""
    if quality is None:
        return None
    return {name: None if math.isnan(value) else round(value, 5) for name, value in asdict(quality).items()}


def _fingerprint(ids: list[str], features: ItemFeatures, strings: Strings) -> str:
    """128 bits that change with anything that the training read."""
    digest = hashlib.blake2b(json.dumps(ids).encode(), digest_size=16)
    for array in (features.image, features.text, strings.items, strings.owner, strings.at):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

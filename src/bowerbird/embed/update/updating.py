"""A new version of the vectors from the one in force: what is new is taken in, what was is kept.

Sides and backbones stay as they are; only new and changed items are encoded; the tower goes on from its
weights (see `warm_start`) and is turned back onto the space it had (see `alignment`). So people's states, a
graft and kept queries of the version before stay of use; how much they lose is measured and written down.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from bowerbird.data.store import Store, Version
from bowerbird.embed.encode.features import item_features
from bowerbird.embed.encode.precompute import LOCAL, Precompute
from bowerbird.embed.index.rows import unit
from bowerbird.embed.train.alignment import rotation, turned
from bowerbird.embed.train.objective import Material
from bowerbird.embed.train.tower import Views
from bowerbird.embed.train.validation import Judge
from bowerbird.embed.train.version_files import Before, VersionFiles
from bowerbird.embed.training import EmbedConfig, generic_vectors, kept_as, settings_of, spent
from bowerbird.embed.update.changeset import News
from bowerbird.embed.update.drift import cases_of, moved, old_state_recall
from bowerbird.embed.update.warm_start import continue_tower
from bowerbird.errors import InputError


@dataclass(frozen=True)
class UpdateConfig:
    """Settings of one update; None is what the version in force was made with."""

    epochs: int = 3
    """Passes over what is new and as much of what was."""
    dim: int | None = None
    """Width of an item vector; another one can't be updated to."""
    holdout: Literal["default", "none"] | None = None
    precision: Literal["float16", "int8"] | None = None
    image_backbone: str | None = None
    text_backbone: str | None = None


def update_embedding(
    store: Store, config: UpdateConfig = UpdateConfig(), precompute: Precompute = LOCAL
) -> Version | None:
    """Publish a version that takes in what is new since the one in force; None where nothing is.

    Raises `StoreError` where there is no version to start from, `InputError` where another width, another
    backbone, or a holdout of what was learned already is asked for.
    """
    started = time.monotonic()
    with store.lock("embed --update"):
        before = Before.open(store)
        settings = _settings(before.vectors.meta, config)
        catalogue = store.catalogue()
        # By the names of the version, which are those of adapted backbones where it was made with such.
        names = before.vectors.meta["backbones"]
        features = item_features(store, catalogue, names["image"], names["text"], precompute)
        encoded = time.monotonic()
        news = News.of(store, catalogue, features, before, keep_out=settings.holdout == "default")
        if not news:
            return None
        kept_before = news.items.carried(before.vectors.kept)
        old = unit(kept_before)
        fit = _continued(before, news, settings, kept_before, old[news.items.same])
        new = unit(fit.kept)
        cases = cases_of(news.strings, news.lots, store.settings.half_life_days)
        meta = _lineage(before) | {
            "items": len(catalogue),
            **settings_of(settings, features.backbones),
            "unfrozen": before.vectors.meta.get("unfrozen"),
            "holdout": asdict(news.holdout),
            "sides": before.sides.widths,
            "likes": len(news.strings),
            "likes_key": news.likes_key,
            "learned_until": int(news.strings.at.max(initial=0)),
            "judged_below": before.vectors.meta["judged_below"],
            "epochs": fit.epochs,
            "metrics": fit.metrics,
            "update": {
                "items": news.items.counts,
                "likes": news.likes,
                "unseen_words": news.unseen_words,
                "moved": moved(new[news.items.same], old[news.items.same]),
                "moved_before_alignment": fit.moved_before_alignment,
                "old_state": old_state_recall(new, old, cases),
            },
        }
        files = VersionFiles(
            catalogue.ids,
            fit.kept,
            generic_vectors(features),
            np.concatenate([news.told, news.shown], axis=1),
            news.contents,
            before.sides,
            fit.tower,
            fit.offsets,
        )

        def write(folder: Path) -> None:
            files.write(folder)
            meta.update(spent(started, encoded))

        return store.publish("vectors", meta, write)


def _settings(meta: dict[str, Any], config: UpdateConfig) -> EmbedConfig:
    """The version's settings with what may be changed. Raises `InputError` for what may not."""
    was = EmbedConfig(**meta["config"])
    for name, what in (
        ("dim", "width"),
        ("image_backbone", "image backbone"),
        ("text_backbone", "text backbone"),
    ):
        wanted, there = getattr(config, name), getattr(was, name)
        if wanted is not None and wanted != there:
            raise InputError(
                f"an update keeps the {what}: the vectors in force have {there}, {wanted} was asked for; run "
                "`bowerbird embed` without --update to train anew"
            )
    if was.holdout == "none" and config.holdout == "default":
        raise InputError(
            "the vectors in force were learned from everything, so an update can't hold anything out: leave "
            "out --holdout, or run `bowerbird embed` without --update"
        )
    return replace(
        was,
        epochs=config.epochs,
        holdout=config.holdout or was.holdout,
        precision=config.precision or was.precision,
    )


def _lineage(before: Before) -> dict[str, Any]:
    """Which versions' space this is, and what training it from nothing took."""
    vectors = before.vectors
    return {
        "updated_from": vectors.version,
        "aligned_with": [vectors.version, *vectors.meta.get("aligned_with", [])],
        "full_training": vectors.meta.get("full_training", vectors.meta["seconds"]),
    }


@dataclass(frozen=True)
class _Fit:
    kept: np.ndarray  # (N, D) float16 or int8
    tower: dict[str, torch.Tensor]
    offsets: np.ndarray  # (N, D) float32
    epochs: int
    metrics: dict[str, Any]
    moved_before_alignment: dict[str, float] | None


def _continued(
    before: Before, news: News, settings: EmbedConfig, kept_before: np.ndarray, old: np.ndarray
) -> _Fit:
    """The tower trained on what is new, and turned back onto the space it had.

    `kept_before` (N, D) are the vectors before, in today's order; `old` (n, D) unit rows of the unchanged
    items among them.
    """
    same = news.items.same
    offsets = news.items.carried(before.offsets)
    people_below, items_below = before.vectors.meta["judged_below"]
    views = Views.of(news.shown, news.told)
    both = (views.has_image * views.has_text)[:, 0].numpy() > 0
    judge = Judge(news.strings, news.lots, (people_below, items_below), both)
    # Items alone teach nothing that a projection of them would not know.
    epochs = settings.epochs if news.other_likes else 0
    fit = continue_tower(
        Material(views, judge.training, news.categories, judge.across),
        (before.tower, torch.from_numpy(offsets)),
        judge,
        before.vectors.meta["learned_until"],
        replace(settings, epochs=epochs),
    )
    tower, learned = fit.state
    moved_before_alignment = moved(fit.vectors[same], old)
    if not fit.share:
        kept = kept_as(fit.vectors, settings.precision)
        if kept.dtype == kept_before.dtype:  # to the bit, so that an index goes on with them
            kept[same] = kept_before[same]
        return _Fit(kept, tower, offsets, fit.epochs, fit.metrics, moved_before_alignment)
    turn = rotation(fit.vectors[same], old)
    return _Fit(
        kept_as(fit.vectors @ turn, settings.precision),
        turned(tower, turn),
        learned.numpy() @ turn,
        fit.epochs,
        fit.metrics,
        moved_before_alignment,
    )

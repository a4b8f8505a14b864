"""Updates the current version of the vectors with new items and likes.

Modality encoders and backbones stay as they are; only new and changed items are encoded; the tower continues
from its weights (see `warm_start`) and is rotated back to its previous space (see `train.alignment`). So user
states, a graft and cached queries of the previous version stay usable; how much they lose is measured and
saved.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bowerbird.choices import HoldoutChoice
from bowerbird.data.arrays import FloatArray
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.embed.config import UPDATE_DEFAULTS, EmbedConfig, UpdateConfig
from bowerbird.embed.encode.features import compute_item_features
from bowerbird.embed.encode.precompute import LOCAL, Precompute
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.meta import VectorsMeta
from bowerbird.embed.train.version_files import PreviousVersion, VersionFiles
from bowerbird.embed.training import add_cost, generic_vectors
from bowerbird.embed.update.changeset import Changeset
from bowerbird.embed.update.drift import measure_movement, old_state_recall, select_cases
from bowerbird.embed.update.further_training import UpdateFit, train_further
from bowerbird.embed.update_report import UpdateReport
from bowerbird.errors import InputError


def update_embedding(
    store: Store, config: UpdateConfig = UPDATE_DEFAULTS, precompute: Precompute = LOCAL
) -> Version | None:
    """Publish a version with what is new since the current one; None if nothing is new.

    Raises `StoreError` without a version to start from, `InputError` if another width, another backbone,
    or a holdout of what was trained on already is requested.
    """
    started = time.monotonic()
    with store.training_lock("bowerbird embed --update"):
        snapshot = store.snapshot()  # its pictures stay, whatever is imported meanwhile
        previous = PreviousVersion.open(store)
        settings = _merge_settings(previous.vectors.meta.config, config)
        catalogue = snapshot.imported
        # The backbones of the version, which may be adapted ones.
        names = previous.vectors.meta.backbones or {}
        features = compute_item_features(store, catalogue, names["image"], names["text"], precompute)
        encoded = time.monotonic()
        hold_out = settings.holdout is HoldoutChoice.DEFAULT
        changeset = Changeset.of(store, catalogue, features, previous, hold_out=hold_out)
        if not changeset:
            return None
        previous_stored = changeset.items.reorder(previous.vectors.stored)
        old = normalize_rows(previous_stored)
        fit = train_further(
            previous, changeset, settings, config, previous_stored, old[changeset.items.unchanged]
        )
        meta = replace(
            _lineage(previous),
            config=settings,
            items=len(catalogue),
            holdout=changeset.holdout,
            likes=len(changeset.sequences),
            likes_hash=changeset.likes_hash,
            trained_until=int(changeset.sequences.at.max(initial=0)),
            epochs=fit.epochs,
            metrics=fit.metrics,
            update=_report(changeset, fit, old, store.settings.taste.half_life_days),
        )
        files = VersionFiles(
            catalogue.ids,
            fit.stored,
            generic_vectors(features),
            np.concatenate([changeset.text, changeset.image], axis=1),
            changeset.content_keys,
            previous.encoders,
            fit.tower,
            fit.offsets,
        )

        def write(folder: Path) -> VectorsMeta:
            files.write(folder)
            return add_cost(meta, started, encoded)

        with store.lock("bowerbird embed --update", wait=True):
            return store.publish(VectorsMeta.KIND, meta, write)


def _report(
    changeset: Changeset, fit: UpdateFit, old: FloatArray, half_life_days: Sequence[float]
) -> UpdateReport:
    """What an update changed; `old` (N, D): the previous vectors in the current order, of length 1."""
    new, unchanged = normalize_rows(fit.stored), changeset.items.unchanged
    cases = select_cases(changeset.sequences, changeset.split, half_life_days)
    return UpdateReport(
        changeset.items.counts,
        changeset.likes,
        changeset.unknown_words,
        measure_movement(new[unchanged], old[unchanged]),
        fit.moved_before_alignment,
        old_state_recall(new, old, cases),
    )


def _merge_settings(previous: EmbedConfig, config: UpdateConfig) -> EmbedConfig:
    """The version's settings with the requested changes. Raises `InputError` for impossible ones."""
    for name, description in (
        ("dim", "width"),
        ("image_backbone", "image backbone"),
        ("text_backbone", "text backbone"),
    ):
        requested, current = getattr(config, name), getattr(previous, name)
        if requested is not None and requested != current:
            raise InputError(
                f"an update keeps the {description}: the current vectors have {current}, {requested} was "
                "requested; run `bowerbird embed` without --update to train from scratch"
            )
    if previous.holdout is HoldoutChoice.NONE and config.holdout is HoldoutChoice.DEFAULT:
        raise InputError(
            "the current vectors were trained on everything, so an update can't hold anything out: leave out "
            "--holdout, or run `bowerbird embed` without --update"
        )
    return replace(
        previous,
        epochs=config.epochs,
        holdout=config.holdout or previous.holdout,
        precision=config.precision or previous.precision,
    )


def _lineage(previous: PreviousVersion) -> VectorsMeta:
    """The previous version's meta, with the versions whose space this is and the cost of training it."""
    vectors = previous.vectors
    return replace(
        vectors.meta,
        updated_from=vectors.version,
        aligned_with=(vectors.version, *vectors.meta.aligned_with),
        full_training=vectors.meta.full_training or vectors.meta.seconds,
        over_seeds=None,
        inputs="",
    )

"""Fine-tunes the top blocks of a store's backbones on its content and engagement, and keeps them if that
helped.

The objective is that of the tower: neighbours close together, an item's picture and its text close together,
and no change of content neighbourhoods without a reason; see `content_space`. Everything below the top blocks
stays frozen. Held-out users and items validate each round; the best round is published, and only if it is
better than the frozen backbones.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from bowerbird.choices import Modality
from bowerbird.data.arrays import BoolArray
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.embed.config import FinetuneConfig
from bowerbird.embed.encode.adapted_backbones import (
    EncoderSource,
    adapted_backbone_name,
    compute_identity,
    find_adapted_version,
    versions_in_use,
    weights_path,
)
from bowerbird.embed.finetune.backbone_validation import BackboneValidator
from bowerbird.embed.finetune.checkpoints import Checkpoint, CheckpointFile
from bowerbird.embed.finetune.run import FinetuningData as FinetuningData
from bowerbird.embed.finetune.run import FinetuningRun
from bowerbird.embed.finetune.trainable_backbone import TrainableEncoder, load_trainable_encoder
from bowerbird.embed.meta import BackbonesMeta
from bowerbird.embed.train.content_changes import hash_likes
from bowerbird.errors import InputError
from bowerbird.progress import print_progress

Tensors = dict[str, torch.Tensor]


def finetune_backbones(store: Store, data: FinetuningData, config: FinetuneConfig) -> Version | None:
    """Fine-tune backbones and publish a version of `backbones`; the same data and settings train only once.

    Its meta says whether it `is_better` than the frozen ones; if not, it holds no weights. None if there
    are too few users for validation. A killed run resumes from its last checkpoint. The caller holds the
    store's lock. Raises `BackboneError` if a backbone is not available or has too few blocks, `InputError` if
    no item has the requested modality.
    """
    # An item with neither has no feature that training could change.
    usable = np.flatnonzero(data.features.has_image | data.features.has_text)
    validator = BackboneValidator(data.sequences, data.split, data.item_words, usable, config)
    if not validator:
        print_progress("too few users to validate adapted backbones: the backbones stay frozen")
        return None
    inputs = _hash_inputs(data, config)
    published = find_adapted_version(store, inputs)
    if published is not None:
        return published
    started = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoders = load_encoders(store, data, config, device)
    checkpoint_file = CheckpointFile(store.path / BackbonesMeta.KIND, inputs)
    run = FinetuningRun(data, validator, encoders, config, usable)
    checkpoint = checkpoint_file.read() or Checkpoint.initial(run.trained, run.validate())
    if device.type == "cpu":
        print_progress(run.forecast())
    checkpoint = run.train(checkpoint, checkpoint_file)
    trained = collect_trained(encoders, checkpoint)
    bases = {encoder.modality: encoder.network.name for encoder in encoders}
    meta = BackbonesMeta(
        config=config,
        inputs=inputs,
        bases={str(modality): base for modality, base in bases.items()},
        identities={
            modality: compute_identity(
                bases[modality], {name: tensor.numpy() for name, tensor in tensors.items()}
            )
            for modality, tensors in trained.items()
        },
        device=str(device),
        rounds=checkpoint.round,
        best_round=checkpoint.best_round,
        users=validator.n_users,
        validated_items=len(validator.items),
        frozen=checkpoint.history[0],
        adapted=checkpoint.history[checkpoint.best_round],
        scores=tuple(round(quality.score, 5) for quality in checkpoint.history),
        seconds=round(time.monotonic() - started, 1),
    )
    # Published even if it did not help: otherwise the next `embed` would have to find out again.
    version = _publish(store, meta, trained)
    # Not before: a run that is killed while publishing resumes from it.
    checkpoint_file.remove()
    return version


def select_backbones(version: Version | None, frozen: tuple[str, str]) -> tuple[str, str]:
    """Names of the image and text encoders to use: the adapted ones of a version where they are better."""
    if version is None:
        return frozen
    identities = version.read_meta(BackbonesMeta).identities
    image, text = (
        adapted_backbone_name(base, identities[modality]) if modality in identities else base
        for modality, base in zip(("image", "text"), frozen, strict=True)
    )
    return image, text


def load_encoders(
    store: Store, data: FinetuningData, config: FinetuneConfig, device: torch.device
) -> list[TrainableEncoder]:
    """Load the encoders to fine-tune. Raises as `finetune_backbones`."""
    features = data.features
    image, text = (EncoderSource.of(store, name) for name in features.backbones)
    for source in (image, text):
        if source.weights is not None:
            raise InputError(f"{source.base} is adapted already: name it without +adapted to adapt it again")
    candidates: list[tuple[Modality, str, BoolArray]] = [
        (Modality.IMAGE, image.base, features.has_image),
        (Modality.TEXT, text.base, features.has_text),
    ]
    encoders = [
        load_trainable_encoder(modality, base, config.layers, data.catalogue, has_content, device)
        for modality, base, has_content in candidates
        if config.only in (None, modality) and has_content.any()
    ]
    if not encoders:
        content = "a text" if config.only is Modality.TEXT else "a picture"
        raise InputError(f"no item has {content} to adapt a backbone by: leave out --unfreeze-only")
    return encoders


def collect_trained(encoders: Sequence[TrainableEncoder], checkpoint: Checkpoint) -> dict[Modality, Tensors]:
    """Trained tensors of the best round, by modality; none if the frozen backbones are better."""
    # Round 0 is the frozen backbones, whose weights nobody needs twice.
    if not checkpoint.best_round:
        return {}
    return {
        encoder.modality: {
            name: checkpoint.best[f"{encoder.modality} {name}"].contiguous() for name in encoder.trained
        }
        for encoder in encoders
    }


def _publish(store: Store, meta: BackbonesMeta, trained: Mapping[Modality, Tensors]) -> Version:
    def write(folder: Path) -> None:
        for modality, tensors in trained.items():
            save_file(tensors, weights_path(folder, modality))

    with store.lock("bowerbird embed --unfreeze", wait=True):
        return store.publish(BackbonesMeta.KIND, meta, write, keep=versions_in_use(store))


def _hash_inputs(data: FinetuningData, config: FinetuneConfig) -> str:
    """Hash the data and the settings of a fine-tuning to 128 bits."""
    hashed = [
        data.catalogue.ids,
        data.features.backbones,
        asdict(config),
        hash_likes(data.sequences, data.split),
    ]
    digest = hashlib.blake2b(json.dumps(hashed).encode(), digest_size=16)
    # The features stand for pictures and texts, which would take minutes to read.
    for rows in (data.features.image, data.features.text):
        digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()

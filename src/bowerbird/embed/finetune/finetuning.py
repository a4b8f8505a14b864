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
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.data.versions import Version
from bowerbird.embed.encode.adapted_backbones import (
    KIND,
    EncoderSource,
    Modality,
    adapted_backbone_name,
    compute_identity,
    find_adapted_version,
    versions_in_use,
    weights_path,
)
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import ModalityEncoders
from bowerbird.embed.finetune.backbone_validation import BackboneValidator
from bowerbird.embed.finetune.checkpoints import Checkpoint, CheckpointFile
from bowerbird.embed.finetune.content_space import ContentSpace, FinetuningBatch
from bowerbird.embed.finetune.trainable_backbone import TrainableEncoder, load_trainable_encoder
from bowerbird.embed.train.content_changes import hash_likes
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.validation import HashSplit, Quality
from bowerbird.errors import InputError
from bowerbird.progress import tell, track

PAIRS, OTHERS = 48, 32
"""Of a batch: pairs of neighbours, and other items for the content loss."""
MIN_STEPS = 20
"""Steps of a round with few pairs."""
WARM_UP = 50
"""Steps over which the learning rate rises."""
PATIENCE = 2
MIN_GAIN = 1.01
"""Factor by which an adapted backbone must beat the score of the frozen one: the best of several rounds looks
better than it is, and every item must be encoded again."""


@dataclass(frozen=True)
class FinetuneConfig:
    """Settings of one fine-tuning."""

    layers: int
    """Top blocks that are trained, with the layers above them."""
    only: Modality | None = None
    """Fine-tune one modality's backbone only; None: both."""
    seed: int = 0
    dim: int = 256
    """Width of the vectors in validation."""
    rounds: int = 10
    """At most; fewer if the validation score stops rising."""
    steps: int = 100
    """Per round, at most; fewer if all pairs were seen once."""
    learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise InputError(f"{self.layers} trainable blocks train nothing, expected 1 or more")


@dataclass(frozen=True)
class FinetuningData:
    """What a store's backbones are fine-tuned on. N items."""

    catalogue: Catalogue
    item_words: Sequence[set[str]]
    """Words of each item, see `modalities.extract_item_words`."""
    features: ItemFeatures
    """From the frozen backbones, with their names."""
    sequences: InteractionSequences
    split: HashSplit


def finetune_backbones(store: Store, data: FinetuningData, config: FinetuneConfig) -> Version | None:
    """Fine-tune backbones and publish a version of `backbones`; the same data and settings train only once.

    Its `meta` says whether it is `better` than the frozen ones; if not, it holds no weights. None if there
    are too few users for validation. A killed run resumes from its last checkpoint. The caller holds the
    store's lock. Raises `BackboneError` if a backbone is not available or has too few blocks, `InputError` if
    no item has the requested modality.
    """
    usable = np.flatnonzero(data.features.has_image | data.features.has_text)
    validator = BackboneValidator(data.sequences, data.split, data.item_words, usable, config.seed)
    if not validator:
        tell("too few users to validate adapted backbones: the backbones stay frozen")
        return None
    inputs = _hash_inputs(data, config)
    published = find_adapted_version(store, inputs)
    if published is not None:
        return published
    started = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoders = load_encoders(store, data, config, device)
    checkpoint_file = CheckpointFile(store.path / KIND, inputs)
    run = FinetuningRun(data, validator, encoders, config, usable)
    checkpoint = checkpoint_file.read() or Checkpoint.initial(run.trained, run.validate())
    if device.type == "cpu":
        tell(run.forecast())
    checkpoint = run.train(checkpoint, checkpoint_file)
    meta = {
        "inputs": inputs,
        "bases": {encoder.modality: encoder.network.name for encoder in encoders},
        **asdict(config),
        "device": str(device),
        "rounds_done": checkpoint.round,
        "people": validator.n_users,
        "judged_items": len(validator.items),
        "frozen": _quality_as_json(checkpoint.history[0]),
        "adapted": _quality_as_json(checkpoint.history[checkpoint.best_round]),
        "scores": [round(quality.score, 5) for quality in checkpoint.history],
        "best_round": checkpoint.best_round,
        "better": checkpoint.best_round > 0,
        "seconds": round(time.monotonic() - started, 1),
    }
    version = _publish(store, meta, encoders, checkpoint)
    checkpoint_file.remove()
    return version


def select_backbones(version: Version | None, frozen: tuple[str, str]) -> tuple[str, str]:
    """Names of the image and text encoders to use: the adapted ones of a version where they are better."""
    if version is None:
        return frozen
    identities = version.meta["identities"]
    image, text = (
        adapted_backbone_name(base, identities[modality]) if modality in identities else base
        for modality, base in zip(("image", "text"), frozen, strict=True)
    )
    return image, text


class FinetuningRun:
    """Trains encoders on a store's data, in rounds with a validation after each."""

    def __init__(
        self,
        data: FinetuningData,
        validator: BackboneValidator,
        encoders: Sequence[TrainableEncoder],
        config: FinetuneConfig,
        usable: np.ndarray,
    ) -> None:
        self.data, self.validator, self.encoders, self.config = data, validator, encoders, config
        modality_encoders = ModalityEncoders.of(data.item_words, data.features)
        self.space = ContentSpace(data.item_words, data.features, modality_encoders, config.dim)
        # Cold validation items are not used at all, not even for their content.
        self.others = np.setdiff1d(usable, validator.cold)
        frequency = validator.training.frequency(len(data.item_words))
        self.log_frequency = torch.from_numpy(np.log(frequency + 1e-9)).float()
        self.trained = {
            f"{encoder.modality} {name}": parameter
            for encoder in encoders
            for name, parameter in encoder.trained.items()
        }
        self.optimizer = torch.optim.AdamW(self.trained.values(), lr=config.learning_rate, weight_decay=0.0)
        self._validation_seconds = 0.0

    def train(self, checkpoint: Checkpoint, checkpoint_file: CheckpointFile) -> Checkpoint:
        """Train until the score stops rising; the last checkpoint holds the weights of the best round."""
        checkpoint.restore(self.trained, self.optimizer)
        while checkpoint.round < self.config.rounds and checkpoint.round - checkpoint.best_round < PATIENCE:
            pairs = self.sample_pairs(checkpoint.round)
            steps = range(checkpoint.step, self.count_steps(len(pairs)))
            for step in track(steps, f"fine-tuning, round {checkpoint.round + 1}"):
                self.train_step(checkpoint.round, step, pairs)
                if checkpoint_file.is_due:
                    checkpoint_file.save(checkpoint.at_step(step + 1, self.trained, self.optimizer))
            checkpoint = checkpoint.at_step(0, self.trained, self.optimizer)
            checkpoint = checkpoint.after_round(self.validate(), MIN_GAIN)
            checkpoint_file.save(checkpoint)
        return checkpoint

    def sample_pairs(self, round_number: int) -> np.ndarray:
        """Sample the neighbours of a round, (pairs, 2); several times in a small store."""
        rng = np.random.default_rng([self.config.seed, round_number])
        samples = [self.validator.training.sample_pairs(rng)]
        while 0 < sum(map(len, samples)) < MIN_STEPS * PAIRS:
            samples.append(self.validator.training.sample_pairs(rng))
        return np.concatenate(samples)

    def count_steps(self, n_pairs: int) -> int:
        """Number of steps of a round."""
        return min(self.config.steps, max(MIN_STEPS, math.ceil(n_pairs / PAIRS)))

    def train_step(self, round_number: int, step: int, pairs: np.ndarray) -> None:
        """Train on one batch. It depends on the seed and its number alone: a resumed run draws the same."""
        rng = np.random.default_rng([self.config.seed, round_number, step])
        others = rng.choice(self.others, min(OTHERS, len(self.others)), replace=False)
        batch = FinetuningBatch.of(pairs[step * PAIRS : (step + 1) * PAIRS], others)
        warm_up = min(1.0, (round_number * self.config.steps + step + 1) / WARM_UP)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * warm_up
        self.optimizer.zero_grad()
        self.backpropagate(batch, rng)
        torch.nn.utils.clip_grad_norm_(self.trained.values(), 1.0)
        self.optimizer.step()

    def backpropagate(self, batch: FinetuningBatch, rng: np.random.Generator) -> None:
        """Add the gradients of a batch to the trained parameters."""
        encoded = {encoder.modality: encoder.encode_for_training(batch.items) for encoder in self.encoders}
        image, text = (
            encoded[modality].features if modality in encoded else torch.from_numpy(frozen[batch.items])
            for modality, frozen in self._frozen_features()
        )
        loss = self.space.loss(batch, image, text, self.log_frequency, rng)
        loss.backward()  # type: ignore[no-untyped-call]
        for feature_batch in encoded.values():
            feature_batch.backpropagate()

    def validate(self) -> Quality:
        """Measure the validation quality of the current weights."""
        started = time.monotonic()
        items = self.validator.items
        encoded = {encoder.modality: encoder.encode(items) for encoder in self.encoders}
        image, text = (encoded.get(modality, frozen[items]) for modality, frozen in self._frozen_features())
        names = self.data.features.backbones
        features = ItemFeatures(image, image.any(axis=1), text, text.any(axis=1), names)
        quality = self.validator.quality(features, self.config.dim)
        self._validation_seconds = time.monotonic() - started
        return quality

    def forecast(self) -> str:
        """Estimate the longest training time from the time that the first validation took."""
        if not self._validation_seconds:
            return "fine-tuning on the CPU resumes"
        batch = 2 * PAIRS + OTHERS
        # A batch is encoded twice and backpropagated once.
        step = 3 * batch * self._validation_seconds / max(1, len(self.validator.items))
        round_seconds = self.count_steps(len(self.validator.training)) * step + self._validation_seconds
        return (
            f"fine-tuning on the CPU, since torch finds no GPU: about {round_seconds / 60:.1f} minutes a "
            f"round, {PATIENCE} to {self.config.rounds} rounds; it can be stopped, and resumes when run again"
        )

    def _frozen_features(self) -> Iterator[tuple[Modality, np.ndarray]]:
        yield "image", self.data.features.image
        yield "text", self.data.features.text


def load_encoders(
    store: Store, data: FinetuningData, config: FinetuneConfig, device: torch.device
) -> list[TrainableEncoder]:
    """Load the encoders to fine-tune. Raises as `finetune_backbones`."""
    features = data.features
    image, text = (EncoderSource.of(store, name) for name in features.backbones)
    for source in (image, text):
        if source.weights is not None:
            raise InputError(f"{source.base} is adapted already: name it without +adapted to adapt it again")
    candidates: list[tuple[Modality, str, np.ndarray]] = [
        ("image", image.base, features.has_image),
        ("text", text.base, features.has_text),
    ]
    encoders = [
        load_trainable_encoder(modality, base, config.layers, data.catalogue, has_content, device)
        for modality, base, has_content in candidates
        if config.only in (None, modality) and has_content.any()
    ]
    if not encoders:
        content = "a text" if config.only == "text" else "a picture"
        raise InputError(f"no item has {content} to adapt a backbone by: leave out --unfreeze-only")
    return encoders


def _publish(
    store: Store, meta: dict[str, Any], encoders: Sequence[TrainableEncoder], checkpoint: Checkpoint
) -> Version:
    trained: dict[str, dict[str, torch.Tensor]] = {}
    if meta["better"]:
        for encoder in encoders:
            trained[encoder.modality] = {
                name: checkpoint.best[f"{encoder.modality} {name}"].contiguous() for name in encoder.trained
            }
    meta["identities"] = {
        modality: compute_identity(
            meta["bases"][modality], {name: tensor.numpy() for name, tensor in tensors.items()}
        )
        for modality, tensors in trained.items()
    }

    def write(folder: Path) -> None:
        for modality, tensors in trained.items():
            save_file(tensors, weights_path(folder, modality))

    return store.publish(KIND, meta, write, keep=versions_in_use(store))


def _quality_as_json(quality: Quality) -> dict[str, float | None]:
    """A quality's numbers; None for NaN, which JSON does not have."""
    return {name: None if math.isnan(value) else value for name, value in asdict(quality).items()}


def _hash_inputs(data: FinetuningData, config: FinetuneConfig) -> str:
    """Hash the data and the settings of a fine-tuning to 128 bits."""
    hashed = [
        data.catalogue.ids,
        data.features.backbones,
        asdict(config),
        hash_likes(data.sequences, data.split),
    ]
    digest = hashlib.blake2b(json.dumps(hashed).encode(), digest_size=16)
    for rows in (data.features.image, data.features.text):
        digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()

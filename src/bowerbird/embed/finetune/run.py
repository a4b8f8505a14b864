"""One fine-tuning run: batches, steps, and a validation after each round."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bowerbird.choices import Modality
from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.items import Catalogue
from bowerbird.embed.config import FinetuneConfig
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import ModalityEncoders
from bowerbird.embed.finetune.backbone_validation import BackboneValidator
from bowerbird.embed.finetune.checkpoints import Checkpoint, CheckpointFile
from bowerbird.embed.finetune.content_space import ContentSpace, FinetuningBatch
from bowerbird.embed.finetune.trainable_backbone import TrainableEncoder
from bowerbird.embed.meta import Quality
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.validation import HashSplit
from bowerbird.progress import track


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


class FinetuningRun:
    """Trains encoders on a store's data, in rounds with a validation after each."""

    def __init__(
        self,
        data: FinetuningData,
        validator: BackboneValidator,
        encoders: Sequence[TrainableEncoder],
        config: FinetuneConfig,
        usable: IntArray,
    ) -> None:
        self.data, self.validator, self.encoders, self.config = data, validator, encoders, config
        modality_encoders = ModalityEncoders.of(data.item_words, data.features)
        self.space = ContentSpace(data.item_words, data.features, modality_encoders, config)
        # Cold validation items are not used at all, not even for their content.
        self.content_items = np.setdiff1d(usable, validator.cold)
        frequency = validator.training.frequency(len(data.item_words))
        self.log_frequency = torch.from_numpy(np.log(frequency + 1e-9)).float()
        self.trained = {
            f"{encoder.modality} {name}": parameter
            for encoder in encoders
            for name, parameter in encoder.trained.items()
        }
        # No weight decay: it would pull pretrained weights towards zero, away from what they know.
        self.optimizer = torch.optim.AdamW(self.trained.values(), lr=config.learning_rate, weight_decay=0.0)
        self._validation_seconds = 0.0

    def train(self, checkpoint: Checkpoint, checkpoint_file: CheckpointFile) -> Checkpoint:
        """Train until the score stops rising; the last checkpoint holds the weights of the best round."""
        checkpoint.restore(self.trained, self.optimizer)
        while (
            checkpoint.round < self.config.rounds
            and checkpoint.round - checkpoint.best_round < self.config.patience
        ):
            pairs = self.sample_pairs(checkpoint.round)
            steps = range(checkpoint.step, self.count_steps(len(pairs)))
            for step in track(steps, f"fine-tuning, round {checkpoint.round + 1}"):
                self.train_step(checkpoint.round, step, pairs)
                if checkpoint_file.is_due:
                    checkpoint_file.save(checkpoint.at_step(step + 1, self.trained, self.optimizer))
            checkpoint = checkpoint.at_step(0, self.trained, self.optimizer)
            checkpoint = checkpoint.after_round(self.validate(), self.config.min_gain)
            checkpoint_file.save(checkpoint)
        return checkpoint

    def sample_pairs(self, round_number: int) -> IntArray:
        """Sample the neighbours of a round, (pairs, 2); several times in a small store."""
        # Seeded by the round, so that a resumed run samples the pairs that the killed one had.
        rng = np.random.default_rng([self.config.seed, round_number])
        samples = [self.validator.training.sample_pairs(rng)]
        while 0 < sum(map(len, samples)) < self.config.min_steps * self.config.pairs:
            samples.append(self.validator.training.sample_pairs(rng))
        return np.concatenate(samples)

    def count_steps(self, n_pairs: int) -> int:
        """Number of steps of a round."""
        return min(self.config.steps, max(self.config.min_steps, math.ceil(n_pairs / self.config.pairs)))

    def train_step(self, round_number: int, step: int, pairs: IntArray) -> None:
        """Train on one batch. It depends on the seed and its number alone: a resumed run draws the same."""
        rng = np.random.default_rng([self.config.seed, round_number, step])
        n_content_items = min(self.config.content_items, len(self.content_items))
        content_items = rng.choice(self.content_items, n_content_items, replace=False)
        first = step * self.config.pairs
        batch = FinetuningBatch.of(pairs[first : first + self.config.pairs], content_items)
        # The step size rises linearly: at first AdamW's estimates of the gradients' scale are too noisy.
        warm_up = min(1.0, (round_number * self.config.steps + step + 1) / self.config.warm_up)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * warm_up
        self.optimizer.zero_grad()
        self.backpropagate(batch, rng)
        torch.nn.utils.clip_grad_norm_(self.trained.values(), 1.0)
        self.optimizer.step()

    def backpropagate(self, batch: FinetuningBatch, rng: np.random.Generator) -> None:
        """Add the gradients of a batch to the trained parameters."""
        # A modality that is not trained enters by its frozen features, as a constant.
        encoded = {encoder.modality: encoder.encode_for_training(batch.items) for encoder in self.encoders}
        image, text = (
            encoded[modality].features if modality in encoded else torch.from_numpy(frozen[batch.items])
            for modality, frozen in self._frozen_features()
        )
        loss = self.space.loss(batch, image, text, self.log_frequency, rng)
        # Down to the features only; from there through the networks in chunks that fit into memory.
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
        quality = self.validator.quality(features)
        self._validation_seconds = time.monotonic() - started
        return quality

    def forecast(self) -> str:
        """Estimate the longest training time from the time that the first validation took."""
        if not self._validation_seconds:
            return "fine-tuning on the CPU resumes"
        batch = 2 * self.config.pairs + self.config.content_items
        # A batch is encoded twice and backpropagated once.
        step = 3 * batch * self._validation_seconds / max(1, len(self.validator.items))
        round_seconds = self.count_steps(len(self.validator.training)) * step + self._validation_seconds
        return (
            f"fine-tuning on the CPU, since torch finds no GPU: about {round_seconds / 60:.1f} minutes a "
            f"round, {self.config.patience} to {self.config.rounds} rounds; it can be stopped, and resumes "
            "when run again"
        )

    def _frozen_features(self) -> Iterator[tuple[Modality, FloatArray]]:
        yield Modality.IMAGE, self.data.features.image
        yield Modality.TEXT, self.data.features.text

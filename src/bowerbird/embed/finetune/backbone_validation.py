"""Validates fine-tuned backbones on users and items that are held out of their training.

The validation set is that of the tower (see `train.validation`). The vectors are content vectors, with
modality encoders fitted again for every state, as the training of the tower does it. Only the items of the
validation users and a sample of others are encoded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.embed.config import FinetuneConfig
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import ModalityEncoders
from bowerbird.embed.encode.reductions import LsaEncoder
from bowerbird.embed.finetune.content_space import ContentSpace
from bowerbird.embed.meta import Quality
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.validation import HashSplit, Validator


class BackboneValidator:
    """Splits likes into training and validation sets; false if there are no validation users."""

    def __init__(
        self,
        sequences: InteractionSequences,
        split: HashSplit,
        item_words: Sequence[set[str]],
        usable: IntArray,
        config: FinetuneConfig,
    ) -> None:
        """`usable` (n,): positions of the items that have content."""
        self._config = config
        validator = Validator(sequences, split)
        self.training, self.cold = validator.training, validator.cold
        self.n_users = len(validator.users)
        validated = np.unique(sequences.items[np.isin(sequences.owner, validator.users)])
        other_items = np.random.default_rng(config.seed).permutation(np.setdiff1d(usable, validated))
        n_others = max(0, config.validated_items - len(validated))
        self.items = np.sort(np.concatenate([validated, other_items[:n_others]]))
        """Positions of the items to encode."""
        self._item_words = [item_words[position] for position in self.items]
        self._lsa = LsaEncoder.of(self._item_words)  # does not depend on the backbones
        row_of = np.full(len(item_words), -1)
        row_of[self.items] = np.arange(len(self.items))
        is_encoded = row_of[sequences.items] >= 0
        encoded_sequences = InteractionSequences(
            row_of[sequences.items[is_encoded]], sequences.owner[is_encoded], sequences.at[is_encoded]
        )
        encoded_split = HashSplit(split.users, split.items[self.items])
        self._validator = Validator(encoded_sequences, encoded_split, validator.thresholds)
        self._has_users = bool(validator)

    def __bool__(self) -> bool:
        return self._has_users

    def quality(self, features: ItemFeatures) -> Quality:
        """Measure the quality of features of `items`, in that order."""
        encoders = ModalityEncoders.of(self._item_words, features, lsa=self._lsa)
        space = ContentSpace(self._item_words, features, encoders, self._config)
        return self._validator.quality(space.frozen.numpy())

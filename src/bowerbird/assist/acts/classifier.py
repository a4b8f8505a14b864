"""The act classifier: multinomial logistic regression over n-grams, context and a sentence embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bowerbird.assist.acts.features import N_CONTEXT, context_features, hashed_ngrams
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import Message, Recognition
from bowerbird.config import setting
from bowerbird.data.arrays import FloatArray
from bowerbird.errors import StoreError

WEIGHTS_FILE = "weights.npz"


@dataclass(frozen=True)
class ActClassifierConfig:
    """How acts are learned."""

    n_buckets: int = setting(8192, "Buckets that n-grams are hashed into")
    per_phrase: int = setting(10, "Messages made of each phrase of the wordings", "messages")
    inverse_regularization: float = setting(5.0, "C of the logistic regression")
    embedding_scale: float = setting(2.0, "Length of the sentence embedding among the features")
    seed: int = setting(0, "Random seed")


class ActClassifier:
    """Weights of a logistic regression. L labels, H buckets, E dimensions of the sentence embedding or 0."""

    def __init__(self, labels: Sequence[str], weights: FloatArray, bias: FloatArray, n_buckets: int) -> None:
        """`weights` is (L, H + N_CONTEXT + E), `bias` (L,)."""
        self.labels = tuple(labels)
        self.n_buckets = n_buckets
        self._weights = weights
        self._bias = bias

    @property
    def embedding_width(self) -> int:
        """Dimensions of the sentence embedding that it was trained with; 0 for none."""
        return int(self._weights.shape[1]) - self.n_buckets - N_CONTEXT

    def probabilities(self, message: Message, embedding: FloatArray | None = None) -> FloatArray:
        """Probability of each label, (L,). `embedding` (E,) as in training; raises `ValueError` without."""
        if self.embedding_width and (embedding is None or embedding.shape != (self.embedding_width,)):
            raise ValueError(
                f"the classifier needs a sentence embedding of {self.embedding_width} dimensions"
            )
        ngrams = hashed_ngrams(message, self.n_buckets)
        columns = np.fromiter(ngrams, np.int64, len(ngrams))
        values = np.fromiter(ngrams.values(), np.float32, len(ngrams))
        dense = context_features(message)
        if self.embedding_width and embedding is not None:
            dense = np.concatenate([dense, embedding])
        logits = self._weights[:, columns] @ values + self._weights[:, self.n_buckets :] @ dense + self._bias
        exponentials = np.exp(logits - logits.max())
        probabilities: FloatArray = exponentials / exponentials.sum()
        return probabilities

    def recognise(self, message: Message, embedding: FloatArray | None = None) -> Recognition:
        """The likeliest act, and its likeliest topic; topics of one act add up."""
        probabilities = self.probabilities(message, embedding)
        by_act: dict[str, float] = {}
        for label, probability in zip(self.labels, probabilities, strict=True):
            act, _, _ = label.partition("/")
            by_act[act] = by_act.get(act, 0.0) + float(probability)
        act = max(by_act, key=lambda name: by_act[name])
        of_act = [row for row, label in enumerate(self.labels) if label.partition("/")[0] == act]
        label = self.labels[max(of_act, key=lambda row: probabilities[row])]
        return Recognition(Act(act), label.partition("/")[2], by_act[act])

    def save(self, folder: Path) -> None:
        """Write the weights in half precision."""
        np.savez_compressed(
            folder / WEIGHTS_FILE,
            labels=np.array(self.labels),
            weights=self._weights.astype(np.float16),
            bias=self._bias,
            n_buckets=np.int64(self.n_buckets),
        )

    @classmethod
    def load(cls, folder: Path) -> ActClassifier:
        """Read what `save` wrote. Raises `StoreError` where it can't be read."""
        try:
            with np.load(folder / WEIGHTS_FILE) as saved:
                weights = saved["weights"].astype(np.float32)
                return cls(saved["labels"].tolist(), weights, saved["bias"], int(saved["n_buckets"]))
        except (OSError, KeyError, ValueError) as error:
            raise StoreError(
                f"the act classifier in {folder} can't be read ({error}): train it again"
            ) from None

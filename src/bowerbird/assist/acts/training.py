"""Trains the act classifier on worded examples, and on conversations with acts where a store has some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import csr_matrix, hstack

from bowerbird.assist.acts.classifier import ActClassifier, ActClassifierConfig
from bowerbird.assist.acts.examples import ActExample, read_example
from bowerbird.assist.acts.features import context_features, hashed_ngrams
from bowerbird.data.arrays import FloatArray
from bowerbird.errors import InputError
from bowerbird.progress import track

Embed = Callable[[Sequence[str]], FloatArray]
"""B plain texts -> (B, E) sentence embeddings of length 1."""
BATCH = 64
MAX_ITERATIONS = 300


def train_classifier(
    examples: Sequence[ActExample], config: ActClassifierConfig, embed: Embed | None = None
) -> ActClassifier:
    """Fit a multinomial logistic regression; a label counts as the root of its number of examples.

    Raises `InputError` for examples of fewer than three labels.
    """
    from sklearn.linear_model import LogisticRegression

    labels = sorted({example.label for example in examples})
    if len(labels) < 3:
        raise InputError(f"the examples have {len(labels)} labels, expected three or more: add conversations")
    messages = [read_example(example) for example in examples]
    ngrams = _ngram_matrix([hashed_ngrams(message, config.n_buckets) for message in messages], config)
    blocks = [ngrams, csr_matrix(np.stack([context_features(message) for message in messages]))]
    if embed is not None:
        blocks.append(
            csr_matrix(config.embedding_scale * embed_in_batches(embed, [m.plain for m in messages]))
        )
    features = hstack(blocks).tocsr()
    regression = LogisticRegression(C=config.inverse_regularization, max_iter=MAX_ITERATIONS)
    counts = Counter(example.label for example in examples)
    example_weights = np.array([counts[example.label] ** -0.5 for example in examples])
    example_weights *= len(examples) / example_weights.sum()
    regression.fit(features, [example.label for example in examples], example_weights)
    weights = regression.coef_.astype(np.float32)
    if embed is not None:
        weights[:, config.n_buckets + blocks[1].shape[1] :] *= config.embedding_scale
    bias = regression.intercept_.astype(np.float32)
    return ActClassifier(regression.classes_.tolist(), weights, bias, config.n_buckets)


def _ngram_matrix(rows: Sequence[dict[int, float]], config: ActClassifierConfig) -> csr_matrix:
    lengths = np.cumsum([0, *map(len, rows)])
    columns = np.fromiter((bucket for row in rows for bucket in row), np.int64, lengths[-1])
    values = np.fromiter((value for row in rows for value in row.values()), np.float32, lengths[-1])
    return csr_matrix((values, columns, lengths), shape=(len(rows), config.n_buckets))


def embed_in_batches(embed: Embed, texts: Sequence[str]) -> FloatArray:
    """Embeddings of at least one text, (B, E), those of like length in one batch."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    starts = range(0, len(texts), BATCH)
    batches = [
        embed([texts[row] or "?" for row in order[start : start + BATCH]])
        for start in track(starts, "encoding messages")
    ]
    rows = np.concatenate(batches)
    embeddings = np.empty_like(rows)
    embeddings[order] = rows
    return embeddings

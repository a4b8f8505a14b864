"""Text encoders: one normalised vector per title or request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bowerbird.models.backbones import DEFAULT_TEXT, MULTILINGUAL_TEXT
from bowerbird.models.fetching import fetch
from bowerbird.models.multilingual_e5 import PASSAGE_PREFIX, QUERY_PREFIX, load_multilingual_e5
from bowerbird.models.precision import autocast_bfloat16
from bowerbird.models.pretrained import load_pretrained
from bowerbird.models.qwen_embedding import is_qwen_embedding, wrap_qwen_embedding
from bowerbird.models.trainable import TrainableBackbone, wrap_trainable

MAX_TOKENS = 128
"""Longer texts are truncated: the title, facts and first sentences carry an item's meaning."""
MAX_CHARACTERS = 4000
"""Truncated before tokenising, which bounds the cost of extremely long texts."""

Features = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class TextEncoder:
    """A network that encodes whole texts."""

    name: str
    width: int
    features: Features
    """B strings -> (B, width) float32."""
    network: TrainableBackbone
    """The same with gradients, of strings of at most `MAX_CHARACTERS`, prefix included."""
    query_prefix: str = ""
    item_prefix: str = ""
    """What the model expects before queries, and before the texts that they should find."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts of items: B strings -> (B, width) float32, each of length 1.

        In bfloat16 a text's vector depends on its batch's padding, in the fifth digit of the cosine.
        """
        return self._encode([self.item_prefix + text for text in texts])

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode what is searched for: B strings -> (B, width) float32, each of length 1."""
        return self._encode([self.query_prefix + text for text in texts])

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, self.width), np.float32)
        rows = self.features([text[:MAX_CHARACTERS] for text in texts])
        lengths = np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1e-12)
        vectors: NDArray[np.float32] = np.divide(rows, lengths, dtype=np.float32)
        return vectors


def load_text_encoder(name: str = DEFAULT_TEXT, weights: Path | None = None) -> TextEncoder:
    """Load a text encoder by default name, `hf:org/name` or folder.

    A BERT-family model, the text tower of a CLIP or SigLIP pair, a Qwen3-VL-Embedding, or
    multilingual-e5-small; `weights` is a file of fine-tuned weights. Raises `BackboneError` if it can't be
    loaded.
    """
    if name == MULTILINGUAL_TEXT:
        network, tokenizer = load_multilingual_e5(fetch(name))
        trainable = wrap_trainable(name, network, _pool_mean(network, tokenizer))
        encoder = _build_encoder(trainable, int(network.config.hidden_size), weights)
        return replace(encoder, query_prefix=QUERY_PREFIX, item_prefix=PASSAGE_PREFIX)
    from transformers import AutoModel, AutoTokenizer

    model = load_pretrained(
        name, "a text encoder", lambda source: AutoModel.from_pretrained(source, dtype=torch.float32).eval()
    )
    if is_qwen_embedding(model):
        qwen = wrap_qwen_embedding(name, model)
        return _build_encoder(
            wrap_trainable(name, model, qwen.encode_texts, model.language_model), qwen.width, weights
        )
    tokenizer = load_pretrained(name, "a text encoder", AutoTokenizer.from_pretrained)
    if hasattr(model, "get_text_features"):
        config = model.config
        tower_width = getattr(config.text_config, "projection_size", None) or config.text_config.hidden_size
        network = wrap_trainable(
            name, model, _project_text(model, tokenizer), model.text_model, ["text_projection"]
        )
        return _build_encoder(network, int(getattr(config, "projection_dim", None) or tower_width), weights)
    network = wrap_trainable(name, model, _pool_mean(model, tokenizer))
    return _build_encoder(network, int(model.config.hidden_size), weights)


def _build_encoder(network: TrainableBackbone, width: int, weights: Path | None) -> TextEncoder:
    if weights is not None:
        network.load_weights(weights)
    return TextEncoder(network.name, width, network.extract_features, network)


def _pool_mean(model: Any, tokenizer: Any) -> Callable[[Sequence[str]], torch.Tensor]:
    """The mean of the tokens' states (Reimers & Gurevych, EMNLP 2019)."""
    max_length = min(MAX_TOKENS, model.config.max_position_embeddings)

    def features(texts: Sequence[str]) -> torch.Tensor:
        tokens = tokenizer(
            list(texts), padding=True, truncation=True, max_length=max_length, return_tensors="pt"
        ).to(model.device)
        # Twice the throughput where the processor supports bfloat16.
        with autocast_bfloat16(model.device):
            states = model(**tokens).last_hidden_state.float()  # (B, T, width)
        mask = tokens["attention_mask"].unsqueeze(-1)  # (B, T, 1)
        pooled: torch.Tensor = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        return pooled

    return features


def _project_text(model: Any, tokenizer: Any) -> Callable[[Sequence[str]], torch.Tensor]:
    """Text features projected into the space shared with pictures (CLIP: Radford et al., ICML 2021)."""
    context_length = model.config.text_config.max_position_embeddings
    # SigLIP pools the last position: it was trained on texts padded to its full context length.
    fills_context = str(model.config.model_type).startswith("siglip")

    def features(texts: Sequence[str]) -> torch.Tensor:
        tokens = tokenizer(
            list(texts),
            padding="max_length" if fills_context else True,
            truncation=True,
            max_length=context_length,
            return_tensors="pt",
        ).to(model.device)
        inputs = {"input_ids": tokens["input_ids"]}
        if not fills_context:
            inputs["attention_mask"] = tokens["attention_mask"]
        with autocast_bfloat16(model.device):
            projected: torch.Tensor = model.get_text_features(**inputs).pooler_output
        return projected

    return features

"""Text encoders: one normalised vector per title or request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bowerbird.models.precision import autocast_bfloat16
from bowerbird.models.pretrained import load_pretrained
from bowerbird.models.qwen_embedding import is_qwen_embedding, wrap_qwen_embedding
from bowerbird.models.trainable import TrainableBackbone, wrap_trainable

MAX_TOKENS = 128
"""Longer texts are truncated: the title, facts and first sentences carry an item's meaning."""
MAX_CHARACTERS = 4000
"""Truncated before tokenising, which bounds the cost of extremely long texts."""

Features = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class TextEncoder:
    """A network that encodes whole texts."""

    name: str
    width: int
    features: Features
    """B strings -> (B, width) float32."""
    network: TrainableBackbone
    """The same with gradients, of strings of at most `MAX_CHARACTERS`."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Encode texts: B strings -> (B, width) float32, each of length 1.

        In bfloat16 a text's vector depends on its batch's padding, in the fifth digit of the cosine.
        """
        if not texts:
            return np.zeros((0, self.width), np.float32)
        rows = self.features([text[:MAX_CHARACTERS] for text in texts])
        vectors: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1e-12)
        return vectors.astype(np.float32, copy=False)


def load_text_encoder(name: str = "minilm-l6", weights: Path | None = None) -> TextEncoder:
    """Load a text encoder by default name, `hf:org/name` or folder.

    A BERT-family model, the text tower of a CLIP or SigLIP pair, or a Qwen3-VL-Embedding; `weights` is a file
    of fine-tuned weights. Raises `BackboneError` if it can't be loaded.
    """
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

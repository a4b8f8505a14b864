"""Text encoders: a title or a request in, one normalised vector out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bowerbird.models.trainable import TrainableBackbone, trainable_backbone
from bowerbird.models.precision import autocast_bfloat16
from bowerbird.models.pretrained import pretrained
from bowerbird.models.qwen_embedding import is_qwen_embedding, qwen_embedding

MAX_TOKENS = 128
"""Longer texts are cut here: a title, its facts and the first sentences carry an item's meaning."""
MAX_CHARACTERS = 4000
"""Cut before tokenising, so that an absurdly long text costs no more than a long one."""

Features = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class TextEncoder:
    """A language model's view of whole texts."""

    name: str
    width: int
    features: Features
    """B strings -> (B, width) float32."""
    network: TrainableBackbone
    """The same with gradients, of strings of at most `MAX_CHARACTERS`."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts: B strings -> (B, width) float32, each of length 1.

        In bfloat16 a text's vector depends on its batch's padding in the fifth digit of its cosine.
        """
        if not texts:
            return np.zeros((0, self.width), np.float32)
        rows = self.features([text[:MAX_CHARACTERS] for text in texts])
        vectors: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1e-12)
        return vectors.astype(np.float32, copy=False)


def load_text_encoder(name: str = "minilm-l6", weights: Path | None = None) -> TextEncoder:
    """Load a text encoder by default name, `hf:org/name` or folder.

    A BERT-family model, the text side of a CLIP or SigLIP pair, or a Qwen3-VL-Embedding; `weights` is a file
    with what was trained of it. Raises `BackboneError` where it can't be loaded.
    """
    from transformers import AutoModel, AutoTokenizer

    model = pretrained(
        name, "a text encoder", lambda source: AutoModel.from_pretrained(source, dtype=torch.float32).eval()
    )
    if is_qwen_embedding(model):
        qwen = qwen_embedding(name, model)
        return _encoder(
            trainable_backbone(name, model, qwen.texts, model.language_model), qwen.width, weights
        )
    tokenizer = pretrained(name, "a text encoder", AutoTokenizer.from_pretrained)
    if hasattr(model, "get_text_features"):
        config = model.config
        sided = getattr(config.text_config, "projection_size", None) or config.text_config.hidden_size
        network = trainable_backbone(
            name, model, _projected(model, tokenizer), model.text_model, ["text_projection"]
        )
        return _encoder(network, int(getattr(config, "projection_dim", None) or sided), weights)
    network = trainable_backbone(name, model, _mean_pooled(model, tokenizer))
    return _encoder(network, int(model.config.hidden_size), weights)


def _encoder(network: TrainableBackbone, width: int, weights: Path | None) -> TextEncoder:
    if weights is not None:
        network.load(weights)
    return TextEncoder(network.name, width, network.numbers, network)


def _mean_pooled(model: Any, tokenizer: Any) -> Callable[[Sequence[str]], torch.Tensor]:
    """The mean of the tokens' states (Reimers & Gurevych, EMNLP 2019)."""
    longest = min(MAX_TOKENS, model.config.max_position_embeddings)

    def features(texts: Sequence[str]) -> torch.Tensor:
        tokens = tokenizer(
            list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt"
        ).to(model.device)
        # Twice the texts a second where the processor computes in bfloat16.
        with autocast_bfloat16(model.device):
            states = model(**tokens).last_hidden_state.float()  # (B, T, width)
        mask = tokens["attention_mask"].unsqueeze(-1)  # (B, T, 1)
        pooled: torch.Tensor = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        return pooled

    return features


def _projected(model: Any, tokenizer: Any) -> Callable[[Sequence[str]], torch.Tensor]:
    """The text side of a pair, projected to where the pictures are (CLIP: Radford et al., ICML 2021)."""
    longest = model.config.text_config.max_position_embeddings
    # SigLIP reads its last place, whatever stands there: it learnt from texts filled up to that place.
    filled = str(model.config.model_type).startswith("siglip")

    def features(texts: Sequence[str]) -> torch.Tensor:
        tokens = tokenizer(
            list(texts),
            padding="max_length" if filled else True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        ).to(model.device)
        given = {"input_ids": tokens["input_ids"]}
        if not filled:
            given["attention_mask"] = tokens["attention_mask"]
        with autocast_bfloat16(model.device):
            projected: torch.Tensor = model.get_text_features(**given).pooler_output
        return projected

    return features

"""Text encoders: a title or a request in, one normalised vector out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bowerbird.models.precision import computes_bfloat16
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

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts: B strings -> (B, width) float32, each of length 1.

        In bfloat16 a text's vector depends on its batch's padding in the fifth digit of its cosine.
        """
        if not texts:
            return np.zeros((0, self.width), np.float32)
        rows = self.features([text[:MAX_CHARACTERS] for text in texts])
        vectors: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1e-12)
        return vectors.astype(np.float32, copy=False)


def load_text_encoder(name: str = "minilm-l6") -> TextEncoder:
    """Load a text encoder by default name, `hf:org/name` or folder.

    A BERT-family model, the text side of a CLIP or SigLIP pair, or a Qwen3-VL-Embedding. Raises
    `BackboneError` where it can't be loaded.
    """
    from transformers import AutoModel, AutoTokenizer

    model = pretrained(
        name, "a text encoder", lambda source: AutoModel.from_pretrained(source, dtype=torch.float32).eval()
    )
    if is_qwen_embedding(model):
        qwen = qwen_embedding(name, model)
        return TextEncoder(name, qwen.width, qwen.texts)
    tokenizer = pretrained(name, "a text encoder", AutoTokenizer.from_pretrained)
    if hasattr(model, "get_text_features"):
        config = model.config
        sided = getattr(config.text_config, "projection_size", None) or config.text_config.hidden_size
        return TextEncoder(
            name, int(getattr(config, "projection_dim", None) or sided), _projected(model, tokenizer)
        )
    return TextEncoder(name, int(model.config.hidden_size), _mean_pooled(model, tokenizer))


def _mean_pooled(model: Any, tokenizer: Any) -> Features:
    """The mean of the tokens' states (Reimers & Gurevych, EMNLP 2019)."""
    longest = min(MAX_TOKENS, model.config.max_position_embeddings)

    @torch.inference_mode()
    def features(texts: Sequence[str]) -> np.ndarray:
        tokens = tokenizer(
            list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt"
        )
        # Twice the texts a second where the processor computes in bfloat16.
        with torch.autocast("cpu", torch.bfloat16, enabled=computes_bfloat16()):
            states = model(**tokens).last_hidden_state.float()  # (B, T, width)
        mask = tokens["attention_mask"].unsqueeze(-1)  # (B, T, 1)
        pooled: np.ndarray = ((states * mask).sum(1) / mask.sum(1).clamp(min=1)).numpy()
        return pooled

    return features


def _projected(model: Any, tokenizer: Any) -> Features:
    """The text side of a pair, projected to where the pictures are (CLIP: Radford et al., ICML 2021)."""
    longest = model.config.text_config.max_position_embeddings
    # SigLIP reads its last place, whatever stands there: it learnt from texts filled up to that place.
    filled = str(model.config.model_type).startswith("siglip")

    @torch.inference_mode()
    def features(texts: Sequence[str]) -> np.ndarray:
        tokens = tokenizer(
            list(texts),
            padding="max_length" if filled else True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        )
        given = {"input_ids": tokens["input_ids"]}
        if not filled:
            given["attention_mask"] = tokens["attention_mask"]
        with torch.autocast("cpu", torch.bfloat16, enabled=computes_bfloat16()):
            projected = model.get_text_features(**given).pooler_output
        rows: np.ndarray = projected.float().numpy()
        return rows

    return features

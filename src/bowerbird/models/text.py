"""Text encoders: a title or a request in, one normalised vector out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bowerbird.models.precision import computes_bfloat16
from bowerbird.models.pretrained import pretrained

MAX_TOKENS = 128
"""Longer texts are cut here: a title, its facts and the first sentences carry an item's meaning."""
MAX_CHARACTERS = 4000
"""Cut before tokenising, so that an absurdly long text costs no more than a long one."""


@dataclass(frozen=True)
class TextEncoder:
    """Mean-pooled token states of a BERT-family model, L2-normalised (Reimers & Gurevych, EMNLP 2019)."""

    name: str
    model: Any
    tokenizer: Any
    width: int

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts: B strings -> (B, width) float32, each of length 1.

        In bfloat16 a text's vector depends on its batch's padding in the fifth digit of its cosine.
        """
        if not texts:
            return np.zeros((0, self.width), np.float32)
        tokens = self.tokenizer(
            [text[:MAX_CHARACTERS] for text in texts],
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        # Twice the texts a second where the processor computes in bfloat16.
        with torch.autocast("cpu", torch.bfloat16, enabled=computes_bfloat16()):
            states = self.model(**tokens).last_hidden_state.float()  # (B, T, width)
        mask = tokens["attention_mask"].unsqueeze(-1)  # (B, T, 1)
        pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        vectors: np.ndarray = torch.nn.functional.normalize(pooled.float(), dim=-1).numpy()
        return vectors


def load_text_encoder(name: str = "minilm-l6") -> TextEncoder:
    """Load a BERT-family encoder by default name, `hf:org/name` or folder. Raises `BackboneError`."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = pretrained(name, "a text encoder", AutoTokenizer.from_pretrained)
    model = pretrained(
        name, "a text encoder", lambda source: AutoModel.from_pretrained(source, dtype=torch.float32).eval()
    )
    return TextEncoder(name, model, tokenizer, int(model.config.hidden_size))

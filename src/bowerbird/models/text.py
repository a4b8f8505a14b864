"""Texts to vectors with a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

MAX_TOKENS = 128
MAX_LETTERS = 4_000
"""Cut before the tokenizer sees it: over 30 letters a token remain, and a text of 100,000 costs nothing."""
BATCH = 64


class TextEncoder:
    """Mean of the last hidden states over a text's tokens, of length 1 (Reimers and Gurevych, EMNLP 2019)."""

    def __init__(self, model: Any, tokenizer: Any, fingerprint: str) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self.fingerprint = fingerprint
        self.width = int(model.config.hidden_size)
        self._limit = min(MAX_TOKENS, int(getattr(model.config, "max_position_embeddings", MAX_TOKENS)))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts, (B, width) float32 of length 1. Only the first 128 tokens of each are read."""
        out = np.zeros((len(texts), self.width), dtype=np.float32)
        # Texts of like length together: a batch is as slow as its longest text.
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            out[rows] = self._batch([texts[row][:MAX_LETTERS] for row in rows])
        return out

    @torch.inference_mode()
    def _batch(self, texts: list[str]) -> np.ndarray:
        tokens = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._limit, return_tensors="pt"
        )
        hidden = self._model(**tokens).last_hidden_state  # (B, tokens, width)
        # Some tokenizers (SigLIP's) give no mask: every token counts.
        mask = tokens.get("attention_mask", torch.ones_like(tokens["input_ids"])).unsqueeze(-1)
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        vectors: np.ndarray = torch.nn.functional.normalize(mean.float(), dim=1).numpy()
        return vectors

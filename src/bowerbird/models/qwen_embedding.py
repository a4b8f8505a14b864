"""Qwen3-VL-Embedding: texts and pictures through one language model, whose last token's state is the vector.

The prompt is the one that the model was trained with: a system message that says what to do, the thing as the
user's message, and the opening of a reply (Qwen3-VL-Embedding's model card). Causal attention lets only the
last token see everything, so the others are not averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from bowerbird.models.pixels import ImageSpec
from bowerbird.models.precision import autocast_bfloat16
from bowerbird.models.pretrained import pretrained

INSTRUCTION = "Represent the user's input."
SIDE = 448
"""Pixels: 196 tokens a picture; the model takes up to 1,800, at nine times the time."""
MAX_CHARACTERS = 512
"""Longer texts are cut here: a title, its facts and the first sentences carry an item's meaning."""


def is_qwen_embedding(model: Any) -> bool:
    """Whether a loaded model is of this family."""
    return str(model.config.model_type).startswith("qwen3_vl")


@dataclass(frozen=True)
class QwenEmbedding:
    """A loaded model with its tokenizer; the processor of pictures is given with the pictures."""

    model: Any
    tokenizer: Any
    width: int

    def texts(self, texts: Sequence[str]) -> torch.Tensor:
        """B strings -> (B, width)."""
        return self._last_states([self._prompt({"type": "text", "text": t[:MAX_CHARACTERS]}) for t in texts])

    def pictures(self, pixels: np.ndarray, processor: Any) -> torch.Tensor:
        """(B, S, S, 3) uint8 -> (B, width); `processor` is the model's own, of pictures."""
        images = [Image.fromarray(one) for one in pixels]
        seen = processor(images=images, do_resize=False, return_tensors="pt")
        place = self.tokenizer.convert_ids_to_tokens(self.model.config.image_token_id)
        prompt = self._prompt({"type": "image"})
        tokens = seen["image_grid_thw"].prod(1) // processor.merge_size**2  # of each picture
        prompts = [prompt.replace(place, place * int(count)) for count in tokens]
        return self._last_states(
            prompts, pixel_values=seen["pixel_values"], image_grid_thw=seen["image_grid_thw"]
        )

    def image_spec(self, processor: Any) -> ImageSpec:
        """Pictures of `SIDE`, rounded to whole tokens."""
        token = processor.patch_size * processor.merge_size
        return ImageSpec(
            max(1, SIDE // token) * token, tuple(processor.image_mean), tuple(processor.image_std)
        )

    def _prompt(self, content: dict[str, str]) -> str:
        messages = [
            {"role": "system", "content": [{"type": "text", "text": INSTRUCTION}]},
            {"role": "user", "content": [content]},
        ]
        prompt: str = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return prompt

    def _last_states(self, prompts: list[str], **pictures: torch.Tensor) -> torch.Tensor:
        device = self.model.device
        tokens = self.tokenizer(prompts, padding=True, padding_side="right", return_tensors="pt").to(device)
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        if pictures:
            pictures = {name: one.to(device) for name, one in pictures.items()}
            pictures["mm_token_type_ids"] = (ids == self.model.config.image_token_id).int()
        with autocast_bfloat16(device):
            states = self.model(input_ids=ids, attention_mask=mask, **pictures).last_hidden_state
        rows: torch.Tensor = states[torch.arange(len(ids), device=device), mask.sum(1) - 1]
        return rows


def qwen_embedding(name: str, model: Any) -> QwenEmbedding:
    """A loaded model with its tokenizer. Raises `BackboneError` where that can't be loaded."""
    from transformers import AutoTokenizer

    tokenizer = pretrained(name, "a text encoder", AutoTokenizer.from_pretrained)
    return QwenEmbedding(model, tokenizer, int(model.config.text_config.hidden_size))

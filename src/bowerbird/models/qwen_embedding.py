"""Qwen3-VL-Embedding: texts and pictures through one language model; the last token's state is the vector.

The prompt is the one that the model was trained with (Qwen3-VL-Embedding's model card): a system message with
the instruction, the content as the user's message, and the start of a reply. With causal attention only the
last token attends to everything, so token states are not averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from bowerbird.data.arrays import PixelArray
from bowerbird.models.pixels import ImageSpec
from bowerbird.models.precision import autocast_bfloat16
from bowerbird.models.pretrained import load_pretrained

INSTRUCTION = "Represent the user's input."
SIDE = 448
"""Pixels: 196 tokens per picture; the model takes up to 1,800, which is nine times slower."""
MAX_CHARACTERS = 512
"""Longer texts are truncated: the title, facts and first sentences carry an item's meaning."""


def is_qwen_embedding(model: Any) -> bool:
    """Whether a loaded model is of this family."""
    return str(model.config.model_type).startswith("qwen3_vl")


@dataclass(frozen=True)
class QwenEmbedding:
    """A loaded model with its tokenizer; the image processor is passed with the pictures."""

    model: Any
    tokenizer: Any
    width: int

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """B strings -> (B, width)."""
        return self._last_states(
            [self._prompt({"type": "text", "text": text[:MAX_CHARACTERS]}) for text in texts]
        )

    def encode_pictures(self, pixels: PixelArray, processor: Any) -> torch.Tensor:
        """(B, S, S, 3) uint8 -> (B, width); `processor` is the model's own image processor."""
        images = [Image.fromarray(picture) for picture in pixels]
        inputs = processor(images=images, do_resize=False, return_tensors="pt")
        image_token = self.tokenizer.convert_ids_to_tokens(self.model.config.image_token_id)
        prompt = self._prompt({"type": "image"})
        tokens = inputs["image_grid_thw"].prod(1) // processor.merge_size**2  # of each picture
        prompts = [prompt.replace(image_token, image_token * int(count)) for count in tokens]
        return self._last_states(
            prompts, pixel_values=inputs["pixel_values"], image_grid_thw=inputs["image_grid_thw"]
        )

    def build_image_spec(self, processor: Any) -> ImageSpec:
        """Image input of `SIDE` pixels, rounded down to whole tokens."""
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

    def _last_states(self, prompts: list[str], **image_inputs: torch.Tensor) -> torch.Tensor:
        device = self.model.device
        tokens = self.tokenizer(prompts, padding=True, padding_side="right", return_tensors="pt").to(device)
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        if image_inputs:
            image_inputs = {name: tensor.to(device) for name, tensor in image_inputs.items()}
            image_inputs["mm_token_type_ids"] = (ids == self.model.config.image_token_id).int()
        with autocast_bfloat16(device):
            states = self.model(input_ids=ids, attention_mask=mask, **image_inputs).last_hidden_state
        rows: torch.Tensor = states[torch.arange(len(ids), device=device), mask.sum(1) - 1]
        return rows


def wrap_qwen_embedding(name: str, model: Any) -> QwenEmbedding:
    """Load the tokenizer of a loaded model. Raises `BackboneError` if it can't be loaded."""
    from transformers import AutoTokenizer

    tokenizer = load_pretrained(name, "a text encoder", AutoTokenizer.from_pretrained)
    return QwenEmbedding(model, tokenizer, int(model.config.text_config.hidden_size))

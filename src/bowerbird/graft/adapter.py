"""Which of the language model's own weights are trained: none, low-rank additions (LoRA), or all.

LoRA (Hu et al., ICLR 2022) comes from `peft` and is saved in its standard layout, so other tools can read it.
When a graft is opened, the additions are merged into the weights, so any engine runs the result.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM

from bowerbird.choices import AdaptationMode
from bowerbird.graft.base import Base

LORA_FOLDER, FULL_FOLDER = "adapter", "model"
RANK, ALPHA = 16, 32  # alpha = 2 · rank, the usual choice: additions are scaled by alpha / rank
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class TrainableDecoder:
    """A language model in training: the base itself, or a copy with trainable weights."""

    def __init__(self, base: Base, adapt: AdaptationMode, seed: int) -> None:
        self.adapt = adapt
        self._peft_model: Any = None
        if adapt is AdaptationMode.FROZEN:
            self.model = base.fast_model()
        elif adapt is AdaptationMode.FULL:
            # Small updates round to zero in bfloat16's eight bits, so all trained weights are float32.
            self.model = copy.deepcopy(base.model).float().requires_grad_(True)
        else:
            from peft import LoraConfig, get_peft_model

            torch.manual_seed(seed)
            linear_names = {
                name.split(".")[-1]
                for name, module in base.model.named_modules()
                if isinstance(module, nn.Linear)
            }
            config = LoraConfig(
                r=RANK,
                lora_alpha=ALPHA,
                target_modules=[target for target in TARGETS if target in linear_names],
            )
            fast_model = base.fast_model()
            self._peft_model = get_peft_model(
                copy.deepcopy(fast_model) if fast_model is base.model else fast_model, config
            )
            self.model = self._peft_model.get_base_model()

    @property
    def trainable_parameters(self) -> list[nn.Parameter]:
        """The parameters that receive gradients."""
        return [p for p in self.model.parameters() if p.requires_grad]

    def save(self, folder: Path) -> None:
        """Write the trained weights into a version's folder."""
        if self.adapt is AdaptationMode.LORA:
            self._peft_model.save_pretrained(folder / LORA_FOLDER)
        elif self.adapt is AdaptationMode.FULL:
            self.model.save_pretrained(folder / FULL_FOLDER)


def load_adapted_base(base: Base, folder: Path) -> Base:
    """Return the base with a version's trained weights loaded or merged into it."""
    if (folder / FULL_FOLDER).exists():
        model = AutoModelForCausalLM.from_pretrained(folder / FULL_FOLDER, dtype=base.embedding_table.dtype)
        return Base.from_model(base.name, model, base.tokenizer)
    if (folder / LORA_FOLDER).exists():
        from peft import PeftModel

        merged = PeftModel.from_pretrained(base.model, str(folder / LORA_FOLDER)).merge_and_unload()
        return Base.from_model(base.name, merged, base.tokenizer)
    return base

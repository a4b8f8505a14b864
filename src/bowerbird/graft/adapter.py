"""Which of the language model's own weights learn: none, low-rank additions (LoRA), or all.

LoRA (Hu et al., 2021) comes from `peft` and is saved in its ordinary layout, so other tools read it; to use a
graft, the additions are merged into the weights, and any engine runs the result.
"""

from __future__ import annotations

import copy
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM

from bowerbird.graft.base import Base

LORA_FOLDER, FULL_FOLDER = "adapter", "model"
RANK, ALPHA = 16, 32
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class AdaptationMode(StrEnum):
    """What of the language model is trained in addition to the connector."""

    FROZEN = "frozen"
    """Nothing: plain text stays exactly as it was."""
    LORA = "lora"
    FULL = "full"


class TrainableDecoder:
    """A language model in training: the base itself, or a copy with weights that learn."""

    def __init__(self, base: Base, adapt: AdaptationMode, seed: int) -> None:
        self.adapt = adapt
        self._peft: Any = None
        if adapt is AdaptationMode.FROZEN:
            self.model = base.fast_model()
        elif adapt is AdaptationMode.FULL:
            # Small steps vanish in bfloat16's eight bits, so all weights that learn are float32.
            self.model = copy.deepcopy(base.model).float().requires_grad_(True)
        else:
            from peft import LoraConfig, get_peft_model

            torch.manual_seed(seed)
            linear = {n.split(".")[-1] for n, m in base.model.named_modules() if isinstance(m, nn.Linear)}
            config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=[t for t in TARGETS if t in linear])
            own = base.fast_model()
            self._peft = get_peft_model(copy.deepcopy(own) if own is base.model else own, config)
            self.model = self._peft.get_base_model()

    @property
    def trained(self) -> list[nn.Parameter]:
        """The weights that learn."""
        return [p for p in self.model.parameters() if p.requires_grad]

    def save(self, folder: Path) -> None:
        """Write what was trained into a version's folder."""
        if self.adapt is AdaptationMode.LORA:
            self._peft.save_pretrained(folder / LORA_FOLDER)
        elif self.adapt is AdaptationMode.FULL:
            self.model.save_pretrained(folder / FULL_FOLDER)


def load_adapted_base(base: Base, folder: Path) -> Base:
    """The base with what a version's folder trained of it, ready to use."""
    if (folder / FULL_FOLDER).exists():
        model = AutoModelForCausalLM.from_pretrained(folder / FULL_FOLDER, dtype=base.table.dtype)
        return Base.of(base.name, model, base.tokenizer)
    if (folder / LORA_FOLDER).exists():
        from peft import PeftModel

        merged = PeftModel.from_pretrained(base.model, str(folder / LORA_FOLDER)).merge_and_unload()
        return Base.of(base.name, merged, base.tokenizer)
    return base

"""The language model that items are grafted into: never changed, so that plain text stays exactly as it was.

A vocabulary entry that ordinary text never holds keeps an item's place in a list of token ids. It is an
existing entry (SmolLM2's `<repo_name>`, Qwen's `<|image_pad|>`), so no matrix is resized and any engine's
tokenizer knows it. Models without such an entry lend the last row but one of their matrix.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bowerbird.errors import BackboneError
from bowerbird.graft.runtime import ModelLimits
from bowerbird.graft.surgery.decoder import load_text_decoder
from bowerbird.models import load_language_model

ITEM_TOKENS = ("<repo_name>", "<|image_pad|>")
"""Reserved entries that can keep an item's place, in order of preference."""
RESERVED_TOKENS = frozenset({*ITEM_TOKENS, "<file_sep>", "<|fim_pad|>"})
"""Entries of code models' formats that are no word of a reply."""


@dataclass(frozen=True)
class Base:
    """A frozen decoder with its tokenizer and the id that keeps an item's place."""

    name: str
    model: Any
    tokenizer: Any
    item_id: int

    @classmethod
    def load(cls, name: str) -> Base:
        """Load by name; of a vision-language model, the text decoder alone.

        Raises `BackboneError` where there is no such model, or it is no decoder.
        """
        # A folder is remembered by its whole path: a graft is opened from other working directories too.
        name = str(Path(name).resolve()) if Path(name).is_dir() else name
        return cls.of(name, *load_language_model(name, load_text_decoder))

    @classmethod
    def of(cls, name: str, model: Any, tokenizer: Any) -> Base:
        if not hasattr(model, "lm_head") or model.get_input_embeddings() is None:
            raise BackboneError(
                f"{name} is a {type(model).__name__}, not a text decoder with a language head"
            )
        model.requires_grad_(False).eval()
        vocabulary = tokenizer.get_vocab()
        spare = model.get_input_embeddings().weight.shape[0] - 2
        return cls(
            name, model, tokenizer, next((vocabulary[t] for t in ITEM_TOKENS if t in vocabulary), spare)
        )

    @property
    def trunk(self) -> Any:
        """The decoder without its language head: embeddings in, states out."""
        return self.model.base_model

    @property
    def table(self) -> torch.Tensor:
        """Token embeddings, (vocabulary, hidden), in the model's own precision."""
        weight: torch.Tensor = self.model.get_input_embeddings().weight
        return weight.detach()

    def rows(self, ids: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Embeddings of tokens, (ids, hidden) float32."""
        return self.table[torch.as_tensor(np.asarray(ids, np.int64))].float()

    @property
    def hidden(self) -> int:
        return int(self.table.shape[1])

    @property
    def longest(self) -> int:
        """Tokens that the model can hold."""
        return int(getattr(self.model.config, "max_position_embeddings", 2048))

    @cached_property
    def ends(self) -> frozenset[int]:
        """Ids that end a text."""
        configured = self.model.generation_config.eos_token_id
        ids = configured if isinstance(configured, list) else [configured]
        return frozenset(i for i in [*ids, self.tokenizer.eos_token_id] if i is not None)

    @cached_property
    def never(self) -> frozenset[int]:
        """Ids that are never written: control and reserved tokens, but for those that end a text."""
        vocabulary = self.tokenizer.get_vocab()
        reserved = {vocabulary[token] for token in RESERVED_TOKENS if token in vocabulary}
        return (frozenset(self.tokenizer.all_special_ids) | reserved | {self.item_id}) - self.ends

    @property
    def limits(self) -> ModelLimits:
        return ModelLimits(self.name, self.hidden, self.longest)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the architecture and of some thousand weights; another revision has another one."""
        digest = hashlib.blake2b(digest_size=16)
        config = self.model.config
        for field in ("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"):
            digest.update(f"{field}={getattr(config, field, None)};".encode())
        for name, weight in sorted(self.model.named_parameters()):
            flat = weight.detach().flatten()
            some = flat[:: max(1, len(flat) // 64)][:64].float().numpy()
            digest.update(name.encode() + str(tuple(weight.shape)).encode() + some.tobytes())
        return digest.hexdigest()

    def tokens(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def fast_model(self) -> Any:
        """A copy of the whole model for training passes: in bfloat16 where the processor multiplies it fast.

        Whole weights are cast once; autocast would cast every frozen weight again in each pass.
        """
        if self.table.dtype == torch.bfloat16 or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            return self.model
        return copy.deepcopy(self.model).to(torch.bfloat16)

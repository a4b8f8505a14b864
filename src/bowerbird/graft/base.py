"""The frozen language model that items are grafted into; its output on plain text never changes.

In a list of token ids, an item is represented by a placeholder: a vocabulary entry that does not occur in
ordinary text. It is an existing entry (SmolLM2's `<repo_name>`, Qwen's `<|image_pad|>`), so no matrix is
resized and any engine's tokenizer knows it. For models without such an entry it is the second-to-last row of
the embedding matrix.
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

from bowerbird.data.arrays import IntArray
from bowerbird.errors import BackboneError
from bowerbird.graft.runtime import ModelLimits
from bowerbird.graft.surgery.decoder import load_text_decoder
from bowerbird.models import load_language_model

PLACEHOLDER_TOKENS = ("<repo_name>", "<|image_pad|>")
"""Reserved entries that can serve as an item's placeholder, in order of preference."""
RESERVED_TOKENS = frozenset({*PLACEHOLDER_TOKENS, "<file_sep>", "<|fim_pad|>"})
"""Control entries of code models' formats, which never belong in a reply."""


@dataclass(frozen=True)
class Base:
    """A frozen decoder with its tokenizer and the token id of the item placeholder."""

    name: str
    model: Any
    tokenizer: Any
    placeholder_id: int

    @classmethod
    def load(cls, name: str) -> Base:
        """Load by name; of a vision-language model, the text decoder alone.

        Raises `BackboneError` if there is no such model, or it is not a decoder.
        """
        # Store the absolute path of a folder: a graft is opened from other working directories too.
        name = str(Path(name).resolve()) if Path(name).is_dir() else name
        return cls.from_model(name, *load_language_model(name, load_text_decoder))

    @classmethod
    def from_model(cls, name: str, model: Any, tokenizer: Any) -> Base:
        """Freeze a loaded model. Raises `BackboneError` if it has no language head."""
        if not hasattr(model, "lm_head") or model.get_input_embeddings() is None:
            raise BackboneError(
                f"{name} is a {type(model).__name__}, not a text decoder with a language head"
            )
        model.requires_grad_(False).eval()
        vocabulary = tokenizer.get_vocab()
        second_to_last = model.get_input_embeddings().weight.shape[0] - 2
        return cls(
            name,
            model,
            tokenizer,
            next((vocabulary[token] for token in PLACEHOLDER_TOKENS if token in vocabulary), second_to_last),
        )

    @property
    def trunk(self) -> Any:
        """The decoder without its language head: embeddings in, hidden states out."""
        return self.model.base_model

    @property
    def embedding_table(self) -> torch.Tensor:
        """Token embeddings, (vocabulary, hidden), in the model's own precision."""
        weight: torch.Tensor = self.model.get_input_embeddings().weight
        return weight.detach()

    def embed_tokens(self, ids: Sequence[int] | IntArray) -> torch.Tensor:
        """Look up token embeddings, (ids, hidden) float32."""
        return self.embedding_table[torch.as_tensor(np.asarray(ids, np.int64))].float()

    @property
    def hidden(self) -> int:
        """Width of the hidden states."""
        return int(self.embedding_table.shape[1])

    @property
    def context_length(self) -> int:
        """The model's context length in tokens."""
        return int(getattr(self.model.config, "max_position_embeddings", 2048))

    @cached_property
    def end_ids(self) -> frozenset[int]:
        """Token ids that end a text (EOS)."""
        configured = self.model.generation_config.eos_token_id
        ids = configured if isinstance(configured, list) else [configured]
        return frozenset(i for i in [*ids, self.tokenizer.eos_token_id] if i is not None)

    @cached_property
    def forbidden_ids(self) -> frozenset[int]:
        """Token ids that are never generated: control and reserved tokens, except those that end a text."""
        vocabulary = self.tokenizer.get_vocab()
        reserved = {vocabulary[token] for token in RESERVED_TOKENS if token in vocabulary}
        return (frozenset(self.tokenizer.all_special_ids) | reserved | {self.placeholder_id}) - self.end_ids

    @property
    def limits(self) -> ModelLimits:
        return ModelLimits(self.name, self.hidden, self.context_length)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the architecture and of a few thousand weights, which tells model revisions apart."""
        digest = hashlib.blake2b(digest_size=16)
        config = self.model.config
        for field in ("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"):
            digest.update(f"{field}={getattr(config, field, None)};".encode())
        for name, weight in sorted(self.model.named_parameters()):
            flat = weight.detach().flatten()
            sample = flat[:: max(1, len(flat) // 64)][:64].float().numpy()
            digest.update(name.encode() + str(tuple(weight.shape)).encode() + sample.tobytes())
        return digest.hexdigest()

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def fast_model(self) -> Any:
        """Return the model to train through: a bfloat16 copy on processors that multiply bfloat16 fast.

        The weights are cast once; autocast would cast every frozen weight again in each pass.
        """
        if self.embedding_table.dtype == torch.bfloat16 or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            return self.model
        return copy.deepcopy(self.model).to(torch.bfloat16)

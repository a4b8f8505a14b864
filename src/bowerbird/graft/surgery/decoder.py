"""Decoder-only: the plain text decoder that a vision-language checkpoint contains, without its tower.

A vision-language model of these families is a text decoder, a vision tower, and rotary positions of three
coordinates (M-RoPE). With one soft token an item all three coordinates are equal, and M-RoPE is then the
decoder's ordinary rotary embedding; DeepStack adds what the tower's middle layers saw, which for an item is
nothing. So the decoder alone gives the same logits, to the bit, and is a class that every engine serves.

The tower's weights are not read from disk: the decoder's class does not name them, so `from_pretrained` never
opens their tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)
from transformers.conversion_mapping import (
    get_checkpoint_conversion_mapping,
    register_checkpoint_conversion_mapping,
)
from transformers.initialization import no_init_weights
from transformers.utils import logging

from bowerbird.errors import BackboneError


class _Qwen3MoeOfVision(Qwen3MoeForCausalLM):  # type: ignore[misc]
    """Reads the experts as vision-language checkpoints store them: fused, and transposed."""


@dataclass(frozen=True)
class Family:
    """A vision-language architecture and the text decoder inside it."""

    config: Any
    decoder: Any
    """The class to load with: our own where the checkpoint stores weights otherwise than the decoder does."""
    fixed: dict[str, Any]
    """What the vision-language code does without asking its config."""


FAMILIES = {
    "qwen3_vl": Family(Qwen3Config, Qwen3ForCausalLM, {}),
    "qwen3_vl_moe": Family(Qwen3MoeConfig, _Qwen3MoeOfVision, {"norm_topk_prob": True}),
    "qwen2_5_vl": Family(Qwen2Config, Qwen2ForCausalLM, {}),
}
"""By the checkpoint's `model_type`."""

_RENAMED = {r"^model\.language_model\.": "model."}
_NOT_THE_DECODERS = ("model_type", "architectures", "transformers_version", "rope_parameters")


def load_text_decoder(source: str, dtype: Any = "auto") -> Any:
    """A text decoder by hub name or folder, in evaluation mode, its weights as saved unless `dtype` is given.

    A plain decoder's checkpoint loads as it is, a vision-language one without its tower. Raises
    `BackboneError` where weights of the decoder are missing from the checkpoint.
    """
    config = AutoConfig.from_pretrained(source)
    family = FAMILIES.get(config.model_type)
    if family is None:
        return AutoModelForCausalLM.from_pretrained(source, dtype=dtype).eval()
    if family.decoder is _Qwen3MoeOfVision:
        stored = get_checkpoint_conversion_mapping(config.model_type)
        register_checkpoint_conversion_mapping(family.decoder.__name__, stored, overwrite=True)
    with _without_load_report():
        loaded, said = family.decoder.from_pretrained(
            source, config=decoder_config(config), key_mapping=_RENAMED, dtype=dtype, output_loading_info=True
        )
    # transformers draws what it does not find at random and goes on, so look.
    strange = [key for key in said["unexpected_keys"] if "visual." not in key]
    if said["missing_keys"] or said["mismatched_keys"] or strange:
        raise BackboneError(
            f"{source} is no {config.model_type} checkpoint that this version can read: missing "
            f"{sorted(said['missing_keys'])[:3]}, of another shape {sorted(said['mismatched_keys'])[:3]}, "
            f"unknown {sorted(strange)[:3]}"
        )
    # Loaded under other names, it would also be saved under them: hand the weights to a plain one.
    with no_init_weights():
        plain = AutoModelForCausalLM.from_config(loaded.config, dtype=loaded.dtype)
    plain.load_state_dict(loaded.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = loaded.generation_config
    return plain.eval()


@contextmanager
def _without_load_report() -> Iterator[None]:
    """The tower's hundreds of tensors are unexpected on purpose: no table of them."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def decoder_config(config: Any) -> Any:
    """The text decoder's own configuration inside a vision-language one of `FAMILIES`."""
    family, text = FAMILIES[config.model_type], config.text_config
    fields = set(family.config().to_dict()) - set(_NOT_THE_DECODERS)
    values = {name: value for name, value in text.to_dict().items() if name in fields}
    rope = {name: value for name, value in text.rope_parameters.items() if not name.startswith("mrope")}
    if rope.get("rope_type") == "mrope":
        rope["rope_type"] = "default"
    # Only the outer configuration says whether the language head is the embedding table.
    values["tie_word_embeddings"] = bool(config.tie_word_embeddings)
    return family.config(**(values | {"rope_parameters": rope} | family.fixed))

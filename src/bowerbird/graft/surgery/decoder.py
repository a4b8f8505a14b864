"""Decoder surgery: loads the text decoder of a vision-language checkpoint without its vision tower.

A vision-language model of these families is a text decoder, a vision tower, and rotary positions of three
coordinates (M-RoPE; Qwen2-VL, Wang et al., 2024). With one soft token per item all three coordinates are
equal, and M-RoPE reduces to the decoder's ordinary rotary embedding; DeepStack adds features of the tower's
middle layers, which an item does not have. So the decoder alone gives bit-identical logits, and every engine
can serve its class.

The tower's weights are not read from disk: the decoder's class has no such parameters, so `from_pretrained`
never opens their tensors.
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
    """Reads the experts in the layout of vision-language checkpoints: fused and transposed."""


@dataclass(frozen=True)
class Family:
    """A vision-language architecture and the text decoder inside it."""

    config: Any
    decoder: Any
    """The class to load with: our own if the checkpoint's weight layout differs from the decoder's."""
    fixed: dict[str, Any]
    """Settings that the vision-language code hard-codes instead of reading them from its config."""


FAMILIES = {
    "qwen3_vl": Family(Qwen3Config, Qwen3ForCausalLM, {}),
    "qwen3_vl_moe": Family(Qwen3MoeConfig, _Qwen3MoeOfVision, {"norm_topk_prob": True}),
    "qwen2_5_vl": Family(Qwen2Config, Qwen2ForCausalLM, {}),
}
"""By the checkpoint's `model_type`."""

_KEY_MAPPING = {r"^model\.language_model\.": "model."}
_EXCLUDED_FIELDS = ("model_type", "architectures", "transformers_version", "rope_parameters")


def load_text_decoder(source: str, dtype: Any = "auto") -> Any:
    """Load a text decoder by hub name or folder, in evaluation mode; weights as saved unless `dtype` is
    given.

    A plain decoder's checkpoint loads as it is, a vision-language one without its tower. Raises
    `BackboneError` if weights of the decoder are missing from the checkpoint.
    """
    config = AutoConfig.from_pretrained(source)
    family = FAMILIES.get(config.model_type)
    if family is None:
        return AutoModelForCausalLM.from_pretrained(source, dtype=dtype).eval()
    if family.decoder is _Qwen3MoeOfVision:
        mapping = get_checkpoint_conversion_mapping(config.model_type)
        register_checkpoint_conversion_mapping(family.decoder.__name__, mapping, overwrite=True)
    with _without_load_report():
        loaded, loading_info = family.decoder.from_pretrained(
            source,
            config=extract_decoder_config(config),
            key_mapping=_KEY_MAPPING,
            dtype=dtype,
            output_loading_info=True,
        )
    # transformers initialises missing weights at random without an error, so check.
    unexpected = [key for key in loading_info["unexpected_keys"] if "visual." not in key]
    if loading_info["missing_keys"] or loading_info["mismatched_keys"] or unexpected:
        raise BackboneError(
            f"{source} is not a {config.model_type} checkpoint that this version can read: missing "
            f"{sorted(loading_info['missing_keys'])[:3]}, of another shape "
            f"{sorted(loading_info['mismatched_keys'])[:3]}, "
            f"unknown {sorted(unexpected)[:3]}"
        )
    # It would be saved under the checkpoint's parameter names, so move the weights to a plain decoder.
    with no_init_weights():
        decoder = AutoModelForCausalLM.from_config(loaded.config, dtype=loaded.dtype)
    decoder.load_state_dict(loaded.state_dict(), assign=True)
    decoder.tie_weights()
    decoder.generation_config = loaded.generation_config
    return decoder.eval()


@contextmanager
def _without_load_report() -> Iterator[None]:
    """Silence the report of unexpected tensors: the tower's are ignored on purpose."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def extract_decoder_config(config: Any) -> Any:
    """Build the text decoder's configuration from a vision-language one of `FAMILIES`."""
    family, text_config = FAMILIES[config.model_type], config.text_config
    fields = set(family.config().to_dict()) - set(_EXCLUDED_FIELDS)
    values = {name: value for name, value in text_config.to_dict().items() if name in fields}
    rope = {
        name: value for name, value in text_config.rope_parameters.items() if not name.startswith("mrope")
    }
    if rope.get("rope_type") == "mrope":
        rope["rope_type"] = "default"
    # Only the outer configuration says whether the language head is tied to the embedding table.
    values["tie_word_embeddings"] = bool(config.tie_word_embeddings)
    return family.config(**(values | {"rope_parameters": rope} | family.fixed))

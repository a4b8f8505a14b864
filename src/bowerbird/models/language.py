"""Language models: any Hugging Face decoder, and the small default one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from bowerbird.errors import BackboneError
from bowerbird.models.backbones import backbone_named
from bowerbird.models.fetching import fetch


def load_language_model(name: str = "smollm2-135m") -> tuple[Any, Any]:
    """A decoder and its tokenizer, float32, in evaluation mode, by default name, `hf:org/name` or folder.

    Raises `BackboneError` where it can't be loaded.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if backbone_named(name) is not None:
        source = str(_widened(fetch(name)))
    else:
        source = name.removeprefix("hf:") if name.startswith("hf:") else str(fetch(name))
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval()
    except (OSError, ValueError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackboneError(f"{name} can't be loaded as a language model: {line}") from error
    return model, tokenizer


def _widened(folder: Path) -> Path:
    """A folder's GGUF file as an ordinary checkpoint, made once: it loads ten times faster."""
    target = folder / "widened"
    if target.is_dir():
        return target
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    gguf = next(folder.glob("*.gguf"), None)
    if gguf is None:
        raise BackboneError(f"{folder} holds no .gguf file: delete it and run `bowerbird models pull`")
    loaded = AutoModelForCausalLM.from_pretrained(str(folder), gguf_file=gguf.name, dtype=torch.float32)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = LlamaForCausalLM(config)
    fresh.load_state_dict(loaded.state_dict())
    building = folder / ".widened"
    shutil.rmtree(building, ignore_errors=True)
    fresh.save_pretrained(building)
    AutoTokenizer.from_pretrained(str(folder), gguf_file=gguf.name).save_pretrained(building)
    if not target.exists():
        building.rename(target)
    return target

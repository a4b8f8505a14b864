"""Language models: any Hugging Face decoder, and the small default one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bowerbird.errors import BackboneError
from bowerbird.models.backbones import backbone_named
from bowerbird.models.fetching import fetch
from bowerbird.models.pretrained import pretrained


def load_language_model(
    name: str = "smollm2-135m", load: Callable[[str], Any] | None = None
) -> tuple[Any, Any]:
    """A decoder and its tokenizer, in evaluation mode, by default name, `hf:org/name` or folder.

    `load` makes the model from a hub name or folder; by default the ordinary decoder class does, in the
    precision that the checkpoint was saved in. Raises `BackboneError` where it can't be loaded.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    def ordinary(source: str) -> Any:
        return AutoModelForCausalLM.from_pretrained(source, dtype="auto").eval()

    source = str(_widened(fetch(name))) if backbone_named(name) is not None else name
    tokenizer = pretrained(source, "a language model", AutoTokenizer.from_pretrained)
    return pretrained(source, "a language model", load or ordinary), tokenizer


def _widened(folder: Path) -> Path:
    """A folder's GGUF file as an ordinary checkpoint, made once: it loads ten times faster."""
    target = folder / "widened"
    if target.is_dir():
        return target
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    gguf = next(folder.glob("*.gguf"), None)
    if gguf is None:
        raise BackboneError(f"{folder} holds no .gguf file: delete it and run `bowerbird models pull`")
    loaded = AutoModelForCausalLM.from_pretrained(str(folder), gguf_file=gguf.name, dtype=torch.float32)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = LlamaForCausalLM(config)
    fresh.load_state_dict(loaded.state_dict())
    building = Path(tempfile.mkdtemp(prefix=".widened-", dir=folder))
    try:
        fresh.save_pretrained(building)
        AutoTokenizer.from_pretrained(str(folder), gguf_file=gguf.name).save_pretrained(building)
        if not target.exists():  # another process may have been faster
            building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target

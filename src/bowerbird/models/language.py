"""Language models: any Hugging Face decoder, and the small default one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bowerbird.errors import BackboneError
from bowerbird.models.backbones import find_backbone
from bowerbird.models.fetching import fetch
from bowerbird.models.pretrained import load_pretrained


def load_language_model(
    name: str = "smollm2-135m", load: Callable[[str], Any] | None = None
) -> tuple[Any, Any]:
    """Load a decoder and its tokenizer, in evaluation mode, by default name, `hf:org/name` or folder.

    `load` creates the model from a hub name or folder; the default is the plain decoder class, in the
    checkpoint's precision. Raises `BackboneError` if it can't be loaded.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    def load_decoder(source: str) -> Any:
        return AutoModelForCausalLM.from_pretrained(source, dtype="auto").eval()

    source = str(_dequantise(fetch(name))) if find_backbone(name) is not None else name
    tokenizer = load_pretrained(source, "a language model", AutoTokenizer.from_pretrained)
    return load_pretrained(source, "a language model", load or load_decoder), tokenizer


def _dequantise(folder: Path) -> Path:
    """Dequantise a folder's GGUF file into an ordinary checkpoint, once: it loads ten times faster."""
    target = folder / "widened"
    if target.is_dir():
        return target
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    gguf = next(folder.glob("*.gguf"), None)
    if gguf is None:
        raise BackboneError(f"{folder} contains no .gguf file: delete it and run `bowerbird models pull`")
    quantised = AutoModelForCausalLM.from_pretrained(str(folder), gguf_file=gguf.name, dtype=torch.float32)
    config = quantised.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = LlamaForCausalLM(config)
    model.load_state_dict(quantised.state_dict())
    building = Path(tempfile.mkdtemp(prefix=".widened-", dir=folder))
    try:
        model.save_pretrained(building)
        AutoTokenizer.from_pretrained(str(folder), gguf_file=gguf.name).save_pretrained(building)
        if not target.exists():  # another process may have finished first
            building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target

"""Backbones from their files: a language model, a text encoder, an image encoder.

`name` is one of `bowerbird models list`, `hf:ORGANISATION/NAME`, or a folder with a Hugging Face model.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bowerbird.errors import BackboneError
from bowerbird.models.backbones import backbone_named
from bowerbird.models.fetching import fetch, one_at_a_time

if TYPE_CHECKING:
    import torch

    from bowerbird.models.image import ImageEncoder
    from bowerbird.models.text import TextEncoder

HUB = "hf:"
_WIDE = "float32"  # beside the GGUF: the same weights, widened, as transformers writes them


def load_language_model(name: str, dtype: torch.dtype | None = None) -> tuple[Any, Any]:
    """A causal language model in eval mode (float32 unless `dtype` says otherwise) and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = location(name)
    wide = _widened(Path(source)) if name == "smollm2-135m" else source
    with _explained(name):
        model = AutoModelForCausalLM.from_pretrained(wide, dtype=dtype or torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(wide)
    return model.eval(), tokenizer


def load_text_encoder(name: str) -> TextEncoder:
    """A sentence encoder: the mean of the last hidden states, of length 1."""
    from transformers import AutoModel, AutoTokenizer

    from bowerbird.models.text import TextEncoder

    source = location(name)
    with _explained(name):
        model = AutoModel.from_pretrained(source)
        tokenizer = AutoTokenizer.from_pretrained(source)
    # Of a model with eyes and words (CLIP, SigLIP), the half that reads words.
    return TextEncoder(getattr(model, "text_model", model), tokenizer, fingerprint(name))


def load_image_encoder(name: str) -> ImageEncoder:
    """A picture encoder, pooled or by cells of its last feature map."""
    from bowerbird.models.image import EfficientNetLite, HubImageEncoder, lite0_network

    if name == "efficientnet-lite0":
        return EfficientNetLite(lite0_network(fetch(name)), fingerprint(name))
    from transformers import AutoImageProcessor, AutoModel

    source = location(name)
    with _explained(name):
        model = AutoModel.from_pretrained(source)
        processor = AutoImageProcessor.from_pretrained(source, use_fast=False)
    return HubImageEncoder(getattr(model, "vision_model", model), processor, fingerprint(name))


def fingerprint(name: str) -> str:
    """What changes when a backbone's outputs would: its checksums, or its name where there are none."""
    backbone = backbone_named(name)
    if backbone is None:
        return name
    return f"{name}@{backbone.wheels[0].sha256[:12]}"


def location(name: str) -> str:
    """What `from_pretrained` is given: a folder, or a hub's ORGANISATION/NAME."""
    return name.removeprefix(HUB) if name.startswith(HUB) else str(fetch(name))


class _explained:
    """Turns the many ways in which `from_pretrained` fails into a `BackboneError`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError | ValueError | KeyError):
            why = (str(error).strip().splitlines() or [type(error).__name__])[0]
            advice = "check the name and the network, or download it and name the folder"
            if not self.name.startswith(HUB):
                advice = "name a folder with a Hugging Face model of this kind"
            raise BackboneError(f"{self.name} can't be loaded ({why}): {advice}") from error


def _widened(folder: Path) -> Path:
    """The 4-bit GGUF as an ordinary float32 model folder; made once (it takes half a minute), kept beside it."""
    ready = folder / _WIDE
    if ready.is_dir():
        return ready
    with one_at_a_time():
        if not ready.is_dir():
            building = Path(tempfile.mkdtemp(prefix=".widening-", dir=folder))
            try:
                _widen(folder, building)
                building.rename(ready)
            except OSError as error:
                raise BackboneError(
                    f"the language model can't be kept in {folder} ({error}): free some space there, or set "
                    "BOWERBIRD_CACHE to another folder"
                ) from error
            finally:
                shutil.rmtree(building, ignore_errors=True)
    return ready


def _widen(folder: Path, into: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    gguf = next(folder.glob("*.gguf")).name
    loaded = AutoModelForCausalLM.from_pretrained(str(folder), gguf_file=gguf)
    config = loaded.config
    # The quantisation is undone; as long as the config names it, transformers refuses to save.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = LlamaForCausalLM(config)
    fresh.load_state_dict(loaded.state_dict())
    fresh.save_pretrained(into)
    AutoTokenizer.from_pretrained(str(folder), gguf_file=gguf).save_pretrained(into)

"""Picture models of timm: by their name there, or a folder with timm's `config.json` and weights."""

from __future__ import annotations

from pathlib import Path

import torch

from bowerbird.errors import BackboneError
from bowerbird.models.pixels import ImageSpec


def timm_network(name: str) -> tuple[torch.nn.Module, int, ImageSpec]:
    """The network without its classes, (B, 3, S, S) -> (B, width); its width; what it wants to see.

    `name` is `timm:NAME` or `timm:FOLDER`. Raises `BackboneError` where timm or the model can't be loaded.
    """
    try:
        import timm
        from timm.data import resolve_model_data_config
    except (ImportError, RuntimeError) as error:  # torchvision raises the second beside another torch
        raise BackboneError(
            f"{name} needs timm and a torchvision that fits your torch ({error}): pip install "
            "'bowerbird[timm]', or name a Hugging Face model"
        ) from error
    wanted = name.removeprefix("timm:")
    source = f"local-dir:{wanted}" if Path(wanted).is_dir() else wanted
    try:
        model = timm.create_model(source, pretrained=True, num_classes=0).eval()
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackboneError(
            f"{name} can't be loaded ({line}): name a model that timm has weights of, online for them, or "
            "a folder with its config.json and weights"
        ) from error
    seen = resolve_model_data_config(model)
    image_spec = ImageSpec(int(seen["input_size"][-1]), tuple(seen["mean"]), tuple(seen["std"]))
    return model, int(model.num_features), image_spec

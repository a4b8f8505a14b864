"""timm's image models, by name or from a folder with timm's `config.json` and weights."""

from __future__ import annotations

from pathlib import Path

import torch

from bowerbird.errors import BackboneError
from bowerbird.models.pixels import ImageSpec


def load_timm_network(name: str) -> tuple[torch.nn.Module, int, ImageSpec]:
    """Load a network without its classifier, (B, 3, S, S) -> (B, width); its width; its input specification.

    `name` is `timm:NAME` or `timm:FOLDER`. Raises `BackboneError` if timm or the model can't be loaded.
    """
    try:
        import timm
        from timm.data import resolve_model_data_config
    except (ImportError, RuntimeError) as error:  # torchvision raises RuntimeError with a mismatched torch
        raise BackboneError(
            f"{name} needs timm and a torchvision that fits your torch ({error}): pip install "
            "'bowerbird[timm]', or name a Hugging Face model"
        ) from error
    model_name = name.removeprefix("timm:")
    source = f"local-dir:{model_name}" if Path(model_name).is_dir() else model_name
    try:
        model = timm.create_model(source, pretrained=True, num_classes=0).eval()
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackboneError(
            f"{name} can't be loaded ({first_line}): name a model with pretrained timm weights (which need a "
            "connection), or a folder with its config.json and weights"
        ) from error
    data_config = resolve_model_data_config(model)
    image_spec = ImageSpec(
        int(data_config["input_size"][-1]), tuple(data_config["mean"]), tuple(data_config["std"])
    )
    return model, int(model.num_features), image_spec

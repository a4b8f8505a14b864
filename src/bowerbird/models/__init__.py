"""Open pretrained models, loaded by default name, hub name or folder."""

from typing import TYPE_CHECKING, Any

from bowerbird.models.backbones import BACKBONES, DEFAULT_BACKBONES, Backbone
from bowerbird.models.fetching import fetch, is_pulled

if TYPE_CHECKING:
    from bowerbird.models.language import load_language_model
    from bowerbird.models.pictures.image import ImageEncoder, load_image_encoder
    from bowerbird.models.text import TextEncoder, load_text_encoder

__all__ = [
    "BACKBONES",
    "DEFAULT_BACKBONES",
    "Backbone",
    "ImageEncoder",
    "TextEncoder",
    "fetch",
    "is_pulled",
    "load_image_encoder",
    "load_language_model",
    "load_text_encoder",
]


def __getattr__(name: str) -> Any:
    """Import the loaders, and torch with them, on first use."""
    from importlib import import_module

    for module in ("pictures.image", "language", "text"):
        if name in ("ImageEncoder", "TextEncoder") and module.rpartition(".")[2] not in name.lower():
            continue
        loaded = import_module(f"bowerbird.models.{module}")
        if hasattr(loaded, name):
            return getattr(loaded, name)
    raise AttributeError(f"module 'bowerbird.models' has no attribute {name!r}")

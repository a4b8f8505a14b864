"""Open backbones: which there are, where their files come from, and how they are loaded.

Importing this needs no deep-learning library; loading a model does.
"""

from bowerbird.models.backbones import BACKBONES, Backbone
from bowerbird.models.fetching import fetch
from bowerbird.models.loading import load_image_encoder, load_language_model, load_text_encoder

__all__ = [
    "BACKBONES",
    "Backbone",
    "fetch",
    "load_image_encoder",
    "load_language_model",
    "load_text_encoder",
]

"""bowerbird: your items' embeddings in the place of a vision model's eyes; taste, recommendations, answers.

The names below are all that most users need. They are imported when first used, so that a recommender service
never loads a deep-learning library, and `import bowerbird` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bowerbird.assist.assistant import Assistant as Assistant
    from bowerbird.assist.state import DialogueState as DialogueState
    from bowerbird.data.collections import Collection as Collection
    from bowerbird.data.events import Action as Action
    from bowerbird.data.events import Event as Event
    from bowerbird.data.ingest.imports import import_layout as import_layout
    from bowerbird.data.items import Catalogue as Catalogue
    from bowerbird.data.items import Item as Item
    from bowerbird.data.store import Store as Store
    from bowerbird.embed.config import EmbedConfig as EmbedConfig
    from bowerbird.embed.index.vectors import load_vectors as load_vectors
    from bowerbird.embed.search.searcher import Searcher as Searcher
    from bowerbird.embed.training import train_embedding as train_embedding
    from bowerbird.errors import BowerbirdError as BowerbirdError
    from bowerbird.graft.config import GraftConfig as GraftConfig
    from bowerbird.graft.model import Graft as Graft
    from bowerbird.graft.training.train import train_graft as train_graft
    from bowerbird.recommend.recommender import Recommender as Recommender
    from bowerbird.taste.graph import TasteGraph as TasteGraph

_HOME = {
    "Action": "data.events",
    "Assistant": "assist.assistant",
    "BowerbirdError": "errors",
    "Catalogue": "data.items",
    "Collection": "data.collections",
    "DialogueState": "assist.state",
    "EmbedConfig": "embed.config",
    "Event": "data.events",
    "Graft": "graft.model",
    "GraftConfig": "graft.config",
    "Item": "data.items",
    "Recommender": "recommend.recommender",
    "Searcher": "embed.search.searcher",
    "Store": "data.store",
    "TasteGraph": "taste.graph",
    "import_layout": "data.ingest.imports",
    "load_vectors": "embed.index.vectors",
    "train_embedding": "embed.training",
    "train_graft": "graft.training.train",
}

__all__ = sorted(_HOME)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bowerbird' has no attribute {name!r}")
    return getattr(importlib.import_module(f"bowerbird.{_HOME[name]}"), name)

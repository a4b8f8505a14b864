"""Train what the assistant learns from dialogues: the recommender with its request head, acts, weights."""

from __future__ import annotations

from bowerbird.assist.acts.publish import train_acts
from bowerbird.assist.find.weight_training import WeightTraining
from bowerbird.assist.parts import Parts
from bowerbird.conversations.config import ConversationConfig
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.errors import BackboneError
from bowerbird.graft.head.config import RequestHeadConfig
from bowerbird.graft.head.ranker import train_ranker
from bowerbird.progress import tell


def train_assistant(
    store: Store, config: ConversationConfig | None = None, head: RequestHeadConfig | None = None
) -> Version:
    """Train on a store's dialogues, generated ones where it has none, and publish; returns the recommender.

    Without the text encoder of the vectors, acts are told by the classifier of the package. Raises
    `StoreError` for a store without vectors.
    """
    snapshot = store.snapshot()
    parts = Parts.open(snapshot)
    weights = WeightTraining(parts)
    version = train_ranker(store, snapshot, config, head, parts.to_english, weights.collect)
    weights.publish(store, is_generated=version.meta["is_generated"])
    try:
        train_acts(store)
    except BackboneError as error:
        tell(f"acts are told by the classifier of the package: {error}")
    return version

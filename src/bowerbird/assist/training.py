"""Train what the assistant learns from dialogues: the recommender with its request head, acts, weights."""

from __future__ import annotations

from bowerbird.assist.acts.publish import train_acts
from bowerbird.assist.find.weight_training import WeightTraining
from bowerbird.assist.parts import Parts
from bowerbird.conversations.config import ConversationConfig, DialogueRankerMeta
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.embed.search.query import QueryEncoder
from bowerbird.errors import BackboneError, StoreError
from bowerbird.graft.head.config import RequestHeadConfig
from bowerbird.graft.head.ranker import train_ranker
from bowerbird.progress import print_progress


def train_assistant(
    store: Store, config: ConversationConfig | None = None, head: RequestHeadConfig | None = None
) -> Version:
    """Train on a store's dialogues, generated ones where it has none, and publish; returns the recommender.

    Without the text encoder of the vectors, acts are recognised by the classifier of the package. Raises
    `StoreError` for a store without vectors.
    """
    snapshot = store.snapshot()
    parts = Parts.open(snapshot)
    weights = WeightTraining(parts)
    version = train_ranker(store, snapshot, config, head, parts.to_english, weights.collect)
    weights.publish(store, is_generated=version.read_meta(DialogueRankerMeta).is_generated)
    try:
        QueryEncoder.open(snapshot)
    except (BackboneError, StoreError) as error:  # vectors from elsewhere have no encoder of texts
        print_progress(f"acts are recognised by the classifier of the package: {error}")
    else:
        train_acts(store)
    return version

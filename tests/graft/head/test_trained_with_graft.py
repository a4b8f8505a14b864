"""The recommender from conversations has the request head among its sources where the store has a graft."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bowerbird.choices import AdaptationMode
from bowerbird.conversations.config import ConversationConfig, NetworkConfig
from bowerbird.conversations.contexts import ContextTurn
from bowerbird.conversations.generation.dialogues import GenerationConfig
from bowerbird.data.dialogues import Dialogue, DialogueTurn, Role
from bowerbird.data.ingest.dialogues import publish_dialogues
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.graft.config import GraftConfig
from bowerbird.graft.head.config import RequestHeadConfig
from bowerbird.graft.head.ranker import open_ranker, train_ranker
from bowerbird.graft.training.train import train_graft

HEAD = RequestHeadConfig(width=16, heads=2, epochs=1, depth=1)
CONFIG = ConversationConfig(held_out=0.3, network=NetworkConfig(width=8, epochs=1))
SOURCES = {"network", "co-mentions", "co-likes", "nearest-contexts"}


def dialogue(number: int) -> Dialogue:
    """Every second one is a sequence of items without text."""
    text = ("", "") if number % 2 else ("I like the red lamp", "what about this")
    return Dialogue(
        f"d{number}",
        (
            DialogueTurn(Role.USER, text[0], mentioned=("i0",), liked=("i0",)),
            DialogueTurn(
                Role.ASSISTANT, text[1], mentioned=(f"i{number + 1}",), recommended=(f"i{number + 1}",)
            ),
        ),
    )


@pytest.mark.parametrize("adapt", [AdaptationMode.FROZEN, AdaptationMode.LORA])
def test_the_head_of_a_graft_is_fused(fresh_store: Store, tiny_base: Path, adapt: AdaptationMode) -> None:
    publish_dialogues(fresh_store, [dialogue(number) for number in range(12)])
    train_graft(fresh_store, GraftConfig(base=str(tiny_base), steps=1, batch=2, adapt=adapt))
    train_ranker(fresh_store, fresh_store.snapshot(), CONFIG, HEAD)
    ranker = open_ranker(fresh_store.snapshot())
    assert set(ranker.fusion.weights) == {*SOURCES, "request_head"}
    contexts = [ranker.contexts.context([ContextTurn(Role.USER, "I like the red lamp")])]
    head = ranker.source_scores(contexts)["request_head"]
    assert head.shape == (1, len(ranker.catalogue)) and np.isfinite(head).all()
    assert np.ptp(head) > 0


def test_with_another_graft_the_others_rank_alone(fresh_store: Store, tiny_base: Path) -> None:
    publish_dialogues(fresh_store, [dialogue(number) for number in range(12)])
    train_graft(fresh_store, GraftConfig(base=str(tiny_base), steps=1, batch=2))
    train_ranker(fresh_store, fresh_store.snapshot(), CONFIG, HEAD)
    train_graft(fresh_store, GraftConfig(base=str(tiny_base), steps=3, batch=2, seed=1))
    ranker = open_ranker(fresh_store.snapshot())
    assert "request_head" not in {source.name for source in ranker.sources}
    ((positions, _),) = ranker.recommend([ranker.contexts.context([ContextTurn(Role.USER, "lamps?")])], 3)
    assert len(positions) == 3


def test_without_a_graft_there_is_no_head(fresh_store: Store) -> None:
    with pytest.raises(StoreError, match="bowerbird graft"):
        open_ranker(fresh_store.snapshot())
    publish_dialogues(fresh_store, [dialogue(number) for number in range(12)])
    train_ranker(fresh_store, fresh_store.snapshot(), CONFIG)
    assert set(open_ranker(fresh_store.snapshot()).fusion.weights) == SOURCES


def test_a_store_without_dialogues_is_trained_on_generated_ones(fresh_store: Store) -> None:
    config = replace(CONFIG, generation=GenerationConfig(dialogues=60))
    version = train_ranker(fresh_store, fresh_store.snapshot(), config)
    assert version.meta["is_generated"] and version.meta["examples"] == 60
    ranker = open_ranker(fresh_store.snapshot())
    assert ranker.scores([ranker.contexts.context([ContextTurn(Role.USER, "a lamp")])]).any()

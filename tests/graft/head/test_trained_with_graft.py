"""`bowerbird graft` trains the request head where the store has dialogues."""

from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.dialogues import Dialogue, DialogueTurn, Role
from bowerbird.data.ingest.dialogues import publish_dialogues
from bowerbird.data.store import Store
from bowerbird.graft.adapter import AdaptationMode
from bowerbird.graft.config import GraftConfig
from bowerbird.graft.head.config import RequestHeadConfig
from bowerbird.graft.head.dialogue_examples import read_dialogue_examples
from bowerbird.graft.head.source import RequestHeadSource
from bowerbird.graft.training.train import train_graft

HEAD = RequestHeadConfig(width=16, heads=2, epochs=1, depth=1)


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
def test_a_graft_of_a_store_with_dialogues_has_a_head(
    fresh_store: Store, tiny_base: Path, adapt: AdaptationMode
) -> None:
    publish_dialogues(fresh_store, [dialogue(number) for number in range(12)])
    config = GraftConfig(base=str(tiny_base), steps=1, batch=2, head=HEAD, adapt=adapt)
    version = train_graft(fresh_store, config)
    snapshot = fresh_store.snapshot()
    source, examples = RequestHeadSource.open_trained(snapshot), read_dialogue_examples(snapshot)
    assert source is not None
    assert source.record.examples == version.meta["request_head"]["examples"] == len(examples) == 12
    scores = source.scores([example.context for example in examples])
    assert scores.shape == (12, len(snapshot.catalogue)) and np.isfinite(scores).all()


def test_without_dialogues_there_is_no_head(grafted: Store) -> None:
    assert RequestHeadSource.open_trained(grafted.snapshot()) is None
    assert read_dialogue_examples(grafted.snapshot()) == []

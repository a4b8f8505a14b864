"""What the conversation says counts in a list, by weights that dialogues teach; constraints stay hard."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.find.weight_training import WeightTraining
from bowerbird.assist.parts import Parts
from bowerbird.assist.scoring.conversation import MAX_SHOWN, ConversationScorer
from bowerbird.assist.scoring.weights import (
    LEARNED,
    RetrievalMeta,
    RetrievalWeights,
    learn_weights,
    mean_gain,
    open_weights,
)
from bowerbird.assist.state import MAX_MESSAGES, DialogueState
from bowerbird.conversations.config import ConversationConfig, NetworkConfig
from bowerbird.conversations.ranker import ConversationRanker, new_sources
from bowerbird.conversations.training import fit_ranker
from bowerbird.data.dialogues import Dialogue, DialogueTurn, Role
from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store

CONFIG = ConversationConfig(held_out=0.3, network=NetworkConfig(width=16, epochs=20, batch=32))
WORD_OF_STYLE = {"Boho": "dreamy", "Mid-century": "stern"}
"""Words that no item's text holds: only dialogues teach what they mean."""


@pytest.fixture(scope="module")
def dialogues(shop: Catalogue) -> list[Dialogue]:
    rng = np.random.default_rng(0)
    dialogues = []
    for number, position in enumerate(rng.choice(np.flatnonzero(shop.available), 400).tolist()):
        item = shop.item(position)
        request = f"something {WORD_OF_STYLE[item.attributes['style']]} please"
        answer = DialogueTurn(Role.ASSISTANT, "this one", recommended=(item.item_id,))
        dialogues.append(Dialogue(f"d{number}", (DialogueTurn(Role.USER, request), answer)))
    return dialogues


@pytest.fixture(scope="module")
def training(shop: Catalogue, shop_store: Store, shop_vectors: np.ndarray) -> WeightTraining:
    parts = Parts(shop_store.snapshot(), shop, shop_vectors)
    parts.__dict__["encoder"] = None
    return WeightTraining(parts)


@pytest.fixture(scope="module")
def ranker(shop: Catalogue, dialogues: list[Dialogue], training: WeightTraining) -> ConversationRanker:
    sources = new_sources(shop, CONFIG.network)
    return fit_ranker(shop, dialogues, CONFIG, sources, training.collect)[0]


@pytest.fixture
def listener(
    shop: Catalogue, shop_store: Store, shop_vectors: np.ndarray, ranker: ConversationRanker
) -> Assistant:
    """An assistant with the recommender from conversations."""
    parts = Parts(shop_store.snapshot(), shop, shop_vectors)
    parts.__dict__ |= {"encoder": None, "conversation": ConversationScorer(ranker, shop)}
    return Assistant(parts)


@pytest.mark.parametrize(("style", "word"), WORD_OF_STYLE.items())
def test_a_word_that_only_dialogues_know_ranks(
    listener: Assistant, shop: Catalogue, style: str, word: str
) -> None:
    reply = listener.reply(DialogueState(), f"a rug, something {word}", n=2)
    assert {shop.item(item.position).category[1] for item in reply.items} == {"Rug"}
    assert {shop.item(item.position).attributes["style"] for item in reply.items} == {style}


def test_constraints_stay_hard_and_messages_are_few(listener: Assistant, shop: Catalogue) -> None:
    state = DialogueState()
    for text in ("something dreamy", "a sofa", "under 60", "in green", "rather stern", "under 50"):
        reply = listener.reply(state, text)
        state = DialogueState.from_dict(reply.state.as_dict())
        assert len(state.messages) <= MAX_MESSAGES
        assert state.messages[-1] == text
    assert all(item.price is not None and item.price < 50 for item in reply.items)
    assert {shop.item(item.position).category[1] for item in reply.items} <= {"Sofa"}


def test_items_are_read_as_turns_of_their_own(listener: Assistant, ranker: ConversationRanker) -> None:
    scorer = listener.parts.conversation
    assert scorer is not None
    shown = [shown for item_id in ("i1", "i2", "i3") if (shown := listener.parts.shown(item_id))]
    context = scorer.read(["a lamp", "a red one"], shown, shown[:1])
    assert [turn.role for turn in context.turns] == [Role.USER, Role.USER, Role.ASSISTANT, Role.USER]
    inserted = [each for each in context.mentions if each.turn in (0, 2)]
    assert [ranker.catalogue.ids[each.item] for each in inserted] == ["i1", "i1", "i2"][: 1 + MAX_SHOWN]
    for each in inserted:
        assert context.turns[each.turn].text[each.start : each.end] == ranker.catalogue.title(each.item)


def test_weights_learned_from_dialogues_count_the_conversation(
    training: WeightTraining, ranker: ConversationRanker, tmp_path: Path, shop: Catalogue
) -> None:
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(shop)
    assert open_weights(store.snapshot()) == RetrievalWeights()
    training.publish(store, is_generated=False)
    learned = open_weights(store.snapshot())
    version = store.snapshot().version(RetrievalMeta.KIND)
    assert version is not None
    meta = version.read_meta(RetrievalMeta)
    assert learned.conversation > RetrievalWeights().conversation and meta.gain >= meta.default_gain


def test_the_column_that_tells_gets_the_weight() -> None:
    rng = np.random.default_rng(0)
    features, targets = [], []
    for _ in range(300):
        rows = rng.random((20, len(LEARNED))).astype(np.float32)
        targets.append(int((rows @ [0.0, 1.0, 0.0, 3.0]).argmax()))
        features.append(rows)
    weights = learn_weights(features, targets)
    assert weights.conversation > 2 * weights.words > 4 * max(weights.meaning, weights.preferred)
    defaults = RetrievalWeights()
    assert sum(dataclasses.astuple(weights)) == pytest.approx(sum(dataclasses.astuple(defaults)), rel=1e-3)
    assert mean_gain(features, targets, weights) > mean_gain(features, targets, defaults)

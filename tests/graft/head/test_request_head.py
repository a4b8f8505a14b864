"""The head finds what only the vectors know; trainings resume; a saved head scores the same."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from bowerbird.conversations.contexts import ContextTurn, ConversationContext, DialogueExample
from bowerbird.data.dialogues import Role
from bowerbird.errors import StoreError
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.head.config import ItemInput, RequestHeadConfig
from bowerbird.graft.head.encoding import ConversationEncoder
from bowerbird.graft.head.reader import RequestHead, collate
from bowerbird.graft.head.source import WEIGHTS_FILE, RequestHeadSource
from bowerbird.graft.head.training import HeadExample, HeadTraining, mean_gain

CONFIG = RequestHeadConfig(
    width=32, heads=2, dropout=0.0, epochs=20, patience=20, batch=16, learning_rate=5e-3
)
N_TRAINED = 160
"""Items whose neighbours are trained on; the others are never named or recommended in training."""

Examples = Callable[[range], list[DialogueExample]]
MakeSource = Callable[[RequestHeadConfig], RequestHeadSource]


@pytest.fixture
def make_source(
    llama: Base,
    vectors: NDArray[np.float32],
    titles: list[str],
    make_connector: Callable[[Base], Connector],
    tmp_path: Path,
) -> MakeSource:
    connector = make_connector(llama)
    return lambda config: RequestHeadSource(llama, connector, vectors, titles, tmp_path / "cache", config)


def recall(source: RequestHeadSource, examples: list[DialogueExample], n: int = 5) -> float:
    scores = source.scores([example.context for example in examples])
    hits = []
    for row, example in zip(scores, examples, strict=True):
        row[example.context.mentioned_items] = -np.inf
        hits.append(example.targets[0] in np.argsort(-row)[:n])
    return float(np.mean(hits))


@pytest.mark.slow
def test_soft_tokens_find_the_neighbour_of_an_unseen_item_and_titles_do_not(
    make_source: MakeSource, neighbour_examples: Examples
) -> None:
    training, unseen = neighbour_examples(range(N_TRAINED)), neighbour_examples(range(N_TRAINED, 240))
    recalls = {}
    for item_input in (ItemInput.SOFT_TOKENS, ItemInput.TITLES):
        source = make_source(replace(CONFIG, item_input=item_input))
        source.fit(training)
        recalls[item_input] = recall(source, unseen)
    assert recalls[ItemInput.SOFT_TOKENS] > 0.6
    assert recalls[ItemInput.TITLES] < 0.2


def like_and_greet(items: range) -> list[DialogueExample]:
    """Everybody says the same; what is recommended is the nearest neighbour of the item they liked before."""
    greeting = (ContextTurn(Role.USER, "hello ."),)
    return [
        DialogueExample(f"d{item}", ConversationContext(greeting, (), (item,)), (item ^ 1,)) for item in items
    ]


@pytest.mark.slow
def test_the_taste_of_an_unseen_user_is_read(make_source: MakeSource) -> None:
    training, unseen = like_and_greet(range(N_TRAINED)), like_and_greet(range(N_TRAINED, 240))
    recalls = {}
    for reads_taste in (True, False):
        source = make_source(replace(CONFIG, reads_taste=reads_taste))
        source.fit(training)
        recalls[reads_taste] = recall(source, unseen)
    assert recalls[True] > 0.6
    assert recalls[False] < 0.1


def test_a_head_from_before_tastes_does_without(make_source: MakeSource, tmp_path: Path) -> None:
    examples = like_and_greet(range(40))
    source, again = make_source(replace(CONFIG, epochs=2, depth=1)), make_source(CONFIG)
    source.fit(examples)
    folder = tmp_path / "saved"
    folder.mkdir()
    source.save(folder)
    weights = load_file(folder / WEIGHTS_FILE)
    save_file({name: weights[name] for name in weights.keys() - {"taste_kind"}}, folder / WEIGHTS_FILE)
    again.load(folder)
    scores = again.scores([example.context for example in examples])
    assert (scores == scores[0]).all()


def test_a_saved_head_scores_the_same(
    make_source: MakeSource, neighbour_examples: Examples, tmp_path: Path
) -> None:
    examples = neighbour_examples(range(40))
    contexts = [example.context for example in examples]
    source, again = make_source(replace(CONFIG, epochs=2, depth=1)), make_source(CONFIG)
    with pytest.raises(StoreError, match="not trained"):
        source.scores(contexts)
    source.fit(examples)
    folder = tmp_path / "saved"
    folder.mkdir()
    source.save(folder)
    again.load(folder)
    np.testing.assert_array_equal(again.scores(contexts), source.scores(contexts))
    assert np.abs(source.scores(contexts).mean(1)).max() < 1e-4
    trained_on_others = make_source(CONFIG)
    with torch.no_grad():
        trained_on_others._connector.scale += 1
    with pytest.raises(StoreError, match="another graft"):
        trained_on_others.load(folder)
    (folder / "request_head.safetensors").write_bytes(b"broken")
    with pytest.raises(StoreError, match="train it again"):
        make_source(CONFIG).load(folder)


@pytest.fixture
def head_examples(
    llama: Base,
    vectors: NDArray[np.float32],
    titles: list[str],
    make_connector: Callable[[Base], Connector],
    neighbour_examples: Examples,
) -> list[HeadExample]:
    examples = neighbour_examples(range(60))
    encoder = ConversationEncoder(llama, make_connector(llama), vectors, titles, CONFIG)
    encoded = encoder.encode([each.context for each in examples])
    return [
        HeadExample(each.dialogue_id, encoding, np.array(each.targets), each.context.mentioned_items)
        for each, encoding in zip(examples, encoded, strict=True)
    ]


def test_a_resumed_training_ends_as_an_uninterrupted_one(
    llama: Base, vectors: NDArray[np.float32], head_examples: list[HeadExample], tmp_path: Path
) -> None:
    def train(epochs: int, checkpoint: Path | None) -> RequestHead:
        config = replace(CONFIG, epochs=6, dropout=0.2)
        training = HeadTraining(llama.hidden, vectors, head_examples, config)
        return training.run(checkpoint, stop_after=epochs)

    whole = train(6, None)
    train(3, tmp_path / "checkpoint.pt")
    resumed = train(6, tmp_path / "checkpoint.pt")
    for name, weight in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], weight, msg=name)


def test_padding_changes_no_score(
    llama: Base, vectors: NDArray[np.float32], head_examples: list[HeadExample]
) -> None:
    head = RequestHead(llama.hidden, vectors, CONFIG).eval()
    conversations = [head_examples[0].conversation, head_examples[1].conversation]
    shorter = replace(
        conversations[0], turns=conversations[0].turns[:1], turn_facts=conversations[0].turn_facts[:1]
    )
    with torch.no_grad():
        together = head(collate([shorter, conversations[1]], CONFIG.item_input))
        alone = head(collate([shorter], CONFIG.item_input))
    torch.testing.assert_close(together[:1], alone)


def test_the_gain_is_that_of_ranking_by_hand(
    llama: Base, vectors: NDArray[np.float32], head_examples: list[HeadExample]
) -> None:
    head, examples = RequestHead(llama.hidden, vectors, CONFIG).eval(), head_examples[:5]
    gains = []
    for example in examples:
        with torch.no_grad():
            scores = head(collate([example.conversation], CONFIG.item_input))[0].numpy()
        candidates = [item for item in np.argsort(-scores) if item not in example.mentioned_items]
        gains.append(1 / np.log2(2 + candidates.index(example.targets[0])))
    assert mean_gain(head, examples) == pytest.approx(np.mean(gains), rel=1e-5)

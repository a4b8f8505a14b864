"""The recommender from conversations on a toy world: two tastes, and who names one item gets the others."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bowerbird.conversations.batch import read_conversations, write_recommendations
from bowerbird.conversations.config import ConversationConfig, NetworkConfig
from bowerbird.conversations.contexts import (
    ContextTurn,
    ConversationContext,
    DialogueExample,
    Mention,
    Sentiment,
)
from bowerbird.conversations.evaluation import evaluate_conversations, target_ranks
from bowerbird.conversations.fitting.checkpoints import SourceFitting
from bowerbird.conversations.fitting.near_copies import without_near_copies
from bowerbird.conversations.fusion import fit_fusion
from bowerbird.conversations.ranker import ConversationRanker, new_sources
from bowerbird.conversations.sources.co_likes import CoLikeSource
from bowerbird.conversations.sources.popularity import PopularitySource
from bowerbird.conversations.training import fit_ranker
from bowerbird.data.dialogues import Dialogue, DialogueTurn, Role
from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.errors import InputError

SCARY = ["Dread Manor", "Night Terror", "Silent Scream", "Grave Hour"]
FUNNY = ["Merry Mixup", "Joke Parade", "Laughing Llama", "Silly Sunday"]
TITLES = SCARY + FUNNY
CATALOGUE = Catalogue.of([Item(f"i{number}", title) for number, title in enumerate(TITLES)])
CONFIG = ConversationConfig(held_out=0.3, network=NetworkConfig(width=16, epochs=30, batch=16))


def _dialogues() -> list[Dialogue]:
    rng = np.random.default_rng(0)
    dialogues = []
    for number in range(120):
        word, first = [("scary", 0), ("funny", 4)][number % 2]
        mentioned, target = (int(first + k) for k in rng.permutation(4)[:2])
        request = DialogueTurn(
            Role.USER, f"Something {word}, I loved {TITLES[mentioned]}", mentioned=(f"i{mentioned}",)
        )
        answer = DialogueTurn(
            Role.ASSISTANT, TITLES[target], mentioned=(f"i{target}",), recommended=(f"i{target}",)
        )
        dialogues.append(Dialogue(f"d{number}", (request, answer)))
    return dialogues


DIALOGUES = _dialogues()


@pytest.fixture(scope="module")
def ranker() -> ConversationRanker:
    return fit_ranker(CATALOGUE, DIALOGUES, CONFIG, new_sources(CATALOGUE, CONFIG.network))[0]


def context(ranker: ConversationRanker, text: str) -> ConversationContext:
    return ranker.contexts.context([ContextTurn(Role.USER, text)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I loved Dread Manor", {1, 2, 3}),
        ("I loved Silly Sunday", {4, 5, 6}),
        ("Something funny please", {4, 5, 6, 7}),
        ("Something scary please", {0, 1, 2, 3}),
    ],
)
def test_items_of_the_same_taste_come_first_and_the_named_one_never(
    ranker: ConversationRanker, text: str, expected: set[int]
) -> None:
    ((positions, scores),) = ranker.recommend([context(ranker, text)], 8)
    assert set(positions[: len(expected)].tolist()) == expected
    assert len(positions) == 8 - ("loved" in text)
    assert (np.diff(scores) <= 0).all()


def test_a_saved_ranker_gives_the_same_scores(ranker: ConversationRanker, tmp_path: Path) -> None:
    contexts = [context(ranker, text) for text in ("I loved Dread Manor", "hello", "")]
    ranker.save(tmp_path)
    loaded = ConversationRanker.load(tmp_path, CATALOGUE)
    np.testing.assert_allclose(loaded.scores(contexts), ranker.scores(contexts), rtol=1e-2, atol=1e-2)


def test_items_may_come_and_go_after_the_training(ranker: ConversationRanker, tmp_path: Path) -> None:
    """One is gone from the catalogue, one is sold out, one is new; the others are in another order."""
    items = [Item(f"i{number}", title) for number, title in enumerate(TITLES) if number != 2]
    items[0] = replace(items[0], availability="out_of_stock")
    new = Item("new", "Dread Scream of the Night", "A Silent Manor, a Grave Terror")
    catalogue = Catalogue.of([new, *reversed(items)])
    ranker.save(tmp_path)
    loaded = ConversationRanker.load(tmp_path, catalogue)
    contexts = [context(loaded, text) for text in ("Something scary please", "I loved Silly Sunday")]
    ids = [[loaded.catalogue.ids[p] for p in best] for best, _ in loaded.recommend(contexts, 20)]
    assert set(ids[0]) == {"i1", "i3", "i4", "i5", "i6", "i7", "new"}
    assert set(ids[0][:2]) == {"i1", "i3"}
    assert set(ids[1][:3]) == {"i4", "i5", "i6"}
    scary, funny = loaded.scores(contexts)
    assert scary[loaded.catalogue.position["new"]] > funny[loaded.catalogue.position["new"]]


def test_an_article_comes_once_and_not_at_all_where_a_variant_was_named(
    ranker: ConversationRanker, tmp_path: Path
) -> None:
    """The scary films are variants of two articles, the funny ones are articles of their own."""
    groups = ["x", "x", "y", "y", "", "", "", ""]
    items = [Item(f"i{k}", title, group_id=groups[k]) for k, title in enumerate(TITLES)]
    ranker.save(tmp_path)
    loaded = ConversationRanker.load(tmp_path, Catalogue.of(items))
    contexts = [context(loaded, text) for text in ("Something scary please", "I loved Dread Manor")]
    lists = [[loaded.catalogue.ids[p] for p in best] for best, _ in loaded.recommend(contexts, 3)]
    assert [groups[int(item_id[1:])] for item_id in lists[0]] in (["x", "y", ""], ["y", "x", ""])
    assert lists[1][0] in ("i2", "i3") and {"i0", "i1"}.isdisjoint(lists[1]) and len(lists[1]) == 3


def test_an_interrupted_training_continues_with_the_next_source(tmp_path: Path) -> None:
    """The first run stops in its third source; the second fits that and what follows, and ends alike."""
    fitted: list[str] = []

    class Observed(PopularitySource):
        def __init__(self, name: str, is_broken: bool = False) -> None:
            super().__init__(len(TITLES))
            self.name, self.is_broken = name, is_broken  # type: ignore[misc]

        def fit(self, examples: Sequence[DialogueExample]) -> None:
            if self.is_broken:
                raise KeyboardInterrupt
            fitted.append(f"{self.name} {len(examples)}")
            super().fit(examples)

    def run(broken: str) -> np.ndarray:
        sources = [Observed(name, name == broken) for name in ("a", "b", "c")]
        ranker, *_ = fit_ranker(CATALOGUE, DIALOGUES, CONFIG, sources, fitting=SourceFitting(tmp_path / "f"))
        return ranker.fused([context(ranker, "hello")])

    with pytest.raises(KeyboardInterrupt):
        run("c")
    assert [each.split()[0] for each in fitted] == ["a", "b"]
    resumed = run("")
    assert [each.split()[0] for each in fitted] == ["a", "b", "c", "a", "b", "c"]
    assert len({each.split()[1] for each in fitted}) == 2, "a part of the examples, then all"
    np.testing.assert_array_equal(resumed, run(""))
    assert len(fitted) == 6, "nothing is fitted twice"


def test_the_evaluation_has_all_systems_and_beats_popularity(ranker: ConversationRanker) -> None:
    result = evaluate_conversations(ranker, DIALOGUES)
    rows = {row.system: row for row in result.rows}
    assert {"bowerbird", "popularity", "without network"} <= set(rows)
    assert result.recommended_items == len(DIALOGUES)
    assert rows["bowerbird"].recall["recall@5"] > rows["popularity"].recall["recall@5"]
    for row in result.rows:
        assert all(row.low[k] <= row.recall[k] <= row.high[k] for k in row.recall)


def test_co_likes_relate_what_the_same_users_like() -> None:
    pairs = [(user, item) for user in range(6) for item in ((0, 1) if user % 2 else (2, 3))]
    likes = Interactions(
        users=[str(user) for user in range(6)],
        user=np.array([user for user, _ in pairs]),
        item=np.array([item for _, item in pairs]),
        action=np.full(len(pairs), ACTION_CODE["save"], np.int8),
        at=np.arange(len(pairs), dtype=np.int64),
        n_items=5,
    )
    mentioned = ConversationContext((), (Mention(0, 0, Role.USER, Sentiment.NEUTRAL),))
    (scores,) = CoLikeSource(5, likes).scores([mentioned])
    assert scores.argmax() == 1 and scores[4] == 0


def test_equal_scores_gain_nothing() -> None:
    example = DialogueExample("d", ConversationContext((), ()), (2,))
    assert target_ranks(np.zeros((1, 5), np.float32), [example]) == [2.0]


def test_a_near_copy_of_a_held_out_dialogue_is_left_out() -> None:
    empty = ConversationContext((), ())
    held_out = [DialogueExample("a", empty, (1, 2, 3, 4))]
    training = [DialogueExample("b", empty, (1, 2, 3)), DialogueExample("c", empty, (1, 2, 9))]
    assert without_near_copies(training, held_out) == training[1:]


def test_a_file_of_conversations(ranker: ConversationRanker, tmp_path: Path) -> None:
    rows = [
        {"conversation_id": "b", "turn": 1, "role": "assistant", "text": "Joke Parade?"},
        {"conversation_id": "a", "turn": 0, "role": "user", "text": "Something scary"},
        {"conversation_id": "b", "turn": 0, "role": "user", "text": "I loved Silly Sunday"},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "c.parquet")
    conversations = read_conversations(tmp_path / "c.parquet")
    assert [turn.text for turn in conversations["b"]] == ["I loved Silly Sunday", "Joke Parade?"]
    result = write_recommendations(ranker, conversations, 2, tmp_path / "r.parquet")
    written = pq.read_table(tmp_path / "r.parquet").to_pylist()
    assert result.rows == len(written) == 4
    assert [(row["conversation_id"], row["rank"]) for row in written] == [
        ("b", 1),
        ("b", 2),
        ("a", 1),
        ("a", 2),
    ]
    assert {row["item_id"] for row in written[:2]} == {"i4", "i6"}


@pytest.mark.parametrize(
    "change", [{"role": "x"}, {"turn": -1}, {"conversation_id": None}, {"conversation_id": ""}]
)
def test_a_bad_row_of_conversations_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    row = {"conversation_id": "a", "turn": 0, "role": "user", "text": "hi"}
    pq.write_table(pa.Table.from_pylist([row, row | {"turn": 1} | change]), tmp_path / "c.parquet")
    with pytest.raises(InputError, match=r"c\.parquet:2"):
        read_conversations(tmp_path / "c.parquet")


def test_the_fusion_weighs_what_helps_and_never_below_zero() -> None:
    """Two know something, one of them in numbers 20 times as large; one knows nothing, one is wrong."""
    rng = np.random.default_rng(0)
    n, n_items = 200, 30
    targets = rng.integers(n_items, size=n)
    signal = rng.normal(size=(n, n_items)).astype(np.float32)
    other_signal = rng.normal(size=(n, n_items)).astype(np.float32)
    for each in (signal, other_signal):
        each[np.arange(n), targets] += 2.0
    scores = {
        "network": signal,
        "request_head": 20 * other_signal,
        "popularity": rng.normal(size=signal.shape).astype(np.float32),
        "against": -signal,
    }
    empty = ConversationContext((), ())
    examples = [DialogueExample(f"d{row}", empty, (int(target),)) for row, target in enumerate(targets)]
    weights = {name: np.array(values) for name, values in fit_fusion(scores, examples).weights.items()}
    assert all((values >= 0).all() for values in weights.values())
    assert weights["network"][0] > 0.5 and weights["popularity"][0] < 0.2 and weights["against"][0] < 0.05
    assert 0.04 < weights["request_head"][0] < 0.2

"""The three stages' data and objectives, against what they must be."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.vectors import load_vectors
from bowerbird.errors import InputError, StoreError
from bowerbird.graft.adapter import Adapt
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftConfig
from bowerbird.graft.connector import Connector, Kind
from bowerbird.graft.lessons.facts import Facts
from bowerbird.graft.lessons.lesson import Lesson
from bowerbird.graft.lessons.questions import Question, Questions, Sort
from bowerbird.graft.lessons.requests import requests_of, worded
from bowerbird.graft.lessons.sequences import Liked
from bowerbird.graft.model import Graft
from bowerbird.graft.prompt import Thing
from bowerbird.graft.training.alignment import Aligned
from bowerbird.graft.training.preference import choices_of
from bowerbird.graft.training.ranking import catalogue_loss, drawing_chances
from bowerbird.graft.training.train import train_graft


@pytest.fixture(scope="module")
def lesson(grafted: Store) -> Lesson:
    return Lesson.of(grafted, load_vectors(grafted), grafted.catalogue())


@pytest.fixture(scope="module")
def base(tiny_base: Path) -> Base:
    return Base.load(str(tiny_base))


def test_facts_are_what_several_items_share() -> None:
    items = [
        Item("a", title="x", category=("home", "lamp"), attributes={"colour": "red", "sku": "1"}, price=1.0),
        Item("b", title="y", category=("home", "lamp"), attributes={"colour": "blue", "sku": "2"}, price=5.0),
        Item("c", title="z", category=("home", "rug"), attributes={"colour": "red", "sku": "3"}, price=9.0),
        Item("d", title="z", category=("home", "rug"), attributes={"colour": "red"}, price=9.5),
    ]
    facts = Facts.read(Catalogue.of(items))
    assert facts.of[0] == {"type": "lamp", "colour": "red", "price band": "low"}
    assert facts.of[3] == {"type": "rug", "colour": "red"}, "no other item has its price band"
    assert facts.items_with["colour", "red"].tolist() == [0, 2, 3]
    assert facts.shared(np.array([0, 2, 3]))[0] == "red"


def test_every_sort_of_question_is_asked_and_right(lesson: Lesson, base: Base) -> None:
    questions = Questions(lesson.material, base)
    assert set(questions.sorts) == set(Sort) - {Sort.COLLECTION, Sort.PICTURE}
    rng = np.random.default_rng(0)
    for item in questions.items[:20].tolist():
        fact = questions.about(item, Sort.FACT, rng)
        assert fact.answer.strip() in lesson.material.facts.of[item].values()
        match = questions.about(item, Sort.MATCH, rng)
        shown = [piece for piece in match.prompt if isinstance(piece, int)]
        assert shown[int(match.answer) - 1] == item
        assert len(set(shown)) == 4
        kinds = {
            sort: [p.kind for p in questions.about(item, sort, rng).prompt if isinstance(p, Thing)]
            for sort in (Sort.TASTE, Sort.INTEREST)
        }
        assert kinds == {Sort.TASTE: [Kind.TASTE], Sort.INTEREST: [Kind.INTEREST]}


def test_an_interest_is_the_mean_of_items_that_have_the_fact(lesson: Lesson, base: Base) -> None:
    questions, gains = Questions(lesson.material, base), []
    for seed in range(20):
        asked = questions.about(int(questions.items[seed]), Sort.INTEREST, np.random.default_rng(seed))
        thing = next(piece for piece in asked.prompt if isinstance(piece, Thing))
        holders = lesson.material.facts.items_with["colour", asked.answer.strip()]
        near = lesson.matrix @ thing.vector
        gains.append(near[holders].mean() - np.delete(near, holders).mean())
    assert np.mean(gains) > 4 * np.std(gains) / len(gains) ** 0.5


def test_padding_and_batches_change_no_loss(lesson: Lesson, base: Base) -> None:
    torch.manual_seed(0)
    aligned = Aligned(base, Connector(lesson.matrix.shape[1], base.hidden, 3.0, 2), base.model, lesson.matrix)
    questions = [
        Question(["Product: ", 3, "\nDescription:"], " red lamp", Sort.DESCRIBE),
        Question(["Product: ", 5, " ", 9, " this person likes is\n:"], " blue", Sort.FACT),
        Question([Thing(Kind.TASTE, lesson.matrix[2]), "likes"], " red sofa , green rug", Sort.TASTE),
    ]
    lengths = [3, 2, 6]  # tokens of each answer, its end among them
    with torch.no_grad():
        together = aligned(questions)
        alone = [aligned([question]) for question in questions]
    mean = sum(n * float(one.loss) for n, one in zip(lengths, alone, strict=True)) / sum(lengths)
    assert float(together.loss) == pytest.approx(mean, abs=1e-4)
    assert together.each.tolist() == pytest.approx([float(one.loss) for one in alone], abs=1e-4)
    assert together.right.tolist() == [bool(one.right) for one in alone]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_sampled_softmax_is_the_full_one_in_expectation(seed: int) -> None:
    """Mean over draws of the estimated normaliser against the sum over the whole catalogue."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    query, items = torch.randn(1, 4).double(), torch.randn(40, 4).double()
    target = torch.tensor([int(rng.integers(40))])
    chances = drawing_chances(rng.integers(0, 40, size=(30, 5)), 40)
    one = torch.tensor(1.0).double()
    full = catalogue_loss(query, target, items, one, chances, rng, most=40)
    # exp(loss) is the normaliser over exp(own logit): unbiased, where its logarithm is not.
    drawn = [catalogue_loss(query, target, items, one, chances, rng, most=39).exp() for _ in range(400)]
    assert float(torch.stack(drawn).mean()) == pytest.approx(float(full.exp()), rel=0.15)


def test_a_request_names_facts_of_what_was_taken_next(lesson: Lesson, base: Base) -> None:
    sequences = [Liked.of(history) for history in lesson.histories]
    asked = requests_of(base, lesson.material.facts, sequences, np.random.default_rng(0), 50)
    assert len(asked) == 50
    for one in asked:
        text = "".join(piece for piece in one.prompt if isinstance(piece, str))
        fitting = one.targets[one.targets >= 0]
        facts = [set(lesson.material.facts.of[item].items()) for item in fitting.tolist()]
        common = set.intersection(*facts)
        assert any(value in text for _, value in common)
        assert fitting[0] not in one.before.items
        assert [p for p in one.prompt if isinstance(p, int)] == one.before.items.tolist()


def test_a_conversation_asks_for_one_fact_after_the_other() -> None:
    assert worded([("type", "rug"), ("price band", "low")], "{}") == ["rug", "What price band?", "low"]


def events(rows: list[tuple[str, int, float]]) -> History:
    """(action, item, minutes) in order of time."""
    codes = np.array([ACTION_CODE[action] for action, _, _ in rows], np.int8)
    at = np.array([minutes * 60_000_000 for _, _, minutes in rows], np.int64)
    return History(np.array([item for _, item, _ in rows]), codes, at)


def test_a_choice_is_over_what_was_shown_in_the_same_half_hour_and_never_liked() -> None:
    history = events(
        [
            ("impression", 1, 0),
            ("click", 9, 10),
            ("impression", 2, 100),
            ("impression", 3, 101),
            ("impression", 4, 102),
            ("click", 4, 102.5),
            ("purchase", 4, 103),
            ("click", 3, 500),
            ("impression", 5, 600),
            ("save", 4, 601),
        ]
    )
    (choice,) = choices_of(history, 20)
    assert (choice.won, choice.lost, choice.outcome) == (4, (2,), 2)
    assert choice.before.items.tolist() == [9]


@pytest.mark.parametrize("adapt", [Adapt.LORA, Adapt.FULL])
def test_an_adapted_graft_is_saved_loaded_and_exported_whole(
    fresh_store: Store, tiny_base: Path, tmp_path: Path, adapt: Adapt
) -> None:
    from transformers import AutoModelForCausalLM

    from bowerbird.graft.export import export_graft

    config = GraftConfig(base=str(tiny_base), minutes=0.1, steps=6, adapt=adapt, tokens=2, accumulate=2)
    version = train_graft(fresh_store, config)
    assert version.meta["adapt"] == adapt.value
    graft, again = Graft.open(fresh_store), Graft.open(fresh_store)
    plain = Base.load(str(tiny_base))
    ids = torch.tensor([graft.base.tokens("this person likes red lamp")])
    changed = (graft.base.model(ids).logits - plain.model(ids).logits).abs().max()
    assert changed > 1e-5, "the language model itself has learnt"
    assert torch.equal(graft.base.model(ids).logits, again.base.model(ids).logits)
    prompt = ["Product: ", 5, "\nDescription:"]
    assert torch.equal(graft.embedded(graft.rendered(prompt)), again.embedded(again.rendered(prompt)))
    export_graft(graft, tmp_path / "out")
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.allclose(exported(ids).logits, graft.base.model(ids).logits, atol=1e-6)


def test_a_frozen_graft_leaves_plain_text_exactly_as_it_was(grafted: Store, base: Base) -> None:
    ids = torch.tensor([base.tokens("this person likes red lamp")])
    assert torch.equal(Graft.open(grafted).base.model(ids).logits, base.model(ids).logits)


def test_requests_are_looked_up_and_empty_ones_refused(grafted: Store) -> None:
    graft = Graft.open(grafted)
    query = graft.retrieve_request(["red lamp"])
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-4)
    other = graft.retrieve_request(["blue", "What type?", "rug"], events([("click", 4, 0)]))
    assert not np.allclose(query, other, atol=1e-3)
    with pytest.raises(InputError, match="empty"):
        graft.retrieve_request([" "])


def test_an_older_graft_is_refused(grafted: Store, tmp_path: Path) -> None:
    import json
    import shutil

    shutil.copytree(grafted.path, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    version = store.current("graft")
    assert version is not None
    meta = {name: value for name, value in version.meta.items() if name != "tokens"}
    (version.path / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(StoreError, match=r"older bowerbird.*again"):
        Graft.open(Store.open(tmp_path / "store"))


def test_a_graft_goes_on_with_updates_of_its_vectors(grafted: Store, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(grafted.path, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    vectors = load_vectors(store)
    assert vectors.path is not None
    with store.publishing("vectors", {**vectors.meta, "aligned_with": [vectors.version]}) as folder:
        for name in ("vectors.npy", "ids.json"):
            shutil.copy(vectors.path / name, folder)
    assert Graft.open(store).heads.of_next_item is not None


@pytest.mark.parametrize("bad", [{"tokens": 0}, {"tokens": 9}, {"accumulate": 0}, {"minutes": 0}])
def test_settings_that_mean_nothing_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(InputError):
        GraftConfig(**bad)  # type: ignore[arg-type]

"""What a graft is asked in training, and what a trained one keeps, against what they must be."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.errors import InputError, StoreError
from bowerbird.graft.adapter import AdaptationMode
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftConfig
from bowerbird.graft.connector import Connector, TokenKind
from bowerbird.graft.examples.dataset import GraftDataset
from bowerbird.graft.examples.facts import CatalogueFacts
from bowerbird.graft.examples.questions import Question, QuestionSampler, TaskType
from bowerbird.graft.model import Graft
from bowerbird.graft.prompt import SoftItem
from bowerbird.graft.training.alignment import AlignmentModel
from bowerbird.graft.training.train import train_graft


@pytest.fixture(scope="module")
def lesson(grafted: Store) -> GraftDataset:
    return GraftDataset.from_snapshot(grafted.snapshot())


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
    facts = CatalogueFacts.from_catalogue(Catalogue.of(items))
    assert facts.of[0] == {"type": "lamp", "colour": "red", "price band": "low"}
    assert facts.of[3] == {"type": "rug", "colour": "red"}, "no other item has its price band"
    assert facts.items_with["colour", "red"].tolist() == [0, 2, 3]
    assert facts.shared(np.array([0, 2, 3]))[0] == "red"


def test_every_sort_of_question_is_asked_and_right(lesson: GraftDataset, base: Base) -> None:
    questions = QuestionSampler(lesson.material, base)
    assert set(questions.sorts) == set(TaskType) - {TaskType.COLLECTION, TaskType.PICTURE}
    rng = np.random.default_rng(0)
    for item in questions.items[:20].tolist():
        fact = questions.about(item, TaskType.FACT, rng)
        assert fact.answer.strip() in lesson.material.facts.of[item].values()
        match = questions.about(item, TaskType.MATCH, rng)
        shown = [piece for piece in match.prompt if isinstance(piece, int)]
        assert shown[int(match.answer) - 1] == item
        assert len(set(shown)) == 4
        kinds = {
            sort: [p.kind for p in questions.about(item, sort, rng).prompt if isinstance(p, SoftItem)]
            for sort in (TaskType.TASTE, TaskType.INTEREST)
        }
        assert kinds == {TaskType.TASTE: [TokenKind.TASTE], TaskType.INTEREST: [TokenKind.INTEREST]}


def test_an_interest_is_the_mean_of_items_that_have_the_fact(lesson: GraftDataset, base: Base) -> None:
    questions, gains = QuestionSampler(lesson.material, base), []
    for seed in range(20):
        asked = questions.about(int(questions.items[seed]), TaskType.INTEREST, np.random.default_rng(seed))
        thing = next(piece for piece in asked.prompt if isinstance(piece, SoftItem))
        holders = lesson.material.facts.items_with["colour", asked.answer.strip()]
        near = lesson.matrix @ thing.vector
        gains.append(near[holders].mean() - np.delete(near, holders).mean())
    assert np.mean(gains) > 4 * np.std(gains) / len(gains) ** 0.5


def test_padding_and_batches_change_no_loss(lesson: GraftDataset, base: Base) -> None:
    torch.manual_seed(0)
    aligned = AlignmentModel(
        base, Connector(lesson.matrix.shape[1], base.hidden, 3.0, 2), base.model, lesson.matrix
    )
    questions = [
        Question(["Product: ", 3, "\nDescription:"], " red lamp", TaskType.DESCRIBE),
        Question(["Product: ", 5, " ", 9, " this person likes is\n:"], " blue", TaskType.FACT),
        Question(
            [SoftItem(TokenKind.TASTE, lesson.matrix[2]), "likes"], " red sofa , green rug", TaskType.TASTE
        ),
    ]
    lengths = [3, 2, 6]  # tokens of each answer, its end among them
    with torch.no_grad():
        together = aligned(questions)
        alone = [aligned([question]) for question in questions]
    mean = sum(n * float(one.loss) for n, one in zip(lengths, alone, strict=True)) / sum(lengths)
    assert float(together.loss) == pytest.approx(mean, abs=1e-4)
    assert together.each.tolist() == pytest.approx([float(one.loss) for one in alone], abs=1e-4)
    assert together.right.tolist() == [bool(one.right) for one in alone]


@pytest.mark.parametrize("adapt", [AdaptationMode.LORA, AdaptationMode.FULL])
def test_an_adapted_graft_is_saved_loaded_and_exported_whole(
    fresh_store: Store, tiny_base: Path, tmp_path: Path, adapt: AdaptationMode
) -> None:
    from transformers import AutoModelForCausalLM

    from bowerbird.graft.export import export_graft

    config = GraftConfig(base=str(tiny_base), minutes=0.1, steps=6, adapt=adapt, tokens=2, accumulate=2)
    version = train_graft(fresh_store, config)
    assert version.meta["adapt"] == adapt.value
    graft, again = Graft.open(fresh_store.snapshot()), Graft.open(fresh_store.snapshot())
    plain = Base.load(str(tiny_base))
    ids = torch.tensor([graft.base.tokenize("this person likes red lamp")])
    changed = (graft.base.model(ids).logits - plain.model(ids).logits).abs().max()
    assert changed > 1e-5, "the language model itself has learnt"
    assert torch.equal(graft.base.model(ids).logits, again.base.model(ids).logits)
    prompt = ["Product: ", 5, "\nDescription:"]
    assert torch.equal(graft.embedded(graft.rendered(prompt)), again.embedded(again.rendered(prompt)))
    export_graft(graft, tmp_path / "out")
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.allclose(exported(ids).logits, graft.base.model(ids).logits, atol=1e-6)


def test_a_frozen_graft_leaves_plain_text_exactly_as_it_was(grafted: Store, base: Base) -> None:
    ids = torch.tensor([base.tokenize("this person likes red lamp")])
    assert torch.equal(Graft.open(grafted.snapshot()).base.model(ids).logits, base.model(ids).logits)


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
        Graft.open(Store.open(tmp_path / "store").snapshot())


def test_a_graft_with_the_heads_of_an_earlier_version_opens(grafted: Store, tmp_path: Path) -> None:
    import json
    import shutil

    shutil.copytree(grafted.path, tmp_path / "store")
    version = Store.open(tmp_path / "store").current("graft")
    assert version is not None
    heads = {"layer": 2, "request_layer": 1, "history": 20, "markers": {"item": 3, "recommend": 4}}
    (version.path / "meta.json").write_text(json.dumps(version.meta | heads))
    for name in ("head.safetensors", "request-head.safetensors"):
        (version.path / name).write_bytes(b"whatever: nobody reads it")
    graft, before = Graft.open(Store.open(tmp_path / "store").snapshot()), Graft.open(grafted.snapshot())
    prompt = ["Product: ", 5, "\nDescription:"]
    assert list(graft.generate(prompt, 5)) == list(before.generate(prompt, 5))


def test_a_graft_goes_on_with_updates_of_its_vectors(grafted: Store, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(grafted.path, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    vectors = load_vectors(store.snapshot())
    assert vectors.path is not None
    with store.publishing("vectors", {**vectors.meta, "aligned_with": [vectors.version]}) as folder:
        for name in ("vectors.npy", "ids.json"):
            shutil.copy(vectors.path / name, folder)
    prompt = ["Product: ", 5]
    graft, before = Graft.open(store.snapshot()), Graft.open(grafted.snapshot())
    assert torch.equal(graft.embedded(graft.rendered(prompt)), before.embedded(before.rendered(prompt)))


@pytest.mark.parametrize("bad", [{"tokens": 0}, {"tokens": 9}, {"accumulate": 0}, {"minutes": 0}])
def test_settings_that_mean_nothing_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(InputError):
        GraftConfig(**bad)  # type: ignore[arg-type]

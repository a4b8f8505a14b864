"""Training questions and their answers, and what a trained graft must preserve."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bowerbird.choices import AdaptationMode
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.errors import InputError, StoreError
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftConfig
from bowerbird.graft.connector import Connector, TokenKind
from bowerbird.graft.examples.dataset import GraftDataset
from bowerbird.graft.examples.facts import CatalogueFacts
from bowerbird.graft.examples.question_sampler import QuestionSampler
from bowerbird.graft.examples.questions import Question, TaskType
from bowerbird.graft.model import Graft
from bowerbird.graft.prompt import SoftItem
from bowerbird.graft.training.alignment_model import AlignmentModel
from bowerbird.graft.training.train import train_graft
from factories import publish_vectors


@pytest.fixture(scope="module")
def dataset(grafted: Store) -> GraftDataset:
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
    assert facts.by_item[0] == {"type": "lamp", "colour": "red", "price band": "low"}
    assert facts.by_item[3] == {"type": "rug", "colour": "red"}, "no other item has its price band"
    assert facts.items_with["colour", "red"].tolist() == [0, 2, 3]
    assert facts.common_values(np.array([0, 2, 3]))[0] == "red"


def test_every_task_is_asked_with_a_correct_answer(dataset: GraftDataset, base: Base) -> None:
    questions = QuestionSampler(dataset.training_data, base)
    assert set(questions.tasks) == set(TaskType) - {TaskType.COLLECTION, TaskType.PICTURE}
    rng = np.random.default_rng(0)
    for item in questions.items[:20].tolist():
        fact = questions.ask(item, TaskType.FACT, rng)
        assert fact.answer.strip() in dataset.training_data.facts.by_item[item].values()
        match = questions.ask(item, TaskType.MATCH, rng)
        choices = [segment for segment in match.prompt if isinstance(segment, int)]
        assert choices[int(match.answer) - 1] == item
        assert len(set(choices)) == 4
        kinds = {
            task: [
                segment.kind
                for segment in questions.ask(item, task, rng).prompt
                if isinstance(segment, SoftItem)
            ]
            for task in (TaskType.TASTE, TaskType.INTEREST)
        }
        assert kinds == {TaskType.TASTE: [TokenKind.TASTE], TaskType.INTEREST: [TokenKind.INTEREST]}


def test_an_interest_is_the_mean_of_items_that_have_the_fact(dataset: GraftDataset, base: Base) -> None:
    questions, gains = QuestionSampler(dataset.training_data, base), []
    for seed in range(20):
        question = questions.ask(int(questions.items[seed]), TaskType.INTEREST, np.random.default_rng(seed))
        soft_item = next(segment for segment in question.prompt if isinstance(segment, SoftItem))
        positions = dataset.training_data.facts.items_with["colour", question.answer.strip()]
        similarities = dataset.matrix @ soft_item.vector
        gains.append(similarities[positions].mean() - np.delete(similarities, positions).mean())
    assert np.mean(gains) > 4 * np.std(gains) / len(gains) ** 0.5


def test_padding_and_batches_change_no_loss(dataset: GraftDataset, base: Base) -> None:
    torch.manual_seed(0)
    model = AlignmentModel(
        base, Connector(dataset.matrix.shape[1], base.hidden, 3.0, 2), base.model, dataset.matrix
    )
    questions = [
        Question(["Product: ", 3, "\nDescription:"], " red lamp", TaskType.DESCRIBE),
        Question(["Product: ", 5, " ", 9, " this person likes is\n:"], " blue", TaskType.FACT),
        Question(
            [SoftItem(TokenKind.TASTE, dataset.matrix[2]), "likes"], " red sofa , green rug", TaskType.TASTE
        ),
    ]
    lengths = [3, 2, 6]  # tokens of each answer, including its end token
    with torch.no_grad():
        batched = model(questions)
        separate = [model([question]) for question in questions]
    mean = sum(
        n_tokens * float(scores.loss) for n_tokens, scores in zip(lengths, separate, strict=True)
    ) / sum(lengths)
    assert float(batched.loss) == pytest.approx(mean, abs=1e-4)
    assert batched.per_answer.tolist() == pytest.approx([float(scores.loss) for scores in separate], abs=1e-4)
    assert batched.is_correct.tolist() == [bool(scores.is_correct) for scores in separate]


@pytest.mark.parametrize("adapt", [AdaptationMode.LORA, AdaptationMode.FULL])
def test_an_adapted_graft_is_saved_loaded_and_exported_whole(
    fresh_store: Store, tiny_base: Path, tmp_path: Path, adapt: AdaptationMode
) -> None:
    from transformers import AutoModelForCausalLM

    from bowerbird.graft.export import export_graft

    config = GraftConfig(base=str(tiny_base), minutes=0.1, steps=6, adapt=adapt, tokens=2, accumulate=2)
    version = train_graft(fresh_store, config)
    assert version.meta["adapt"] == adapt.value
    graft, reopened = Graft.open(fresh_store.snapshot()), Graft.open(fresh_store.snapshot())
    plain = Base.load(str(tiny_base))
    ids = torch.tensor([graft.base.tokenize("this person likes red lamp")])
    changed = (graft.base.model(ids).logits - plain.model(ids).logits).abs().max()
    assert changed > 1e-5, "the language model itself has been trained"
    assert torch.equal(graft.base.model(ids).logits, reopened.base.model(ids).logits)
    prompt = ["Product: ", 5, "\nDescription:"]
    assert torch.equal(
        graft.embed_rendered(graft.render(prompt)), reopened.embed_rendered(reopened.render(prompt))
    )
    export_graft(graft, tmp_path / "out")
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.allclose(exported(ids).logits, graft.base.model(ids).logits, atol=1e-6)


def test_a_frozen_graft_does_not_change_plain_text(grafted: Store, base: Base) -> None:
    ids = torch.tensor([base.tokenize("this person likes red lamp")])
    assert torch.equal(Graft.open(grafted.snapshot()).base.model(ids).logits, base.model(ids).logits)


def test_an_older_graft_is_rejected(grafted: Store, tmp_path: Path) -> None:
    import json
    import shutil

    shutil.copytree(grafted.path, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    version = store.current("graft")
    assert version is not None
    meta = {name: value for name, value in version.meta.items() if name != "tokens"}
    (version.path / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(StoreError, match=r"required field `tokens`.*again"):
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
        (version.path / name).write_bytes(b"never read")
    graft, before = Graft.open(Store.open(tmp_path / "store").snapshot()), Graft.open(grafted.snapshot())
    prompt = ["Product: ", 5, "\nDescription:"]
    assert list(graft.generate(prompt, 5)) == list(before.generate(prompt, 5))


def test_a_graft_works_with_aligned_updates_of_its_vectors(grafted: Store, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(grafted.path, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    vectors = load_vectors(store.snapshot())
    publish_vectors(store, vectors.stored, aligned_with=[vectors.version])
    prompt = ["Product: ", 5]
    graft, before = Graft.open(store.snapshot()), Graft.open(grafted.snapshot())
    assert torch.equal(
        graft.embed_rendered(graft.render(prompt)), before.embed_rendered(before.render(prompt))
    )


@pytest.mark.parametrize("invalid", [{"tokens": 0}, {"tokens": 9}, {"accumulate": 0}, {"minutes": 0}])
def test_invalid_settings_are_rejected(invalid: dict[str, int]) -> None:
    with pytest.raises(InputError):
        GraftConfig(**invalid)  # type: ignore[arg-type]

"""Soft tokens: how many, of which kinds, and that nothing changes an answer that should not."""

import numpy as np
import pytest
import torch

from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector, TokenKind
from bowerbird.graft.model import Graft
from bowerbird.graft.prompt import SoftItem
from bowerbird.graft.runtime import SamplingParams, PromptEmbeddings, checked
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.training.alignment import mean_caption_embeddings


@pytest.fixture(scope="module")
def graft(grafted: Store) -> Graft:
    return Graft.open(grafted.snapshot(), runtime=EagerRuntime)


def with_tokens(graft: Graft, tokens: int) -> Graft:
    """The same base and vectors, several soft tokens an item; kinds that differ."""
    torch.manual_seed(tokens)
    connector = Connector(graft.matrix.shape[1], graft.base.hidden, 3.0, tokens)
    torch.nn.init.normal_(connector.kind.weight)
    return Graft(graft.base, connector, graft.matrix)


@pytest.mark.parametrize("tokens", [0, 9])
def test_one_to_eight_tokens(tokens: int) -> None:
    with pytest.raises(InputError, match="1 to 8"):
        Connector(4, 8, tokens=tokens)


def test_the_gate_is_shut_at_the_start_and_kinds_are_alike() -> None:
    connector = Connector(4, 8, tokens=2)
    vectors = torch.randn(3, 4)
    linear = connector.linear(vectors).unflatten(-1, (2, 8))
    start = connector.scale * torch.nn.functional.normalize(linear, dim=-1)
    assert torch.allclose(connector(vectors), start)
    for kind in TokenKind:
        assert torch.equal(connector(vectors, torch.full((3,), int(kind))), connector(vectors))


def test_gradients_open_the_gate_and_tell_kinds_apart() -> None:
    connector = Connector(4, 8, tokens=2)
    vectors = torch.randn(3, 4)
    (connector(vectors, torch.tensor([0, 1, 1])) * torch.randn(3, 2, 8)).sum().backward()
    moved = connector.kind.weight.grad.abs().sum(1) > 0  # type: ignore[union-attr]
    assert moved.tolist() == [True, True, False, False, False]
    assert connector.mlp[2].weight.grad.abs().sum() > 0  # type: ignore[union-attr]


@pytest.mark.parametrize("tokens", [1, 2, 8])
def test_an_items_tokens_stand_beside_each_other(graft: Graft, tokens: int) -> None:
    several = with_tokens(graft, tokens)
    taste = SoftItem(TokenKind.TASTE, graft.matrix[4])
    rendered = several.rendered(["this is ", 7, " red", taste])
    slots = [*range(tokens)], [*range(tokens, 2 * tokens)]
    assert rendered.slots.tolist() == [-1, -1, *slots[0], -1, *slots[1]]
    embedded = several.embedded(rendered)
    kinds = torch.tensor([0, 1])
    soft = several.connector(torch.from_numpy(graft.matrix[[7, 4]]), kinds)
    assert torch.allclose(embedded[2 : 2 + tokens], soft[0], atol=1e-6)
    assert torch.allclose(embedded[-tokens:], soft[1], atol=1e-6)


@pytest.mark.parametrize("tokens", [1, 3])
def test_equal_places_mean_equal_embeddings(graft: Graft, tokens: int) -> None:
    """The law that sharing computed beginnings rests on."""
    several = with_tokens(graft, tokens)
    pieces = [
        "red",
        7,
        SoftItem(TokenKind.ITEM, graft.matrix[7] * 0.5),
        SoftItem(TokenKind.TASTE, graft.matrix[7] * 0.5),
        8,
    ]
    pieces += [SoftItem(TokenKind.TASTE, graft.matrix[8])]
    embedding_at: dict[int, torch.Tensor] = {}
    for order in (pieces, pieces[::-1]):
        prompt = several.prompt_embeddings(order)
        for place, row in zip(prompt.token_keys.tolist(), torch.from_numpy(prompt.embeddings), strict=True):
            assert torch.allclose(embedding_at.setdefault(place, row), row, atol=1e-6)
    assert len(embedding_at) == 1 + 5 * tokens


def test_several_turns_and_kinds_are_read_alike_with_and_without_a_kept_beginning(graft: Graft) -> None:
    several = with_tokens(graft, 2)
    taste = SoftItem(TokenKind.TASTE, graft.matrix[:3].mean(0))
    first = [("user", ["this person likes ", taste, " ", 3, " ", 4])]
    second = [*first, ("assistant", [4, " is red"]), ("user", ["which is blue", 9])]
    how = SamplingParams(min_tokens=10)
    for turns in (first, second, first, second):
        prompt = several.chat_prompt("you help people choose", turns)
        fresh = Graft(several.base, several.connector, several.matrix)
        assert list(several.generate(prompt, 10, decoding=how)) == list(
            fresh.generate(prompt, 10, decoding=how)
        )


@pytest.mark.parametrize("vector", [np.zeros(3), np.full(32, np.nan), np.zeros((32, 1))])
def test_a_vector_that_is_none_is_refused(graft: Graft, vector: np.ndarray) -> None:
    with pytest.raises(InputError, match="taste"):
        graft.generate(["red", SoftItem(TokenKind.TASTE, vector)])


def broken(graft: Graft) -> list[tuple[str, PromptEmbeddings]]:
    hidden, places = graft.base.hidden, np.arange(3)
    good = np.zeros((3, hidden), np.float32)
    bad = good.copy()
    bad[1, 2] = np.inf
    return [
        ("float32", PromptEmbeddings(places, good.astype(np.float16))),
        ("shape", PromptEmbeddings(places, good[:, :-1])),
        ("shape", PromptEmbeddings(places[:2], good)),
        ("shape", PromptEmbeddings(places, good[None])),
        ("empty", PromptEmbeddings(places[:0], good[:0])),
        ("shorten", PromptEmbeddings(np.arange(999), np.zeros((999, hidden), np.float32))),
        ("place 1 .*not finite", PromptEmbeddings(places, bad)),
    ]


def test_what_no_engine_may_see_is_refused(graft: Graft) -> None:
    for said, prompt in broken(graft):
        with pytest.raises(InputError, match=said):
            checked(prompt, graft.base.limits)
        with pytest.raises(InputError, match=said):
            graft.runtime.generate(prompt, SamplingParams())


def test_several_tokens_share_a_captions_words_in_order(graft: Graft) -> None:
    base: Base = graft.base
    said = ["red lamp blue sofa", "green chair blue rug"]
    whole, halves = mean_caption_embeddings(base, said, 1), mean_caption_embeddings(base, said, 2)
    assert whole.shape == (2, 1, base.hidden)
    assert halves.shape == (2, 2, base.hidden)
    first = mean_caption_embeddings(base, ["red lamp", "green chair"], 1)
    assert np.allclose(
        halves[0, 0] / np.linalg.norm(halves[0, 0]), first[0, 0] / np.linalg.norm(first[0, 0]), atol=0.1
    )

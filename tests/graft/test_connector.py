"""Soft tokens: their number and kinds, and that caching does not change a reply."""

import numpy as np
import pytest
import torch

from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector, TokenKind
from bowerbird.graft.model import Graft
from bowerbird.graft.prompt import SoftItem
from bowerbird.graft.runtime import PromptEmbeddings, SamplingParams, check_prompt
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.training.alignment_model import mean_caption_embeddings


@pytest.fixture(scope="module")
def graft(grafted: Store) -> Graft:
    return Graft.open(grafted.snapshot(), runtime=EagerRuntime)


def with_tokens(graft: Graft, tokens: int) -> Graft:
    """The same base and vectors, with several soft tokens per item and random kind embeddings."""
    torch.manual_seed(tokens)
    connector = Connector(graft.matrix.shape[1], graft.base.hidden, 3.0, tokens)
    torch.nn.init.normal_(connector.kind.weight)
    return Graft(graft.base, connector, graft.matrix)


@pytest.mark.parametrize("tokens", [0, 9])
def test_one_to_eight_tokens(tokens: int) -> None:
    with pytest.raises(InputError, match="1 to 8"):
        Connector(4, 8, tokens=tokens)


def test_the_connector_starts_linear_and_all_kinds_equal() -> None:
    connector = Connector(4, 8, tokens=2)
    vectors = torch.randn(3, 4)
    linear = connector.linear(vectors).unflatten(-1, (2, 8))
    expected = connector.scale * torch.nn.functional.normalize(linear, dim=-1)
    assert torch.allclose(connector(vectors), expected)
    for kind in TokenKind:
        assert torch.equal(connector(vectors, torch.full((3,), int(kind))), connector(vectors))


def test_gradients_reach_the_mlp_and_the_used_kinds() -> None:
    connector = Connector(4, 8, tokens=2)
    vectors = torch.randn(3, 4)
    (connector(vectors, torch.tensor([0, 1, 1])) * torch.randn(3, 2, 8)).sum().backward()
    moved = connector.kind.weight.grad.abs().sum(1) > 0  # type: ignore[union-attr]
    assert moved.tolist() == [True, True, False, False, False]
    assert connector.mlp[2].weight.grad.abs().sum() > 0  # type: ignore[union-attr]


@pytest.mark.parametrize("tokens", [1, 2, 8])
def test_an_items_tokens_are_consecutive(graft: Graft, tokens: int) -> None:
    several = with_tokens(graft, tokens)
    taste = SoftItem(TokenKind.TASTE, graft.matrix[4])
    prompt = several.render(["this is ", 7, " red", taste])
    slots = [*range(tokens)], [*range(tokens, 2 * tokens)]
    assert prompt.slots.tolist() == [-1, -1, *slots[0], -1, *slots[1]]
    embeddings = several.embed_rendered(prompt)
    kinds = torch.tensor([0, 1])
    soft_tokens = several.connector(torch.from_numpy(graft.matrix[[7, 4]]), kinds)
    assert torch.allclose(embeddings[2 : 2 + tokens], soft_tokens[0], atol=1e-6)
    assert torch.allclose(embeddings[-tokens:], soft_tokens[1], atol=1e-6)


@pytest.mark.parametrize("tokens", [1, 3])
def test_equal_keys_mean_equal_embeddings(graft: Graft, tokens: int) -> None:
    """The property that prefix caching relies on."""
    several = with_tokens(graft, tokens)
    segments = [
        "red",
        7,
        SoftItem(TokenKind.ITEM, graft.matrix[7] * 0.5),
        SoftItem(TokenKind.TASTE, graft.matrix[7] * 0.5),
        8,
    ]
    segments += [SoftItem(TokenKind.TASTE, graft.matrix[8])]
    embedding_by_key: dict[int, torch.Tensor] = {}
    for order in (segments, segments[::-1]):
        prompt = several.embed_prompt(order)
        for token_key, embedding in zip(
            prompt.token_keys.tolist(), torch.from_numpy(prompt.embeddings), strict=True
        ):
            assert torch.allclose(embedding_by_key.setdefault(token_key, embedding), embedding, atol=1e-6)
    assert len(embedding_by_key) == 1 + 5 * tokens


def test_prefix_caching_changes_no_reply_of_a_chat(graft: Graft) -> None:
    several = with_tokens(graft, 2)
    taste = SoftItem(TokenKind.TASTE, graft.matrix[:3].mean(0))
    first = [("user", ["this person likes ", taste, " ", 3, " ", 4])]
    second = [*first, ("assistant", [4, " is red"]), ("user", ["which is blue", 9])]
    params = SamplingParams(min_tokens=10)
    for turns in (first, second, first, second):
        prompt = several.build_chat_prompt("you help people choose", turns)
        fresh = Graft(several.base, several.connector, several.matrix)
        assert list(several.generate(prompt, 10, sampling=params)) == list(
            fresh.generate(prompt, 10, sampling=params)
        )


@pytest.mark.parametrize("vector", [np.zeros(3), np.full(32, np.nan), np.zeros((32, 1))])
def test_an_invalid_vector_is_rejected(graft: Graft, vector: np.ndarray) -> None:
    with pytest.raises(InputError, match="taste"):
        graft.generate(["red", SoftItem(TokenKind.TASTE, vector)])


def malformed_prompts(graft: Graft) -> list[tuple[str, PromptEmbeddings]]:
    hidden, token_keys = graft.base.hidden, np.arange(3)
    valid = np.zeros((3, hidden), np.float32)
    with_infinity = valid.copy()
    with_infinity[1, 2] = np.inf
    return [
        ("float32", PromptEmbeddings(token_keys, valid.astype(np.float16))),
        ("shape", PromptEmbeddings(token_keys, valid[:, :-1])),
        ("shape", PromptEmbeddings(token_keys[:2], valid)),
        ("shape", PromptEmbeddings(token_keys, valid[None])),
        ("empty", PromptEmbeddings(token_keys[:0], valid[:0])),
        ("shorten", PromptEmbeddings(np.arange(999), np.zeros((999, hidden), np.float32))),
        ("position 1 .*not finite", PromptEmbeddings(token_keys, with_infinity)),
    ]


def test_malformed_prompts_are_rejected(graft: Graft) -> None:
    for message, prompt in malformed_prompts(graft):
        with pytest.raises(InputError, match=message):
            check_prompt(prompt, graft.base.limits)
        with pytest.raises(InputError, match=message):
            graft.runtime.generate(prompt, SamplingParams())


def test_several_tokens_split_a_caption_in_order(graft: Graft) -> None:
    base: Base = graft.base
    captions = ["red lamp blue sofa", "green chair blue rug"]
    unsplit, halves = mean_caption_embeddings(base, captions, 1), mean_caption_embeddings(base, captions, 2)
    assert unsplit.shape == (2, 1, base.hidden)
    assert halves.shape == (2, 2, base.hidden)
    first_halves = mean_caption_embeddings(base, ["red lamp", "green chair"], 1)
    assert np.allclose(
        halves[0, 0] / np.linalg.norm(halves[0, 0]),
        first_halves[0, 0] / np.linalg.norm(first_halves[0, 0]),
        atol=0.1,
    )

"""Encoding a dialogue once gives the states of each of its contexts alone, for decoders of any family."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bowerbird.conversations.contexts import ConversationContext
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.head.config import RequestHeadConfig
from bowerbird.graft.head.encoding import ConversationEncoder, EncodedConversation, truncate_decoder
from bowerbird.graft.head.state_cache import StateCache

Conversation = Callable[..., ConversationContext]


@pytest.fixture
def make_encoder(
    base: Base,
    vectors: NDArray[np.float32],
    titles: list[str],
    make_connector: Callable[[Base], Connector],
) -> Callable[..., ConversationEncoder]:
    connector = make_connector(base)
    return lambda **settings: ConversationEncoder(
        base, connector, vectors, titles, RequestHeadConfig(**settings)
    )


def assert_same(left: Sequence[EncodedConversation], right: Sequence[EncodedConversation]) -> None:
    assert len(left) == len(right)
    for own, other in zip(left, right, strict=True):
        for name in ("end", "turns", "mentions"):
            np.testing.assert_allclose(getattr(own, name), getattr(other, name), atol=5e-3)
        for name in ("turn_facts", "mention_facts", "items"):
            np.testing.assert_array_equal(getattr(own, name), getattr(other, name))


@pytest.mark.parametrize("max_tokens", [256, 20])
def test_a_dialogue_read_once_equals_its_contexts_read_alone(
    make_encoder: Callable[..., ConversationEncoder], conversation: Conversation, max_tokens: int
) -> None:
    encoder = make_encoder(max_tokens=max_tokens)
    contexts = [conversation(1), conversation(1, 2), conversation(1, 2, 3), conversation(9), conversation()]
    alone = [encoder.encode([context])[0] for context in contexts]
    assert np.abs(alone[0].end - alone[1].end).max() > 0.01, "all states are alike: the test can't fail"
    assert_same(encoder.encode(contexts), alone)


def test_the_first_blocks_give_the_hidden_states_of_the_whole_decoder(base: Base) -> None:
    embeddings = torch.randn(1, 7, base.hidden, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        everything = base.trunk(inputs_embeds=embeddings, output_hidden_states=True)
        first = truncate_decoder(base, 2)(inputs_embeds=embeddings).last_hidden_state
        whole = truncate_decoder(base, 0)(inputs_embeds=embeddings).last_hidden_state
    torch.testing.assert_close(first, everything.hidden_states[2])
    torch.testing.assert_close(whole, everything.last_hidden_state)


def test_an_interrupted_encoding_resumes_from_disk(
    make_encoder: Callable[..., ConversationEncoder], conversation: Conversation, tmp_path: Path
) -> None:
    contexts = [conversation(1), conversation(1, 2), conversation(3)]
    first = StateCache(tmp_path, make_encoder()).encode(contexts[:2])
    files = set(tmp_path.iterdir())
    again = StateCache(tmp_path, make_encoder())
    assert_same(again.encode(contexts[:2]), first)
    assert set(tmp_path.iterdir()) == files, "what was on disk was encoded again"
    assert_same(again.encode(contexts), make_encoder().encode(contexts))
    assert_same(
        StateCache(tmp_path, make_encoder(depth=1)).encode(contexts), make_encoder(depth=1).encode(contexts)
    )

"""Tiny random decoders of two families, and a toy world in which only the vectors know the answer."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from bowerbird.conversations.contexts import (
    ContextTurn,
    ConversationContext,
    DialogueExample,
    Mention,
    Sentiment,
)
from bowerbird.data.dialogues import Role
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector

N_ITEMS, DIM = 240, 8
WORDS = ("User", "Assistant", ":", "I", "like", "what", "else", "then", "hello", "no", ".", "and", "?")
SIZES = {
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
    "max_position_embeddings": 256,
}


def make_base(family: str) -> Base:
    """A random decoder with a word tokenizer that knows every item's name; the families differ in width."""
    vocabulary = ["<unk>", "<repo_name>", *WORDS, *(f"n{item}" for item in range(N_ITEMS))]
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(0)
    model = (
        LlamaForCausalLM(
            LlamaConfig(vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, **SIZES)
        )
        if family == "llama"
        else Qwen3ForCausalLM(
            Qwen3Config(
                vocab_size=len(vocabulary), hidden_size=48, intermediate_size=64, head_dim=16, **SIZES
            )
        )
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", additional_special_tokens=["<repo_name>"]
    )
    return Base.from_model(family, model, fast)


@pytest.fixture(scope="session", params=["llama", "qwen3"])
def base(request: pytest.FixtureRequest) -> Base:
    return make_base(request.param)


@pytest.fixture(scope="session")
def llama() -> Base:
    return make_base("llama")


@pytest.fixture(scope="session")
def vectors() -> NDArray[np.float32]:
    """Unit vectors in pairs: items 2k and 2k + 1 are nearest neighbours; nothing else tells."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(N_ITEMS // 2, DIM))
    pairs = np.repeat(centres, 2, axis=0) + rng.normal(0, 0.02, (N_ITEMS, DIM))
    return (pairs / np.linalg.norm(pairs, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="session")
def titles() -> list[str]:
    return [f"n{item}" for item in range(N_ITEMS)]


@pytest.fixture(scope="session")
def make_connector() -> Callable[[Base], Connector]:
    def make(base: Base) -> Connector:
        torch.manual_seed(1)
        return Connector(DIM, base.hidden, 0.3).eval()

    return make


def name_items(*items: int) -> ConversationContext:
    """The user names items in turn, the assistant asks for more in between."""
    turns, mentions = [], []
    for item in items:
        text = f"I like n{item} ."
        end = 7 + len(f"n{item}")
        mentions.append(Mention(item, len(turns), Role.USER, Sentiment.LIKED, True, 7, end))
        turns += [ContextTurn(Role.USER, text), ContextTurn(Role.ASSISTANT, "what else ?")]
    return ConversationContext(tuple(turns[:-1]), tuple(mentions))


@pytest.fixture(scope="session")
def conversation() -> Callable[..., ConversationContext]:
    return name_items


@pytest.fixture(scope="session")
def neighbour_examples() -> Callable[[range], list[DialogueExample]]:
    """The recommended item is the nearest neighbour of the item that was named last."""

    def make(items: range) -> list[DialogueExample]:
        rng = np.random.default_rng(0)
        return [
            DialogueExample(f"d{item}", name_items(int(rng.choice(items)), item), (item ^ 1,))
            for item in items
        ]

    return make

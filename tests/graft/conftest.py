"""A tiny language model on disk and a toy store, so that tests of the graft take seconds."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from factories import publish_vectors

WORDS = (
    *("Product", "Description", ":", "This", "this", "person", "likes", "is", "red", "blue", "green", "lamp"),
    *("sofa", "chair", "rug", "Describe", "products", "product", "assistant", "user", "system", ".", ","),
    *("colour", "what", "you", "help", "people", "choose", "which"),
)
KINDS, COLOURS = ("lamp", "sofa", "chair", "rug"), ("red", "blue", "green")
ITEMS, DIM = 60, 32


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random two-layer Llama of 32 dimensions and a word tokenizer."""
    folder = tmp_path_factory.mktemp("base")
    special = ["<unk>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>"]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys([*special, *WORDS]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>", "<repo_name>", "<file_sep>"],
        chat_template=(
            "{% for m in messages %}<|im_start|> {{ m['role'] }} {{ m['content'] }} <|im_end|> {% endfor %}"
            "{% if add_generation_prompt %}<|im_start|> assistant {% endif %}"
        ),
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def toy_store(path: Path) -> Store:
    """Two user groups: one likes even items, the other odd ones; the vectors within each half are similar."""
    rng = np.random.default_rng(0)
    items = [
        Item(f"i{n}", title=f"{COLOURS[n % 3]} {KINDS[n // 3 % 4]}", attributes={"colour": COLOURS[n % 3]})
        for n in range(ITEMS)
    ]
    store = Store.create(path)
    catalogue = Catalogue.of(items)
    store.publish_catalogue(catalogue)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    events = []
    for user_number in range(80):
        group = user_number % 2
        for k, item in enumerate(rng.permutation(ITEMS // 2)[:12]):
            action = (Action.CLICK, Action.SAVE, Action.PURCHASE)[k % 3]
            events.append(
                Event(f"u{user_number}", f"i{2 * item + group}", action, start + timedelta(hours=k))
            )
    store.log.add_segment(pa.Table.from_pylist([event.as_row() for event in events], schema=EVENT_SCHEMA))
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(ITEMS, DIM)) + 2 * rng.normal(size=(2, DIM))[np.arange(ITEMS) % 2]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    publish_vectors(store, vectors, holdout=Holdout(until=None, user_share=0.1))
    return store


@pytest.fixture(scope="session")
def grafted(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Store:
    """The toy store with a trained graft; tests must not change it."""
    from bowerbird.graft.config import GraftConfig
    from bowerbird.graft.training.train import train_graft

    torch.set_num_threads(1)
    store = toy_store(tmp_path_factory.mktemp("toy") / "store")
    train_graft(store, GraftConfig(base=str(tiny_base), minutes=5, steps=30))
    return store


@pytest.fixture
def fresh_store(tmp_path: Path) -> Store:
    """A toy store with vectors and no graft, for a test to change."""
    return toy_store(tmp_path / "store")

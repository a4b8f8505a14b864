"""A toy catalogue with a known answer: squares of four colours, two groups of users who like two colours
each."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, ViTConfig, ViTModel
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from bowerbird.data.events import Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import BackboneError
from bowerbird.models import fetch

COLOURS = {"red": (200, 30, 30), "green": (30, 160, 40), "blue": (30, 60, 200), "yellow": (230, 210, 40)}
GROUPS = (("red", "blue"), ("green", "yellow"))
NOUNS = ("chair", "lamp", "rug", "vase")
PER_COLOUR = 12
START = datetime(2026, 1, 1, tzinfo=UTC)


def square(colour: str, shade: int = 0) -> bytes:
    """A PNG of one colour, in slightly different shades."""
    red, green, blue = COLOURS[colour]
    file = io.BytesIO()
    Image.new("RGB", (48, 48), (red, green + shade, blue)).save(file, "PNG")
    return file.getvalue()


def toy_items() -> list[Item]:
    return [
        Item(f"{colour}-{k}", f"{colour} {NOUNS[k % 4]} number {k}", image=square(colour, k))
        for colour in COLOURS
        for k in range(PER_COLOUR)
    ]


def toy_events(n_users: int = 40) -> list[Event]:
    """User u likes the colours of group u mod 2, in turn; the last two items of each colour stay cold."""
    events = []
    for user in range(n_users):
        for step in range(10):
            colour = GROUPS[user % 2][step % 2]
            item = f"{colour}-{(user * 3 + step // 2) % (PER_COLOUR - 2)}"
            at = START + timedelta(minutes=step, hours=user)
            events.append(Event(f"p{user}", item, Action.CLICK, at))
    return events


@pytest.fixture(scope="session")
def toy_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Store]:
    """Makes a store of the toy catalogue. Skips if the backbones are neither here nor available."""
    try:
        fetch("efficientnet-lite0"), fetch("minilm-l6")
    except BackboneError as error:
        pytest.skip(f"backbones are not available: {error}")

    def make(items: list[Item] | None = None, events: list[Event] | None = None) -> Store:
        folder: Path = tmp_path_factory.mktemp("toy") / "store"
        store = Store.create(folder)
        store.publish_catalogue(Catalogue.of(toy_items() if items is None else items))
        store.log.append(toy_events() if events is None else events)
        return store

    return make


@pytest.fixture(scope="session")
def tiny_backbones(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Folders of a small random image and a small random text model: ViT and BERT of three blocks each."""
    folders = [tmp_path_factory.mktemp(name) for name in ("vit", "bert")]
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4}
    torch.manual_seed(0)
    ViTModel(ViTConfig(**sizes, image_size=32, patch_size=8)).save_pretrained(folders[0])
    size = {"height": 32, "width": 32}
    ViTImageProcessorPil(size=size, image_mean=[0.5] * 3, image_std=[0.5] * 3).save_pretrained(folders[0])
    words = ["<pad>", "<unk>", "number", *COLOURS, *NOUNS, *map(str, range(PER_COLOUR))]
    tokens = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokens.pre_tokenizer = Whitespace()
    BertModel(BertConfig(**sizes, vocab_size=len(words), max_position_embeddings=16)).save_pretrained(
        folders[1]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokens, pad_token="<pad>", unk_token="<unk>")
    tokenizer.save_pretrained(folders[1])
    return str(folders[0]), str(folders[1])

"""A shop's own words extend a language: they are read, answered with, and a broken file is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.languages import detect_language, load_language
from bowerbird.assist.languages.queries import query_for_catalogue
from bowerbird.assist.parts import Parts
from bowerbird.assist.state import DialogueState
from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.errors import InputError

OWN = """
[words]
rug = "jarapa, jarapas"
red = "colorín"
"living room" = "cuarto de estar"

[replies]
greeting = ["¡Buenas! ¿Qué te enseño?"]
"""


@pytest.fixture
def own_shop(tmp_path: Path, shop: Catalogue, shop_vectors: np.ndarray) -> Parts:
    """The shop with a Spanish file of its own."""
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(shop)
    (store.path / "languages").mkdir()
    (store.path / "languages" / "es.toml").write_text(OWN, encoding="utf-8")
    parts = Parts(store.snapshot(), shop, shop_vectors)
    parts.__dict__["encoder"] = None
    return parts


def test_own_words_are_read_and_answered_with(own_shop: Parts, assistant: Assistant) -> None:
    message = "busco una jarapa colorín por menos de 80"
    reply = Assistant(own_shop).reply(DialogueState(), message)
    english = assistant.reply(DialogueState(), "I'm looking for a red rug under 80")
    assert reply.request is not None and english.request is not None
    assert reply.request.facets == english.request.facets and reply.request.price == english.request.price
    without = assistant.reply(DialogueState(), message)
    assert without.request is None or without.request.facets != english.request.facets
    assert Assistant(own_shop).reply(DialogueState(), "hola").text == "¡Buenas! ¿Qué te enseño?"
    assert assistant.reply(DialogueState(), "hola").text != "¡Buenas! ¿Qué te enseño?"


def test_own_words_tell_the_language(own_shop: Parts) -> None:
    assert detect_language("jarapas colorín", "en", own_shop.languages_folder) == "es"
    assert detect_language("jarapas colorín", "en") == "en"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[words", "can't be read"),
        ("[word]\nrug = 'jarapa'", "the table 'word'"),
        ("words = 3", "expected a table"),
        ("[words]\nrug = 3", "expected phrases"),
        ("[words]\nrug = 'jarapa,'", "expected phrases"),
        ("[words]\nrug = 'a b c d e f g h i'", "more than 8 words"),
        ("[replies]\nhello = 'hi'", "no reply 'hello'"),
        ("[replies]\ngreeting = 3", "expected a text"),
        ("[replies]\ngreeting = ['{name}']", "expected a text with no fields"),
        ("[replies]\nshop_range = 'Tenemos {items}'", "{range}"),
        ("[replies]\nshop_range = 'Tenemos {range'", "{range}"),
    ],
)
def test_a_broken_file_is_named(own_shop: Parts, content: str, reason: str) -> None:
    folder = own_shop.languages_folder
    assert folder is not None
    (folder / "es.toml").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"es\.toml") as raised:
        load_language.__wrapped__("es", folder)
    assert reason in str(raised.value)


def test_search_queries_are_brought_to_the_language_of_the_catalogue(own_shop: Parts) -> None:
    snapshot = own_shop.snapshot
    assert query_for_catalogue("una jarapa colorín", snapshot) == "a rug red"
    assert query_for_catalogue("ein roter Teppich", snapshot) == "a red rug"
    as_they_are = ("a red rug", "красная лампа", "Xyzzy 3000")
    assert [query_for_catalogue(text, snapshot) for text in as_they_are] == list(as_they_are)

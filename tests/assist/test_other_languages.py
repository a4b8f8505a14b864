"""A model behind a URL reads any language and answers in it; a translation says what the English said."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.languages import load_language
from bowerbird.assist.parts import Parts
from bowerbird.assist.state import DialogueState
from bowerbird.data.items import Catalogue
from bowerbird.data.settings import SETTINGS_FILE
from bowerbird.data.store import Store
from scripted_endpoint import Fault, ScriptedEndpoint, answer, scripted_endpoint

POLISH = "czerwona lampka stojąca do salonu poniżej 60"
READ = {"act": "find", "topic": "", "language": "pl", "english": "a red floor lamp under 60"}
Ask = Callable[..., AbstractContextManager[tuple[Assistant, ScriptedEndpoint]]]


@pytest.fixture
def ask(tmp_path: Path, shop: Catalogue, shop_vectors: np.ndarray) -> Ask:
    """The assistant of a store whose settings name a scripted endpoint."""

    @contextmanager
    def opened(
        script: Sequence[dict[str, Any] | Fault], writer: str = "endpoint"
    ) -> Iterator[tuple[Assistant, ScriptedEndpoint]]:
        with scripted_endpoint(script) as server:
            store = Store.create(tmp_path / "store")
            store.publish_catalogue(shop)
            (store.path / SETTINGS_FILE).write_text(
                f'layout_version = 1\n[language_model]\nwriter = "{writer}"\nurl = "{server.url}"\n'
                'model = "tiny"\ntimeout_s = 0.5\npause_s = 0.0\n'
            )
            parts = Parts(Store.open(store.path).snapshot(), shop, shop_vectors)
            parts.__dict__["encoder"] = None
            yield Assistant(parts), server

    return opened


def as_json(value: Any) -> dict[str, Any]:
    """An answer of the endpoint in JSON."""
    return answer(json.dumps(value))


def translated(server: ScriptedEndpoint) -> list[str]:
    """The lines that the endpoint was asked to translate last."""
    content = server.requests[-1]["messages"][1]["content"]
    return [line.split(": ", 1)[1] for line in content.split("\n")]


def in_polish(line: str) -> str:
    """A translation that keeps markers and numbers."""
    return line.replace("red floor lamps", "czerwone lampy").replace("Here are", "Oto").replace("oak", "dąb")


def test_a_language_without_a_file_is_read_and_answered(ask: Ask, assistant: Assistant) -> None:
    english = assistant.reply(DialogueState(), READ["english"])
    opening = "Here are red floor lamps."
    with ask([as_json(READ), answer(opening), Fault.GARBAGE]) as (model, server):
        reply = model.reply(DialogueState(), POLISH)
        lines = translated(server)
    assert reply.request is not None and english.request is not None
    assert reply.request.facets == english.request.facets and reply.request.price == english.request.price
    assert [item.item_id for item in reply.items] == [item.item_id for item in english.items]
    assert reply.state.language == "pl" and not reply.suggestions
    assert lines[0] == opening and lines[1].startswith("1. [1]"), "titles are not translated"
    with ask([as_json(READ), answer(opening), as_json({"lines": list(map(in_polish, lines))})]) as (model, _):
        reply = model.reply(DialogueState(), POLISH)
    assert reply.text.split("\n")[0] == "Oto czerwone lampy." and reply.writer == "model"
    assert all(item.title in reply.text and item.priced in reply.text for item in reply.items)


def test_the_next_message_is_read_in_the_same_language(ask: Ask) -> None:
    greeting = {"act": "greeting", "topic": "", "language": "pl", "english": "hello"}
    polish = "Dzień dobry! Czego szukasz?"
    with ask([as_json(greeting), as_json({"lines": [polish]}), as_json(READ)]) as (model, server):
        first = model.reply(DialogueState(), "dzień dobry wszystkim państwu")
        second = model.reply(first.state, POLISH)
    assert first.text == polish and first.state.language == "pl"
    assert second.state.language == "pl" and second.items
    formats = [request.get("response_format", {}).get("type") for request in server.requests]
    assert formats[:3] == ["json_schema"] * 3


@pytest.mark.parametrize(
    "lines",
    [
        ["Oto czerwone lampy za 5."],
        ["Oto [2]."],
        ["Zobacz evil.com"],
        [""],
        ["x" * 500],
        [],
        ["Oto lampy.", "Kup teraz!"],
        "Oto lampy.",
    ],
)
def test_an_unfaithful_translation_is_not_sent(
    ask: Ask, lines: Any, caplog: pytest.LogCaptureFixture
) -> None:
    read = READ | {"act": "thanks", "english": "thanks"}
    with (
        ask([as_json(read), as_json({"lines": lines})]) as (model, _),
        caplog.at_level(logging.WARNING),
    ):
        reply = model.reply(DialogueState(), "dziękuję bardzo państwu")
    assert reply.text in load_language("en").replies["thanks"]
    assert reply.writer == "template" and "Polish" in caplog.text


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.GARBAGE, Fault.OVERLOADED, Fault.WRONG_FORMAT])
def test_an_endpoint_that_fails_is_answered_by_the_templates(
    ask: Ask, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    with ask([fault]) as (model, _), caplog.at_level(logging.WARNING):
        reply = model.reply(DialogueState(), POLISH)
    assert reply.text and reply.writer == "template" and "did not read a message" in caplog.text


def test_a_template_writer_answers_a_foreign_message_in_english(ask: Ask) -> None:
    with ask([as_json(READ)], writer="template") as (model, server):
        reply = model.reply(DialogueState(), POLISH)
    assert reply.items and reply.state.language == "en" and len(server.requests) == 1


SPANISH = "una lámpara roja para mi rincón de lectura"


def test_a_language_with_a_file_is_worded_by_the_model_and_translated(ask: Ask, assistant: Assistant) -> None:
    template = assistant.reply(DialogueState(), SPANISH)
    english = answer("Here are red lamps for your reading corner.")
    spanish = "Estas son lámparas rojas para tu rincón de lectura."
    with ask([english, as_json({"lines": [spanish]})]) as (model, server):
        reply = model.reply(DialogueState(), SPANISH)
    assert len(server.requests) == 2, "it is read by the language file"
    assert reply.text.split("\n") == [spanish, *template.text.split("\n")[1:]]
    assert reply.items == template.items and reply.state.language == "es"


@pytest.mark.parametrize(
    "spanish",
    [
        "Estas son lámparas verdes para tu rincón.",
        "Estas son las lámparas más baratas para tu rincón.",
        "Lámparas rojas con envío gratis.",
    ],
)
def test_a_translation_that_claims_more_is_the_templates(
    ask: Ask, assistant: Assistant, spanish: str, caplog: pytest.LogCaptureFixture
) -> None:
    english = answer("Here are red lamps for your reading corner.")
    with (
        ask([english, as_json({"lines": [spanish]})]) as (model, _),
        caplog.at_level(logging.WARNING),
    ):
        reply = model.reply(DialogueState(), SPANISH)
    assert reply.text == assistant.reply(DialogueState(), SPANISH).text
    assert "does not say the same" in caplog.text


def test_readable_messages_ask_nobody(ask: Ask) -> None:
    with ask([Fault.SILENT], writer="template") as (model, server):
        for text in (
            "a red lamp under 60",
            SPANISH,
            "eine grüne Lampe aus Holz",
            "thanks",
            "un tapis bleu en laine",
        ):
            model.reply(DialogueState(), text)
    assert not server.requests

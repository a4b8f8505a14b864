"""Acts of free wordings: what the classifier adds to the rules, in five languages."""

import csv
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bowerbird.assist.acts.classifier import ActClassifier, ActClassifierConfig
from bowerbird.assist.acts.default import DEFAULT_FOLDER, FINGERPRINT_FILE, fingerprint
from bowerbird.assist.acts.dialogue_examples import dialogue_examples
from bowerbird.assist.acts.examples import ActExample, message_without_items
from bowerbird.assist.acts.opening import load_default_classifier
from bowerbird.assist.acts.recognizer import ClassifierRecognizer, CombinedRecognizer, RuleRecognizer
from bowerbird.assist.acts.training import train_classifier
from bowerbird.assist.acts.wordings import expand_phrase, load_wordings, worded_examples
from bowerbird.assist.assistant import Assistant
from bowerbird.assist.languages import CODES
from bowerbird.assist.state import DialogueState
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import ActRecognizer, Message, Recognition
from bowerbird.assist.understand.model_acts import ModelRecognizer
from bowerbird.data.dialogues import Dialogue, DialogueTurn, Role
from bowerbird.data.settings import LanguageModelSettings
from bowerbird.endpoint.chat import ChatEndpoint
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import normalize_text
from scripted_endpoint import Fault, answer, scripted_endpoint

MESSAGES = Path(__file__).with_name("user_messages.tsv")


def user_messages() -> list[dict[str, str]]:
    """Messages as people type them, with the acts that are right; written before the wordings were."""
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def accuracy(recognizer: ActRecognizer, vocabulary: Vocabulary) -> float:
    """Share of the messages with letters whose act is right."""
    rows = [row for row in user_messages() if any(map(str.isalnum, row["text"]))]
    acts = [
        recognizer.recognise(
            message_without_items(row["text"], 4 * (row["screen"] == "list"), vocabulary=vocabulary)
        ).act
        for row in rows
    ]
    return float(np.mean([act in row["acts"].split("/") for act, row in zip(acts, rows, strict=True)]))


def test_the_classifier_is_that_of_the_wordings() -> None:
    built_from = (DEFAULT_FOLDER / FINGERPRINT_FILE).read_text().strip()
    assert built_from == fingerprint(), "run `python -m bowerbird.assist.acts.default`"


def test_every_act_is_worded_in_every_language() -> None:
    for code in CODES:
        assert {label.partition("/")[0] for label, _ in load_wordings(code).phrases} == set(Act)


def test_no_message_of_the_test_is_a_wording() -> None:
    tested = {normalize_text(row["text"]).strip(" .!?¿") for row in user_messages() if " " in row["text"]}
    worded = {normalize_text(example.text).strip(" .!?¿") for example in worded_examples(20, seed=1)}
    assert len(tested & worded) <= len(tested) // 25, sorted(tested & worded)


def test_together_they_know_more_acts_than_either(assistant: Assistant) -> None:
    vocabulary = assistant.parts.vocabulary
    rules, classifier = RuleRecognizer(), ClassifierRecognizer(load_default_classifier())
    by_rules, by_classifier = accuracy(rules, vocabulary), accuracy(classifier, vocabulary)
    together = accuracy(CombinedRecognizer(rules, classifier), vocabulary)
    assert by_rules + 0.15 < by_classifier
    assert together >= by_classifier - 0.01 and together > 0.8


@pytest.mark.parametrize("row", user_messages(), ids=lambda row: row["text"][:40])
def test_every_message_has_an_answer(row: dict[str, str], assistant: Assistant) -> None:
    state = assistant.reply(DialogueState(), "a lamp").state if row["screen"] == "list" else DialogueState()
    reply = assistant.reply(state, row["text"])
    assert reply.text and reply.act in set(Act)


def test_a_saved_classifier_says_the_same(tmp_path: Path) -> None:
    examples = [
        ActExample(text, label)
        for text, label in (("a lamp", "find"), ("bye", "goodbye"), ("hi", "greeting"))
    ] * 3
    trained = train_classifier(
        examples, ActClassifierConfig(n_buckets=64), lambda texts: np.eye(3)[[0] * len(texts)]
    )
    trained.save(tmp_path)
    loaded = ActClassifier.load(tmp_path)
    message, embedding = message_without_items("a lamp please", 0), np.eye(3, dtype=np.float32)[0]
    assert loaded.labels == trained.labels and loaded.embedding_width == 3
    assert np.allclose(
        loaded.probabilities(message, embedding), trained.probabilities(message, embedding), atol=0.02
    )
    assert loaded.recognise(message, embedding).act == Act.FIND
    with pytest.raises(ValueError, match="3 dimensions"):
        loaded.probabilities(message)


def test_a_long_message_is_read_by_its_ends() -> None:
    recognizer = ClassifierRecognizer(load_default_classifier())
    message = message_without_items("lorem ipsum " * 10_000, 0)
    assert recognizer.recognise(message).act in set(Act)


def test_phrases_expand_to_every_choice() -> None:
    fill = {"kind": ["lamp", "rug"]}
    texts = {expand_phrase("[a|one] {kind}", fill, random.Random(seed))[0] for seed in range(60)}
    assert texts == {"lamp", "rug", "a lamp", "a rug", "one lamp", "one rug"}


def test_other_acts_of_conversations_are_mapped_or_counted() -> None:
    turns = (
        DialogueTurn(Role.USER, "Do you have any hats?", acts=("REQUEST:GET",)),
        DialogueTurn(Role.ASSISTANT, "Here are two."),
        DialogueTurn(Role.USER, "The brown one.", acts=("INFORM:DISAMBIGUATE",)),
        DialogueTurn(Role.USER, "Put it in my cart.", acts=("REQUEST:ADD_TO_CART",)),
    )
    examples = dialogue_examples([Dialogue("d", turns)])
    assert [(example.label, example.n_on_screen > 0) for example in examples.examples] == [
        ("find", False),
        ("save", True),
    ]
    assert examples.left_out == {"INFORM:DISAMBIGUATE": 1}


# -- a language model where both are unsure ---------------------------------------------------------------


@dataclass(frozen=True)
class Fixed:
    """A recogniser that always says the same."""

    recognition: Recognition

    def recognise(self, message: Message) -> Recognition:
        return self.recognition


def ask_model(script: list[dict[str, Any] | Fault], other: Recognition) -> tuple[Recognition, int]:
    """What comes out, and how many requests the model got."""
    with scripted_endpoint(script) as server:
        settings = LanguageModelSettings(url=server.url, model="scripted", timeout_s=2.0)
        recognizer = ModelRecognizer(ChatEndpoint(settings), Fixed(other))
        return recognizer.recognise(message_without_items("ta mère", 0)), len(server.requests)


def test_the_model_is_asked_only_where_the_others_are_unsure() -> None:
    label = answer('{"act": "about_shop", "topic": "shipping"}')
    unsure, sure = Recognition(Act.FIND, confidence=0.4), Recognition(Act.FIND, confidence=0.9)
    assert ask_model([label], unsure) == (Recognition(Act.ABOUT_SHOP, "shipping"), 1)
    assert ask_model([label], sure) == (sure, 0)


@pytest.mark.parametrize(
    "fault",
    [
        answer('{"act": "dance", "topic": ""}'),
        answer("[]"),
        answer("no idea"),
        Fault.GARBAGE,
        Fault.OVERLOADED,
        Fault.HALF,
    ],
)
def test_a_faulty_model_changes_nothing(fault: dict[str, Any] | Fault) -> None:
    unsure = Recognition(Act.THANKS, confidence=0.4)
    recognition, requests = ask_model([fault], unsure)
    assert recognition == unsure and requests >= 1

"""Opens the act classifier that a store trained; without one, that of the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from bowerbird.assist.acts.classifier import ActClassifier, ActClassifierConfig
from bowerbird.assist.acts.recognizer import ClassifierRecognizer, CombinedRecognizer, RuleRecognizer
from bowerbird.assist.understand.acts import ActRecognizer
from bowerbird.data.arrays import FloatArray
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.versions.meta import VersionMeta

if TYPE_CHECKING:
    from bowerbird.embed.search.query import QueryEncoder


@dataclass(frozen=True, kw_only=True)
class ActsMeta(VersionMeta):
    """The record of a trained act classifier."""

    KIND: ClassVar[str] = "acts"
    config: ActClassifierConfig
    backbone: str = ""
    """Text encoder of the sentence embeddings; empty for none."""
    n_examples: int = 0
    n_dialogue_turns: int = 0
    """Of the examples, user turns of imported conversations."""
    accuracy: dict[str, float] | None = None
    """On held-out conversations, by act and in all; None without any."""
    rules_first: bool = True
    """Whether a rule that speaks overrules the classifier: not where held-out conversations say otherwise."""


def open_recognizer(snapshot: StoreSnapshot, encoder: Callable[[], QueryEncoder | None]) -> ActRecognizer:
    """Rules, with the classifier that the store trained, or with that of the package where it has none.

    `encoder` opens the query encoder, when a message first needs it.
    """
    version = snapshot.version(ActsMeta.KIND)
    if version is not None:
        classifier = snapshot.open_once("acts", lambda: ActClassifier.load(version.path), of=(ActsMeta.KIND,))
        opened = encoder() if classifier.embedding_width else None
        meta = version.read_meta(ActsMeta)
        if opened is not None and opened.backbones[1] == meta.backbone:

            def embed(text: str) -> FloatArray:
                vector: FloatArray = opened.encode_sentences([text])[0]
                return vector

            learned = ClassifierRecognizer(classifier, embed)
            return CombinedRecognizer(RuleRecognizer(), learned) if meta.rules_first else learned
        if not classifier.embedding_width:
            return CombinedRecognizer(RuleRecognizer(), ClassifierRecognizer(classifier))
    return CombinedRecognizer(RuleRecognizer(), ClassifierRecognizer(load_default_classifier()))


@cache
def load_default_classifier() -> ActClassifier:
    """The classifier that comes with the package: n-grams only, trained on the wordings only."""
    with resources.as_file(resources.files(__package__).joinpath("default")) as folder:
        return ActClassifier.load(Path(folder))

"""Trains the act classifier of a store, and publishes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bowerbird.assist.acts.classifier import ActClassifierConfig
from bowerbird.assist.acts.dialogue_examples import dialogue_examples
from bowerbird.assist.acts.examples import ActExample, read_example
from bowerbird.assist.acts.opening import ActsMeta
from bowerbird.assist.acts.recognizer import ClassifierRecognizer, CombinedRecognizer, RuleRecognizer
from bowerbird.assist.acts.training import embed_in_batches, train_classifier
from bowerbird.assist.acts.wordings import worded_examples
from bowerbird.assist.understand.acts import ActRecognizer
from bowerbird.data.arrays import FloatArray
from bowerbird.data.dialogues import Dialogue, read_dialogues
from bowerbird.data.splits import hash_share
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.embed.search.query import QueryEncoder

HELD_OUT_SHARE = 0.2
"""Share of the conversations, by hash of their ids, that accuracy is measured on."""
SALT = "acts"


def is_held_out(dialogue_id: str) -> bool:
    """Whether a conversation is for evaluation."""
    return hash_share(dialogue_id, SALT) < HELD_OUT_SHARE


def train_acts(store: Store, config: ActClassifierConfig | None = None) -> Version:
    """Train on wordings and on the store's conversations with acts, and publish.

    Sentence embeddings come from the text encoder of the item vectors. Raises `StoreError` for a store
    without vectors, `BackboneError` where the encoder is not there.
    """
    config = config or ActClassifierConfig()
    snapshot = store.snapshot()
    encoder = QueryEncoder.open(snapshot)
    version = snapshot.version("dialogues")
    dialogues = read_dialogues(version.path) if version else []
    train, held_out = split_examples(dialogues)
    examples = [*worded_examples(config.per_phrase, config.seed), *train]
    classifier = train_classifier(examples, config, encoder.encode_sentences)
    texts = sorted({read_example(example).plain for example in held_out})
    vectors = list(embed_in_batches(encoder.encode_sentences, texts)) if texts else list[FloatArray]()
    learned = ClassifierRecognizer(classifier, dict(zip(texts, vectors, strict=True)).__getitem__)
    alone = accuracy_by_act(learned, held_out)
    with_rules = accuracy_by_act(CombinedRecognizer(RuleRecognizer(), learned), held_out)
    rules_first = not held_out or with_rules["all"] >= alone["all"]
    meta = ActsMeta(
        config=config,
        backbone=encoder.backbones[1],
        n_examples=len(examples),
        n_dialogue_turns=len(train),
        accuracy=(with_rules if rules_first else alone) or None,
        rules_first=rules_first,
    )

    def write(folder: Path) -> None:
        classifier.save(folder)

    return store.publish(ActsMeta.KIND, meta, write)


def split_examples(dialogues: list[Dialogue]) -> tuple[list[ActExample], list[ActExample]]:
    """Examples for training and for evaluation, split by conversation."""
    train = dialogue_examples(dialogue for dialogue in dialogues if not is_held_out(dialogue.dialogue_id))
    held_out = dialogue_examples(dialogue for dialogue in dialogues if is_held_out(dialogue.dialogue_id))
    return train.examples, held_out.examples


def accuracy_by_act(recognizer: ActRecognizer, examples: Sequence[ActExample]) -> dict[str, float]:
    """Share of the examples of each act that are recognised, and of all ("all"); empty for no examples."""
    hits: dict[str, list[bool]] = {}
    for example in examples:
        is_right = recognizer.recognise(read_example(example)).act == example.label.partition("/")[0]
        hits.setdefault(example.label, []).append(is_right)
        hits.setdefault("all", []).append(is_right)
    return {label: sum(right) / len(right) for label, right in hits.items()}

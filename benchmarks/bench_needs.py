"""Acts and needs on ReQuest: people who shop for bicycles, laptops, cameras, watches and shoes by talking.

    python benchmarks/bench_needs.py [--data ../shared/data]

Split by dialogue, four fifths train. What the other side did next tells the act of a message: "Answer"
follows a question on an item, "Recommend" and "Elicit" follow a need. The data's state are needs in free
words ("e bike", "can handle gravel"), so the state is scored by the share of its words that the assistant's
state holds: by rules, and with a classifier that was trained on SIMMC 2 to tell new topics. The last line is
JSON.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from bench_acts import rules_and_classifier, score
from bowerbird.assist.acts.classifier import ActClassifier, ActClassifierConfig
from bowerbird.assist.acts.examples import ActExample, message_without_items, read_example
from bowerbird.assist.acts.opening import load_default_classifier
from bowerbird.assist.acts.publish import is_held_out
from bowerbird.assist.acts.recognizer import ClassifierRecognizer, CombinedRecognizer, RuleRecognizer
from bowerbird.assist.acts.training import train_classifier
from bowerbird.assist.acts.wordings import worded_examples
from bowerbird.assist.request import Request
from bowerbird.assist.understand.understanding import understand
from bowerbird.data.items import Catalogue, Item
from bowerbird.errors import InputError
from bowerbird.text.lexicon import EMPTY_WORDS
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import stem, tokenize

ACT_OF_REPLY = {"Answer": "item_question", "Answer_About_Recommendation": "item_question"}
ACT_OF_REPLY |= {"Recommend": "find", "Elicit": "find"}
KINDS = ("running shoes", "laptop", "digital camera", "smartwatch", "bicycle")


@dataclass(frozen=True)
class UserTurn:
    """A message, what followed it, and the needs that the data holds after it."""

    dialogue_id: str
    text: str
    act: str
    needs: tuple[str, ...]
    n_shown: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    folder = parser.parse_args().data / "dialogues"
    rows = pq.read_table(folder / "recquest_shopping.parquet").to_pylist()
    turns = list(user_turns(rows))
    train = [turn for turn in turns if not is_held_out(turn.dialogue_id)]
    held_out = [turn for turn in turns if is_held_out(turn.dialogue_id)]
    known_words = {
        word: True for row in rows if row["role"] == "assistant" for word in stems(str(row["text"]))
    }
    topics = topic_classifier(pq.read_table(folder / "simmc2_state.parquet").to_pylist())
    print(json.dumps({"acts": acts(train, held_out), "state": states(held_out, topics, known_words)}))


def user_turns(rows: Sequence[dict[str, object]]) -> Iterator[UserTurn]:
    """The users' messages with what the assistant did next."""
    shown: dict[str, int] = defaultdict(int)
    for row, following in pairwise(rows):
        dialogue = str(row["dialogue_id"])
        shown[dialogue] += row["act"] == "Recommend"
        if row["role"] == "user" and following["dialogue_id"] == dialogue:
            needs = tuple(map(str, following["state"] or ()))  # type: ignore[call-overload]
            act = ACT_OF_REPLY.get(str(following["act"]), "")
            yield UserTurn(dialogue, str(row["text"]), act, needs, shown[dialogue])


def acts(train: Sequence[UserTurn], held_out: Sequence[UserTurn]) -> dict[str, float]:
    """Accuracy of acts on held-out dialogues."""
    learned = [*worded_examples(10, 0), *map(example_of, (turn for turn in train if turn.act))]
    trained = ClassifierRecognizer(train_classifier(learned, ActClassifierConfig()))
    evaluated = [turn for turn in held_out if turn.act]
    recognizers = rules_and_classifier(ClassifierRecognizer(load_default_classifier()))
    recognizers |= {
        "classifier, trained": trained,
        "combined, trained": CombinedRecognizer(RuleRecognizer(), trained),
    }
    messages = [read_example(example_of(turn)) for turn in evaluated]
    return score("ReQuest", messages, [frozenset([turn.act]) for turn in evaluated], recognizers)


def example_of(turn: UserTurn) -> ActExample:
    """A message as an example of its act."""
    return ActExample(turn.text, turn.act, "en", n_on_screen=min(turn.n_shown, 1))


def topic_classifier(rows: Sequence[dict[str, object]]) -> ActClassifier:
    """Tells new topics from more of the last one, by SIMMC 2."""
    examples = [
        ActExample(str(row["user"]), str(row["act"]), "en", n_on_screen=4 * (int(str(row["turn"])) > 0))
        for row in rows
        if row["act"] in ("REQUEST:GET", "INFORM:REFINE", "INFORM:GET")
        and not is_held_out(str(row["dialogue_id"]))
    ]
    return train_classifier(examples, ActClassifierConfig())


def states(
    turns: Sequence[UserTurn], topics: ActClassifier, known_words: Mapping[str, object]
) -> dict[str, dict[str, float]]:
    """Share of the needs' words in the state, and of turns that forget the need before."""

    def is_new_by_class(text: str) -> bool:
        message = message_without_items(text, 4)
        probabilities = dict(zip(topics.labels, topics.probabilities(message), strict=True))
        return bool(probabilities["INFORM:REFINE"] < probabilities["REQUEST:GET"])

    results = {
        "rules": replay(turns, known_words, lambda text: False),
        "learned topics": replay(turns, known_words, is_new_by_class),
    }
    for name, figures in results.items():
        print(f"ReQuest state, {name}: " + ", ".join(f"{key} {value:.3f}" for key, value in figures.items()))
    return results


def replay(
    turns: Sequence[UserTurn], known_words: Mapping[str, object], is_new: Callable[[str], bool]
) -> dict[str, float]:
    """Read the messages of each dialogue in order; where `is_new` says so, the need before is dropped.

    `known_words` are what the shop's texts mention: here what the other side said.
    """
    vocabulary = Vocabulary.of(
        Catalogue.of([Item(str(n), kind, attributes={"type": kind}) for n, kind in enumerate(KINDS)])
    )
    recalls, losses, before, dialogue = list[float](), list[bool](), None, ""
    for turn in turns:
        before = before if turn.dialogue_id == dialogue else None
        dialogue = turn.dialogue_id
        if turn.act == "item_question":
            continue
        try:
            request = understand(
                turn.text, vocabulary, None if is_new(turn.text) else before, (), known_words
            )
        except InputError:
            continue
        if before is not None:
            losses.append(not request.follow_up)
        before = request
        wanted = stems(" ".join(turn.needs))
        if wanted:
            recalls.append(len(wanted & stems(described(request))) / len(wanted))
    return {
        "turns": len(recalls),
        "words of the needs": float(np.mean(recalls)),
        "new topics": float(np.mean(losses)),
    }


def described(request: Request) -> str:
    """All words that a state holds."""
    return " ".join([request.words, *request.describe(), request.recipient]).lower()


def stems(text: str) -> set[str]:
    """Stems of the words that say something."""
    return {stem(word) for word in tokenize(text.lower()) if word[0].isalnum() and word not in EMPTY_WORDS}


if __name__ == "__main__":
    main()

"""How well acts and the state of a conversation are understood: by the rules, the classifier, and both.

    python benchmarks/bench_acts.py [--data ../shared/data] [--store STORE]
    python benchmarks/bench_acts.py --base smollm2-135m --sample 100
    python benchmarks/bench_acts.py --url http://127.0.0.1:8000/v1 --model NAME --sample 100

Free wordings (tests/assist/user_messages.tsv), SIMMC 2 (split by conversation: four fifths train, one fifth
evaluates) and MG-ShopDial (evaluation only). The state is evaluated on SIMMC 2 with a vocabulary of the slot
values of its training part. `--store` adds the classifier that `bowerbird graft acts STORE` trained.

`--base` or `--url` evaluates a language model instead, whose JSON a schema constrains, on a sample of each
set: alone, and where rules and classifier are unsure. A base runs on the embedded engine.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bowerbird.assist.acts.classifier import ActClassifierConfig
from bowerbird.assist.acts.dialogue_examples import dialogue_examples
from bowerbird.assist.acts.examples import ActExample, message_without_items, read_example
from bowerbird.assist.acts.opening import load_default_classifier
from bowerbird.assist.acts.publish import is_held_out
from bowerbird.assist.acts.recognizer import ClassifierRecognizer, CombinedRecognizer, RuleRecognizer
from bowerbird.assist.acts.training import train_classifier
from bowerbird.assist.acts.wordings import worded_examples
from bowerbird.assist.parts import Parts
from bowerbird.assist.request import Order, Request
from bowerbird.assist.understand.acts import ActRecognizer, Message
from bowerbird.assist.understand.model_acts import JsonModel, ModelRecognizer
from bowerbird.assist.understand.understanding import understand
from bowerbird.data.dialogues import Dialogue, DialogueTurn, Role
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.settings import LanguageModelSettings
from bowerbird.data.store import Store
from bowerbird.endpoint.chat import ChatEndpoint
from bowerbird.errors import InputError
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.model import Graft
from bowerbird.graft.runtimes.openvino import open_embedded_runtime
from bowerbird.text.vocabulary import Vocabulary

MESSAGES = Path(__file__).parents[1] / "tests" / "assist" / "user_messages.tsv"
SLOTS = {"type": "type", "color": "colour", "brand": "brand", "size": "size", "pattern": "pattern"}
SLOTS |= {"materials": "material", "sleeveLength": "sleeve length"}
"""Slots of SIMMC 2, and the facets of their values; `price` is an order here, ratings are no facet."""
CHEAP, EXPENSIVE = ("cheap", "affordable"), ("expensive",)
FINDS = ("REQUEST:GET", "INFORM:REFINE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--store", type=Path)
    parser.add_argument("--base", help="a language model of `bowerbird models list`, or a folder")
    parser.add_argument("--url", help="an OpenAI-compatible endpoint")
    parser.add_argument("--model", default="", help="its model")
    parser.add_argument("--sample", type=int, default=100, help="messages of each set for a language model")
    arguments = parser.parse_args()
    if arguments.base or arguments.url:
        print(json.dumps(language_model(arguments)))
        return
    results: dict[str, Any] = {"free wordings": free_wordings(arguments.store)}
    folder = arguments.data / "dialogues"
    if (folder / "simmc2_state.parquet").exists():
        results |= simmc2(folder / "simmc2_state.parquet")
        results["MG-ShopDial"] = mgshopdial(folder / "MGShopDial.json")
    else:
        print(f"skipped SIMMC 2 and MG-ShopDial: {folder} is not there")
    print(json.dumps(results))


def free_wordings(store: Path | None) -> dict[str, float]:
    """Accuracy on messages in five languages."""
    parts = Parts.open(Store.open(store).snapshot()) if store else None
    messages, gold = free_messages(parts.vocabulary if parts else None)
    recognizers = rules_and_classifier(ClassifierRecognizer(load_default_classifier()))
    if parts is not None:
        recognizers["combined, of the store"] = parts.acts
    return score("free wordings", messages, gold, recognizers)


def rules_and_classifier(classifier: ActRecognizer) -> dict[str, ActRecognizer]:
    rules = RuleRecognizer()
    return {"rules": rules, "classifier": classifier, "combined": CombinedRecognizer(rules, classifier)}


# -- language models --------------------------------------------------------------------------------------


def language_model(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Accuracy of a language model on samples of the free wordings and of SIMMC 2."""
    model = open_model(arguments)
    combined = rules_and_classifier(ClassifierRecognizer(load_default_classifier()))["combined"]
    recognizers = {
        "rules and classifier": combined,
        "model where they are unsure": ModelRecognizer(model, combined),
        "model alone": ModelRecognizer(model, combined, sure=math.inf),
    }
    sets = {"free wordings": free_messages()}
    path = arguments.data / "dialogues" / "simmc2_state.parquet"
    if path.exists():
        rows = [row for row in pq.read_table(path).to_pylist() if is_held_out(row["dialogue_id"])]
        examples = dialogue_examples(conversations(rows)).examples
        sets["SIMMC 2"] = (list(map(read_example, examples)), [frozenset([e.label]) for e in examples])
    else:
        print(f"skipped SIMMC 2: {path} is not there")
    accuracies = {}
    for title, (messages, gold) in sets.items():
        chosen = np.random.default_rng(0).permutation(len(messages))[: arguments.sample].tolist()
        accuracies[title] = score(
            title, [messages[row] for row in chosen], [gold[row] for row in chosen], recognizers
        )
    return accuracies


def open_model(arguments: argparse.Namespace) -> JsonModel:
    """The endpoint, or the base with a connector that no prompt here uses."""
    if arguments.url:
        return ChatEndpoint(LanguageModelSettings(url=arguments.url, model=arguments.model, timeout_s=120))
    base = Base.load(arguments.base)
    no_items = np.zeros((1, 8), np.float32)
    return Graft(base, Connector(8, base.hidden, 1.0), no_items, runtime=open_embedded_runtime)


def free_messages(vocabulary: Vocabulary | None = None) -> tuple[list[Message], list[frozenset[str]]]:
    """The free wordings, and the acts that each may be taken for."""
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows = [row for row in rows if any(map(str.isalnum, row["text"]))]
    messages = [
        message_without_items(row["text"], 4 * (row["screen"] == "list"), vocabulary=vocabulary)
        for row in rows
    ]
    return messages, [frozenset(row["acts"].split("/")) for row in rows]


def score(
    title: str,
    messages: Sequence[Message],
    gold: Sequence[frozenset[str]],
    recognizers: Mapping[str, ActRecognizer],
) -> dict[str, float]:
    """Accuracy of each recogniser, printed with its confusions."""
    accuracies = {}
    for name, recognizer in recognizers.items():
        start = time.process_time()
        acts = [recognizer.recognise(message).act.value for message in messages]
        milliseconds = 1000 * (time.process_time() - start) / len(messages)
        wrong = Counter(
            (sorted(right)[0], act) for act, right in zip(acts, gold, strict=True) if act not in right
        )
        accuracies[name] = 1 - sum(wrong.values()) / len(messages)
        print(f"{title}: {name} {accuracies[name]:.3f} of {len(messages)}, {milliseconds:.2f} ms each")
        print("   wrong: " + ", ".join(f"{a} as {b} {n}" for (a, b), n in wrong.most_common(6)))
        of_act = Counter(sorted(right)[0] for right in gold)
        missed = Counter({act: sum(n for (a, _), n in wrong.items() if a == act) for act in of_act})
        print("   per act: " + ", ".join(f"{a} {1 - missed[a] / of_act[a]:.2f}" for a in sorted(of_act)))
    return accuracies


# -- SIMMC 2 ----------------------------------------------------------------------------------------------


def simmc2(path: Path) -> dict[str, Any]:
    """Accuracy of acts and of the state on held-out conversations."""
    rows = sorted(pq.read_table(path).to_pylist(), key=lambda row: (row["dialogue_id"], row["turn"]))
    train = [row for row in rows if not is_held_out(row["dialogue_id"])]
    held_out = [row for row in rows if is_held_out(row["dialogue_id"])]
    vocabulary = vocabulary_of(train)
    learned = dialogue_examples(conversations(train)).examples
    evaluated = dialogue_examples(conversations(held_out))
    print(f"SIMMC 2: {len(evaluated.examples)} held-out turns; left out: {dict(evaluated.left_out)}")
    examples = [*worded_examples(10, 0), *(with_facets(example, vocabulary) for example in learned)]
    trained = ClassifierRecognizer(train_classifier(examples, ActClassifierConfig()))
    messages = [read_example(with_facets(example, vocabulary)) for example in evaluated.examples]
    gold = [frozenset([example.label]) for example in evaluated.examples]
    default = ClassifierRecognizer(load_default_classifier())
    untrained = rules_and_classifier(default)
    accuracies = score(
        "SIMMC 2",
        messages,
        gold,
        {
            **untrained,
            "classifier, trained": trained,
            "combined, trained": CombinedRecognizer(RuleRecognizer(), trained),
        },
    )
    no_cart = [row for row, right in enumerate(gold) if right != {"save"}]
    accuracies["classifier, trained, without the cart"] = score(
        "SIMMC 2 without the cart",
        [messages[row] for row in no_cart],
        [gold[row] for row in no_cart],
        {"classifier, trained": trained},
    )["classifier, trained"]
    return {"SIMMC 2 acts": accuracies, "SIMMC 2 state": states(held_out, train, vocabulary)}


def conversations(rows: Sequence[Mapping[str, Any]]) -> Iterator[Dialogue]:
    """SIMMC 2's exchanges as conversations of turns."""
    turns: dict[str, list[DialogueTurn]] = defaultdict(list)
    for row in rows:
        turns[row["dialogue_id"]] += [
            DialogueTurn(Role.USER, row["user"], acts=(row["act"],)),
            DialogueTurn(Role.ASSISTANT, row["assistant"] or ""),
        ]
    for dialogue_id, of_dialogue in turns.items():
        yield Dialogue(dialogue_id, tuple(of_dialogue))


def with_facets(example: ActExample, vocabulary: Vocabulary) -> ActExample:
    """The example with what it names of a vocabulary."""
    message = message_without_items(example.text, example.n_on_screen, vocabulary=vocabulary)
    return ActExample(
        example.text,
        example.label,
        example.language,
        example.n_on_screen,
        names_type=message.names_type,
        names_value=message.names_value,
    )


def vocabulary_of(rows: Sequence[Mapping[str, Any]]) -> Vocabulary:
    """A vocabulary of slot values, as if each turn described an item."""
    items = []
    for number, row in enumerate(rows):
        slots = {name: str(value) for name, value in json.loads(row["slots"]).items()}
        kind = spaced(slots.pop("type", ""))
        attributes = {SLOTS[name]: value for name, value in slots.items() if name in SLOTS and value}
        brand = attributes.pop("brand", "")
        if kind:
            items.append(
                Item(
                    str(number),
                    title=kind,
                    category=(kind,),
                    brand=brand,
                    attributes={**attributes, "type": kind},
                )
            )
    return Vocabulary.of(Catalogue.of(items))


def spaced(name: str) -> str:
    """ "AreaRug" as "area rug"."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def states(
    held_out: Sequence[Mapping[str, Any]], train: Sequence[Mapping[str, Any]], vocabulary: Vocabulary
) -> dict[str, Any]:
    """Accuracy per slot and joint goal accuracy over turns that ask for items.

    By the rules alone, and where a classifier of two labels (a new topic, or more of the last one) decides
    whether the need before is carried on.
    """
    examples = [
        ActExample(row["user"], row["act"], "en", n_on_screen=4 * (row["turn"] > 0))
        for row in train
        if row["act"] in (*FINDS, "INFORM:GET")
    ]
    topics = train_classifier(examples, ActClassifierConfig())
    results: dict[str, Any] = {}
    for name in ("rules", "with learned topics"):
        right: dict[str, list[bool]] = defaultdict(list)
        previous, dialogue = None, None
        for row in held_out:
            if row["dialogue_id"] != dialogue:
                previous, dialogue = None, row["dialogue_id"]
            if row["act"] not in FINDS:
                continue
            message = message_without_items(row["user"], 4 * (row["turn"] > 0), vocabulary=vocabulary)
            if name != "rules":
                probabilities = dict(zip(topics.labels, topics.probabilities(message), strict=True))
                if probabilities["INFORM:REFINE"] < probabilities["REQUEST:GET"]:
                    previous = None
            try:
                previous = understand(row["user"], vocabulary, previous)
            except InputError:
                continue
            gold = {slot: str(value) for slot, value in json.loads(row["slots"]).items()}
            each = {slot: slot_is_right(slot, gold.get(slot, ""), previous) for slot in (*SLOTS, "price")}
            for slot, is_right in each.items():
                right[slot].append(is_right)
            right["joint, evaluated slots"].append(all(each.values()))
            right["joint"].append(
                all(each.values()) and not {"customerReview", "customerRating"} & gold.keys()
            )
        results[name] = {slot: sum(values) / len(values) for slot, values in right.items()}
        print(
            f"SIMMC 2 state, {name}, {len(right['joint'])} turns: "
            + ", ".join(f"{slot} {value:.3f}" for slot, value in results[name].items())
        )
    return results


def slot_is_right(slot: str, gold: str, request: Request) -> bool:
    """Whether a slot holds its value, or nothing where it has none."""
    if slot == "price":
        is_cheap = request.order in (Order.CHEAP, Order.CHEAPEST)
        return is_cheap == (gold in CHEAP) and (request.order == Order.MOST_EXPENSIVE) == (gold in EXPENSIVE)
    values = {value.lower() for value in request.facets.get(SLOTS[slot], ())}
    return not values if not gold else (spaced(gold) if slot == "type" else gold.lower()) in values


# -- MG-ShopDial ------------------------------------------------------------------------------------------


def mgshopdial(path: Path) -> dict[str, float]:
    """Accuracy on client turns of which most annotators chose intents that are one act here."""
    dialogues = []
    for raw in json.loads(path.read_text(encoding="utf-8")):
        turns = []
        for utterance in raw["utterances"]:
            is_user = utterance["participant"] == "Client"
            highest_count = max((count for _, count in utterance["intents"]), default=0)
            acts = tuple(intent for intent, count in utterance["intents"] if count == highest_count)
            turns.append(
                DialogueTurn(Role.USER if is_user else Role.ASSISTANT, utterance["utterance"], acts=acts)
            )
        dialogues.append(Dialogue(raw["id"], tuple(turns)))
    evaluated = dialogue_examples(dialogues)
    print(f"MG-ShopDial: {len(evaluated.examples)} turns; left out: {dict(evaluated.left_out)}")
    messages = [read_example(example) for example in evaluated.examples]
    gold = [frozenset([example.label]) for example in evaluated.examples]
    default = ClassifierRecognizer(load_default_classifier())
    return score("MG-ShopDial", messages, gold, rules_and_classifier(default))


if __name__ == "__main__":
    main()

"""Does a soft token for the user's taste help the request head? The same head with and without it.

Dialogues are generated from a store's catalogue and events, as `bowerbird graft` does where none were
recorded; the taste is what the user liked before the purchase that a dialogue is about. Same dialogues, same
steps; a tenth of the dialogues is held out, and there every user's taste is known.

    python benchmarks/bench_taste_token.py STORE [--seeds 3] [--dialogues 2000] [--epochs 6]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from bench_request_head import TEST_SHARE, hash_share, open_with_default_connector, print_table, run_arm
from bowerbird.conversations.contexts import ContextBuilder, DialogueExample
from bowerbird.conversations.generation.dialogues import GenerationConfig, generate_dialogues
from bowerbird.conversations.linking import ItemLinker, find_everyday_words
from bowerbird.data.dialogues import Dialogue
from bowerbird.data.interactions import Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.graft.head.config import RequestHeadConfig
from bowerbird.graft.head.dialogue_examples import count_mentions, read_titles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dialogues", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=RequestHeadConfig().epochs)
    options = parser.parse_args()
    snapshot = Store.open(options.store).snapshot()
    config = GenerationConfig(dialogues=options.dialogues, taste_share=1.0)
    events = Interactions.of(snapshot.store.log.read(), snapshot.catalogue)
    examples = read_examples(snapshot, generate_dialogues(snapshot.catalogue, events, config))
    is_test = [hash_share(example.dialogue_id, b"test") < TEST_SHARE for example in examples]
    test = [each for each, held_out in zip(examples, is_test, strict=True) if held_out and each.context.liked]
    training = [each for each, held_out in zip(examples, is_test, strict=True) if not held_out]
    head = RequestHeadConfig(epochs=options.epochs, patience=options.epochs)
    open_source = partial(open_with_default_connector, snapshot)
    results = {
        name: run_arm(open_source, training, test, replace(head, reads_taste=reads_taste), options.seeds)
        for name, reads_taste in (("with taste", True), ("without", False))
    }
    print_table(results)
    arms = {arm: asdict(result) for arm, result in results.items()}
    print(json.dumps({"training_examples": len(training), "test_examples": len(test), "arms": arms}))


def read_examples(snapshot: StoreSnapshot, dialogues: Sequence[Dialogue]) -> list[DialogueExample]:
    """Examples of dialogues, read as in a training."""
    catalogue = snapshot.catalogue
    words = find_everyday_words(turn.text for dialogue in dialogues for turn in dialogue.turns)
    linker = ItemLinker(read_titles(catalogue), count_mentions(dialogues, catalogue.position), words)
    return ContextBuilder(linker, catalogue.position).examples(dialogues)


if __name__ == "__main__":
    main()

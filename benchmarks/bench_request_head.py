"""Does the request head need the items' vectors? The same language model with soft tokens, titles, or none.

Trains the head on a store's dialogues three ways, with the product's own training: the items named in a
conversation enter as soft tokens, by title, or not at all. Same dialogues, same steps, same reader; a tenth
of the dialogues is held out. All ways score the catalogue in item space.

    python benchmarks/bench_request_head.py STORE [--seeds 3] [--dialogues 1500] [--max-tokens 256]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bowerbird.conversations.contexts import DialogueExample
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import item_matrix
from bowerbird.errors import StoreError
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.examples.facts import build_caption
from bowerbird.graft.head.config import ItemInput, RequestHeadConfig
from bowerbird.graft.head.dialogue_examples import read_dialogue_examples, read_titles
from bowerbird.graft.head.source import CACHE_FOLDER, RequestHeadSource
from bowerbird.graft.training.alignment_model import mean_caption_embeddings

CUTOFFS = (1, 5, 10, 20, 50)
TEST_SHARE = 0.1


@dataclass(frozen=True)
class ArmResult:
    """What one way of entering items reached, over the seeds."""

    recall: dict[int, float]
    """Mean recall by cut-off."""
    recall_at_20: list[float]
    """By seed."""
    prompt_tokens: float
    """Mean tokens of the test contexts."""
    processor_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dialogues", type=int, default=0, help="at most this many, by hash; 0: all")
    parser.add_argument("--epochs", type=int, default=RequestHeadConfig().epochs)
    parser.add_argument("--depth", type=int, default=RequestHeadConfig().depth)
    parser.add_argument("--max-tokens", type=int, default=RequestHeadConfig().max_tokens)
    parser.add_argument("--arms", default=",".join(ItemInput), help="ways of entering items, by comma")
    options = parser.parse_args()
    snapshot = Store.open(options.store).snapshot()
    examples = read_examples(snapshot, options.dialogues)
    test = [example for example in examples if hash_share(example.dialogue_id, b"test") < TEST_SHARE]
    training = [example for example in examples if hash_share(example.dialogue_id, b"test") >= TEST_SHARE]
    # No early end: all arms and seeds take the same steps.
    config = RequestHeadConfig(
        depth=options.depth, max_tokens=options.max_tokens, epochs=options.epochs, patience=options.epochs
    )
    open_source = partial(open_with_default_connector, snapshot)
    results = {
        arm.value: run_arm(open_source, training, test, replace(config, item_input=arm), options.seeds)
        for arm in map(ItemInput, options.arms.split(","))
    }
    print_table(results)
    summary = {
        "training_examples": len(training),
        "test_examples": len(test),
        "test_recommendations": sum(len(example.targets) for example in test),
        "depth": config.depth,
        "max_tokens": config.max_tokens,
        "epochs": config.epochs,
        "arms": {arm: asdict(result) for arm, result in results.items()},
    }
    print(json.dumps(summary))


def run_arm(
    open_source: Callable[[RequestHeadConfig], RequestHeadSource],
    training: Sequence[DialogueExample],
    test: Sequence[DialogueExample],
    config: RequestHeadConfig,
    n_seeds: int,
) -> ArmResult:
    """Train and evaluate one way of entering items, for each seed."""
    start = time.process_time()
    recalls, prompt_tokens = [], 0.0
    for seed in range(n_seeds):
        source = open_source(replace(config, seed=seed))
        source.fit(training)
        recalls.append(recall_at_cutoffs(source, test))
        prompt_tokens = float(source.count_tokens([example.context for example in test]).mean())
        values = " ".join(f"@{n} {value:.4f}" for n, value in zip(CUTOFFS, recalls[-1], strict=True))
        print(f"{config.item_input}, seed {seed}: {values}", flush=True)
    means = np.mean(recalls, axis=0).round(4).tolist()
    return ArmResult(
        dict(zip(CUTOFFS, means, strict=True)),
        [round(float(recall[CUTOFFS.index(20)]), 4) for recall in recalls],
        round(prompt_tokens, 1),
        round(time.process_time() - start),
    )


def hash_share(identifier: str, salt: bytes) -> float:
    """A number from 0 to 1 that depends on the identifier only."""
    digest = hashlib.blake2b(identifier.encode(), digest_size=8, person=salt).digest()
    return int.from_bytes(digest, "big") / 2**64


def read_examples(snapshot: StoreSnapshot, n_dialogues: int) -> list[DialogueExample]:
    """Examples of the store's dialogues with text, of at most `n_dialogues` by hash (0: all)."""
    examples = [each for each in read_dialogue_examples(snapshot) if each.context.turns]
    if not examples:
        raise StoreError("the store has no dialogues: run `bowerbird import dialogues FILE… --store STORE`")
    dialogue_ids = sorted(
        {each.dialogue_id for each in examples}, key=lambda each: hash_share(each, b"order")
    )
    chosen = set(dialogue_ids[: n_dialogues or None])
    return [each for each in examples if each.dialogue_id in chosen]


def open_with_default_connector(snapshot: StoreSnapshot, config: RequestHeadConfig) -> RequestHeadSource:
    """A head on the store's graft; without one, on the default base with the closed-form connector."""
    if snapshot.version("graft") is not None:
        return RequestHeadSource.open(snapshot, config)
    base, connector = fit_closed_form_connector(snapshot)
    cache_folder, titles = snapshot.store.path / "graft" / CACHE_FOLDER, read_titles(snapshot.catalogue)
    return RequestHeadSource(base, connector, item_matrix(snapshot), titles, cache_folder, config)


@cache
def fit_closed_form_connector(snapshot: StoreSnapshot) -> tuple[Base, Connector]:
    """The default base, and a connector as it is before any training step."""
    base, matrix = Base.load("smollm2-135m"), item_matrix(snapshot)
    norm = float(base.embedding_table.float().norm(dim=1).median())
    connector = Connector(matrix.shape[1], base.hidden, norm)
    captions = [build_caption(snapshot.catalogue, position) for position in range(len(matrix))]
    connector.initialise(matrix, mean_caption_embeddings(base, captions))
    return base, connector.eval()


def recall_at_cutoffs(source: RequestHeadSource, examples: Sequence[DialogueExample]) -> NDArray[np.float64]:
    """Recall per recommended item over the whole catalogue, items already named left out, (cutoffs,)."""
    ranks: list[int] = []
    for scores, example in zip(source.scores([each.context for each in examples]), examples, strict=True):
        scores[np.setdiff1d(example.context.mentioned_items, example.targets)] = -np.inf
        ranks += [int((scores > scores[target]).sum()) for target in example.targets]
    return np.array([np.mean(np.array(ranks) < n) for n in CUTOFFS])


def print_table(results: dict[str, ArmResult]) -> None:
    print(f"\n{'items enter as':16}" + "".join(f"{f'@{n}':>8}" for n in CUTOFFS) + f"{'tokens':>9}")
    for arm, result in results.items():
        values = "".join(f"{result.recall[n]:8.3f}" for n in CUTOFFS)
        print(f"{arm:16}{values}{result.prompt_tokens:9.1f}")


if __name__ == "__main__":
    main()

"""A small network over named items and words, trained with the full softmax over the catalogue."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bowerbird.conversations.config import NetworkConfig
from bowerbird.conversations.contexts import ConversationContext, DialogueExample
from bowerbird.conversations.sources.network_inputs import NetworkInputs, pack_bag
from bowerbird.conversations.sources.network_model import ContextNetwork
from bowerbird.conversations.text_index import WordIndex
from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.files.records import read_record, write_record
from bowerbird.errors import StoreError
from bowerbird.progress import track

WORDS_PER_ITEM = 80
WEIGHTS_FILE = "network.pt"
CONFIG_FILE = "config.json"


class NetworkSource:
    """Scores by `ContextNetwork`."""

    name = "network"

    def __init__(self, item_texts: Sequence[str], config: NetworkConfig | None = None) -> None:
        self._item_texts = item_texts
        self._config = config or NetworkConfig()
        self._words = WordIndex([], [])
        self._network: ContextNetwork | None = None
        self._item_vectors = torch.zeros(0)
        """Of the fitted network: they depend on no conversation."""

    def fit(self, examples: Sequence[DialogueExample]) -> None:
        """Learn from training examples."""
        config = self._config
        torch.manual_seed(config.seed)
        texts = [turn.text for example in examples for turn in example.context.turns[-2:]]
        self._words = WordIndex.of([*texts, *self._item_texts], min_texts=4, max_words=15_000)
        targets = np.array([item for example in examples for item in example.targets], np.int64)
        counts = np.bincount(targets, minlength=len(self._item_texts)) + 0.1
        network = self._new_network(torch.from_numpy(np.log(counts / counts.sum())).float())
        self._train(network, NetworkInputs.of([each.context for each in examples], self._words), examples)
        self._use(network)

    @torch.inference_mode()
    def _use(self, network: ContextNetwork) -> None:
        self._network = network.eval()
        self._item_vectors = network.item_vectors()

    def _new_network(self, log_popularity: torch.Tensor) -> ContextNetwork:
        item_bag = pack_bag([self._words.numbers(text)[:WORDS_PER_ITEM] for text in self._item_texts])
        config = self._config
        return ContextNetwork(item_bag, len(self._words), log_popularity, config.width, config.dropout)

    def _train(
        self, network: ContextNetwork, inputs: NetworkInputs, examples: Sequence[DialogueExample]
    ) -> None:
        config = self._config
        weights = [weight for name, weight in network.named_parameters() if name != "bias"]
        groups: list[dict[str, Any]] = [{"params": weights}, {"params": [network.bias], "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
        steps = config.epochs * math.ceil(len(examples) / config.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, config.learning_rate, max(steps, 2), pct_start=0.1
        )
        network.train()
        for rows in track(self._batches(len(examples)), "training the context network", steps):
            log_probabilities = torch.log_softmax(network(*inputs.batch(rows)), dim=1)
            loss = -(_target_rows(examples, rows, network.n_items) * log_probabilities).sum() / len(rows)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()

    def _batches(self, n: int) -> Iterator[IntArray]:
        rng = np.random.default_rng(self._config.seed)
        for _ in range(self._config.epochs):
            order = rng.permutation(n)
            for start in range(0, n, self._config.batch):
                yield order[start : start + self._config.batch]

    def scores(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        """Score all items for each context, (contexts, items) float32."""
        if self._network is None:
            return np.zeros((len(contexts), len(self._item_texts)), np.float32)
        inputs = NetworkInputs.of(contexts, self._words)
        with torch.inference_mode():
            logits = self._network(*inputs.batch(np.arange(len(contexts))), self._item_vectors)
        scores: FloatArray = logits.numpy()
        return scores

    def save(self, folder: Path) -> None:
        """Write into a folder."""
        self._words.save(folder)
        write_record(folder / CONFIG_FILE, self._config)
        assert self._network is not None, "fit before save"
        torch.save(self._network.state_dict(), folder / WEIGHTS_FILE)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._words = WordIndex.load(folder)
        self._config = read_record(folder / CONFIG_FILE, NetworkConfig)
        network = self._new_network(torch.zeros(len(self._item_texts)))
        try:
            state = torch.load(folder / WEIGHTS_FILE, weights_only=True)
            network.load_state_dict(network.extend_state(state))
        except (OSError, RuntimeError, KeyError, pickle.UnpicklingError, EOFError) as error:
            raise StoreError(
                f"{folder / WEIGHTS_FILE} can't be read ({error}): run `bowerbird graft` again"
            ) from None
        self._use(network)


def _target_rows(examples: Sequence[DialogueExample], rows: IntArray, n_items: int) -> torch.Tensor:
    """The targets of some examples as probabilities, (B, items)."""
    targets = torch.zeros(len(rows), n_items)
    for row, number in enumerate(rows.tolist()):
        items = examples[number].targets
        targets[row, list(items)] = 1 / len(items)
    return targets

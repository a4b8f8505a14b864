"""Are item vectors a better input for a language model than a vision encoder's features?

    python benchmarks/bench_image_input.py STORE [--seeds 0,1,2] [--arms ours,cells,…] [--steps 40]

Six arms (see `image_input.py`), each with the same language model, the same post-training steps on the same
questions and users, and the same evaluation. The store needs vectors (`bowerbird embed`) trained with a
holdout: the test uses the users and the period that training never saw. Measured: next item for new users and
for items without likes in training, over the whole catalogue; facts of held-out items; the described item out
of 20. Each run is added to the file `--out` when it is done, and runs that the file holds are not repeated;
the last line printed is the comparison as JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.graft.base import Base
from bowerbird.graft.examples.dataset import GraftDataset, is_held_out, read_holdout
from bowerbird.graft.examples.question_sampler import QuestionSampler
from bowerbird.graft.examples.questions import Question, TaskType, description_prompt, fact_question
from bowerbird.graft.prompt import insert_soft_tokens, render, stack_soft_vectors
from bowerbird.graft.training.alignment import AlignmentTraining
from bowerbird.graft.training.alignment_model import AlignmentModel
from image_input import ARMS, ImageInputArm, make_arm
from image_input_head import (
    Head,
    Likes,
    StateEncoder,
    Validation,
    fit_head,
    last_window,
    targets_of,
    windows_of,
)

HISTORY_LENGTH = 5
"""Items of a user that the language model reads: 5 pictures of 49 cells are 245 tokens."""
BATCH, EVALUATION_BATCH = 8, 32
MAX_TRAINING_USERS, MAX_VALIDATION_USERS, MAX_COLD_USERS = 100, 40, 150
"""Maximal numbers of users to fit the head on, to validate it, and to test on cold items."""
MAX_CAPTIONS, MAX_TEST_ITEMS, N_PICKS, N_CHOICES = 1_500, 80, 20, 20
TASK_TYPES = (TaskType.DESCRIBE, TaskType.FACT)
FACTS_ASKED = ("type", "colour", "pattern")


class Experiment:
    """What all arms share: dataset, training and validation users, test users and test items."""

    def __init__(self, store: Store, base: Base) -> None:
        self.store, self.base = store, base
        self.catalogue: Catalogue = store.catalogue()
        vectors = load_vectors(store.snapshot())
        self.dataset = GraftDataset.from_snapshot(store.snapshot())
        events = Interactions.of(store.log.read(), self.catalogue)
        holdout = read_holdout(vectors)
        training = holdout.training(events).liked()
        self.warm_items = np.unique(training.item)
        rng = np.random.default_rng(0)
        training_users, validation_users = users_of(holdout.training(events))
        self.training_users = [
            training_users[row] for row in rng.permutation(len(training_users))[:MAX_TRAINING_USERS]
        ]
        self.validation_users = [
            validation_users[row] for row in rng.permutation(len(validation_users))[:MAX_VALIDATION_USERS]
        ]
        is_held_out = holdout.held_out_users(events)
        self.new_users: list[tuple[Likes, np.ndarray]] = []
        self.cold_item_users: list[tuple[Likes, np.ndarray]] = []
        for user, history in events.histories():
            liked = Likes.of(history)
            if is_held_out[user]:
                n_shown = int(0.8 * len(liked))
                if n_shown >= 1 and len(liked) - n_shown >= 1:
                    self.new_users.append((liked.first(n_shown), liked.items[n_shown:]))
            elif holdout.until is not None:
                history_before = Likes.of(history.where(history.at <= holdout.until))
                cold = np.setdiff1d(liked.items, self.warm_items)
                cold = np.setdiff1d(cold, history_before.items)
                if len(history_before) and len(cold):
                    self.cold_item_users.append((history_before, cold))
        self.cold_item_users = [
            self.cold_item_users[row] for row in rng.permutation(len(self.cold_item_users))[:MAX_COLD_USERS]
        ]
        captions = self.dataset.training_data.captions
        captioned = rng.permutation(list(captions))[:MAX_CAPTIONS]
        self.captions = {int(p): captions[int(p)] for p in captioned}
        test_items = list(self.dataset.validation_captions)
        self.test_items = [int(p) for p in rng.permutation(test_items)[:MAX_TEST_ITEMS]]

    @property
    def all_items(self) -> np.ndarray:
        """Every item that any arm takes as input."""
        histories = [likes.items for likes in [*self.training_users, *self.validation_users]]
        histories += [
            history.items[-HISTORY_LENGTH:] for history, _ in [*self.new_users, *self.cold_item_users]
        ]
        return np.unique(np.concatenate([*histories, list(self.captions), self.test_items]).astype(np.int64))


def users_of(training: Interactions) -> tuple[list[Likes], list[Likes]]:
    """Collect the last likes of the users the head is fitted on, and of validation users; at least two
    each."""
    share = float(np.clip(200 / max(1, len(training.users)), 0.02, 0.2))
    groups: tuple[list[Likes], list[Likes]] = ([], [])
    for user, history in training.histories():
        likes = Likes.of(history)
        if len(likes) >= 2:
            groups[is_held_out(training.users[user], share)].append(likes.last(2 * HISTORY_LENGTH))
    return groups


def run_arm(experiment: Experiment, arm: ImageInputArm, seed: int, steps: int) -> dict[str, Any]:
    """Train and evaluate one arm; results per user and per item, for paired comparison."""
    base, start = experiment.base, time.perf_counter()
    torch.manual_seed(seed)
    model = base.fast_model()
    module = arm.connector(base, experiment.captions)
    facts_dataset = experiment.dataset.training_data.restrict_to(experiment.captions)
    facts_dataset = type(facts_dataset)(arm.features, facts_dataset.captions, facts_dataset.facts)
    aligned = AlignmentModel(base, module, model, arm.features)
    training = AlignmentTraining(aligned, QuestionSampler(facts_dataset, base, TASK_TYPES), [], seed)
    losses = [training.step(BATCH, step / steps) for step in range(steps)]
    module.eval()
    aligned_s = time.perf_counter() - start
    metrics = evaluate_items(experiment, aligned, seed) | evaluate_next_items(experiment, arm, module, model)
    return metrics | {
        "arm": arm.name,
        "seed": seed,
        "steps": steps,
        "last losses": float(np.mean(losses[-10:])) if losses else None,
        "alignment_s": aligned_s,
        "seconds": time.perf_counter() - start,
    }


@torch.no_grad()
def evaluate_items(experiment: Experiment, aligned: AlignmentModel, seed: int) -> dict[str, Any]:
    """Evaluate held-out items: whether each fact's value is chosen correctly, by fact; whether the described
    item is chosen among 20."""
    facts, rng = experiment.dataset.training_data.facts, np.random.default_rng(seed)
    fact_hits: dict[str, list[float]] = {}
    for name in FACTS_ASKED:
        values = sorted({value for fact, value in facts.items_with if fact == name})
        items = [item for item in experiment.test_items if name in facts.by_item[item]]
        if len(items) >= 20:
            fact_hits[name] = choose_facts(aligned, items, name, values, experiment)
    picks = []
    for item in experiment.test_items[:N_PICKS]:
        distractors = [
            position for position in rng.permutation(experiment.test_items).tolist() if position != item
        ][: N_CHOICES - 1]
        text = " " + experiment.dataset.validation_captions[item]
        questions = [
            Question(description_prompt(position), text, TaskType.DESCRIBE)
            for position in [item, *distractors]
        ]
        losses = torch.cat([aligned(block).per_answer for block in batches(questions)])
        picks.append(float(losses.argmin() == 0))
    return {"facts": fact_hits, "picks": picks}


def choose_facts(
    aligned: AlignmentModel, items: Sequence[int], name: str, values: Sequence[str], experiment: Experiment
) -> list[float]:
    """Check for each item whether the most likely first token of the fact's values is that of its own
    value."""
    base, model, facts = aligned.base, aligned.model, experiment.dataset.training_data.facts
    tokens: int = aligned.connector.tokens  # type: ignore[assignment]
    first = {value: base.tokenize(f" {value}")[0] for value in values}
    choices = torch.tensor(sorted(set(first.values())))
    hits = []
    for start in range(0, len(items), EVALUATION_BATCH):
        batch = items[start : start + EVALUATION_BATCH]
        rows = []
        for item in batch:
            prompt = fact_question(item, name, "").prompt
            row = render(base, prompt, len(aligned.matrix), aligned.matrix.shape[1], tokens)
            vectors, kinds = stack_soft_vectors(row.soft_items, aligned.matrix)
            rows.append(insert_soft_tokens(base, row, aligned.connector(vectors, kinds).flatten(0, 1)))
        # The text is the same around every item, so all rows have one length.
        embedded = torch.stack(rows).to(model.lm_head.weight.dtype)
        logits = model(inputs_embeds=embedded, logits_to_keep=1).logits[:, -1].float()
        likeliest = choices[logits[:, choices].argmax(-1)].tolist()
        hits += [
            float(token == first[facts.by_item[item][name]])
            for token, item in zip(likeliest, batch, strict=True)
        ]
    return hits


def batches(questions: Sequence[Question]) -> list[Sequence[Question]]:
    return [questions[i : i + EVALUATION_BATCH] for i in range(0, len(questions), EVALUATION_BATCH)]


def evaluate_next_items(
    experiment: Experiment, arm: ImageInputArm, module: nn.Module, model: Any
) -> dict[str, Any]:
    """Fit the head on the training users and evaluate it on users and items that training never saw."""
    depth = int(experiment.base.model.config.num_hidden_layers)
    layers = [round(depth * share) for share in (0.25, 0.5, 0.75, 1.0)]
    reader = StateEncoder(experiment.base, module, arm.features, model)
    examples = [
        (likes, window) for likes in experiment.training_users for window in windows_of(likes, HISTORY_LENGTH)
    ]
    states = reader.states([window for _, window in examples], layers, BATCH)
    targets = np.concatenate([targets_of(likes, window, arm.space) for likes, window in examples])
    validation = Validation.of(experiment.validation_users, arm.space)

    def states_now(users: Sequence[Likes], layers: Sequence[int]) -> Tensor:
        return reader.states(
            [last_window(likes, HISTORY_LENGTH) for likes in users], layers, EVALUATION_BATCH
        )

    head = fit_head(states, targets, validation, states_now(validation.histories, layers))
    layer = [layers[head.layer]]
    new_user_metrics, cold_item_metrics = (
        rank_catalogue(users, arm, head, states_now([history for history, _ in users], layer)[:, 0].numpy())
        for users in (experiment.new_users, experiment.cold_item_users)
    )
    return {
        "new users nDCG@20": [value["ndcg@20"] for value in new_user_metrics],
        "new users recall@20": [value["recall@20"] for value in new_user_metrics],
        "cold items recall@100": [value["recall@100"] for value in cold_item_metrics],
    }


def rank_catalogue(
    users: Sequence[tuple[Likes, np.ndarray]], arm: ImageInputArm, head: Head, states: np.ndarray
) -> list[dict[str, float]]:
    """Rank the whole catalogue for each user, without their earlier likes, and compute metrics."""
    results = []
    for row, (history, targets) in enumerate(users):
        scores = arm.space @ head.queries(states[row : row + 1], history.mean(arm.space)[None])[0]
        scores[history.items] = -np.inf
        ranks = (scores[None] > scores[targets][:, None]).sum(1)
        ideal = (1 / np.log2(np.arange(min(20, len(targets))) + 2)).sum()
        results.append(
            {
                "ndcg@20": float((1 / np.log2(ranks[ranks < 20] + 2)).sum() / ideal),
                "recall@20": float((ranks < 20).mean()),
                "recall@100": float((ranks < 100).mean()),
            }
        )
    return results


MEASURES = ("new users nDCG@20", "new users recall@20", "cold items recall@100", "picks")


def compare_arms(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Compute means over seeds with intervals over users (or items), and paired ratios to the `cells` arm."""
    by_arm: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_arm.setdefault(result["arm"], []).append(result)
    table: dict[str, Any] = {}
    for arm, runs in by_arm.items():
        row: dict[str, Any] = {"seeds": [result["seed"] for result in runs]}
        for measure in MEASURES:
            values = np.mean([result[measure] for result in runs], axis=0)
            row[measure] = mean_interval(values).as_dict()
            row[measure] |= {"by seed": [float(np.mean(result[measure])) for result in runs]}
            if "cells" in by_arm and arm != "cells":
                baseline_values = np.mean([result[measure] for result in by_arm["cells"]], axis=0)
                row[f"{measure}, times cells"] = paired_intervals(values, baseline_values)[1].as_dict()
        row["facts"] = {
            name: mean_interval(np.mean([result["facts"][name] for result in runs], axis=0)).as_dict()
            for name in runs[0]["facts"]
        }
        row["seconds"] = float(np.mean([result["seconds"] for result in runs]))
        table[arm] = row
    return table


def show(console: Console, table: dict[str, Any]) -> None:
    rich_table = Table(title="one language model, one training, six kinds of item input")
    fact_names = list(next(iter(table.values()))["facts"])
    for name in ("arm", *MEASURES, *fact_names, "seconds"):
        rich_table.add_column(name, justify="left" if name == "arm" else "right")
    for arm, row in table.items():
        intervals = [row[name] for name in MEASURES] + [row["facts"][name] for name in fact_names]
        cells = [
            f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"
            for interval in intervals
        ]
        rich_table.add_row(arm, *cells, f"{row['seconds']:.0f}")
    console.print(rich_table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--out", type=Path, default=Path("bench-image-input.jsonl"))
    args = parser.parse_args()
    store = Store.open(args.store)
    experiment = Experiment(store, Base.load(args.base))
    console = Console(width=150)
    cold = sum(len(targets) for _, targets in experiment.cold_item_users)
    console.print(
        f"{len(experiment.training_users)} training users, "
        f"{len(experiment.validation_users)} validation users, {len(experiment.new_users)} new test users "
        f"and {len(experiment.cold_item_users)} test users with {cold} cold items"
    )
    results = [json.loads(line) for line in args.out.read_text().splitlines()] if args.out.exists() else []
    for name in args.arms.split(","):
        seeds = [
            number
            for number in map(int, args.seeds.split(","))
            if (name, number) not in {(result["arm"], result["seed"]) for result in results}
        ]
        arm = None
        for seed in seeds:
            if arm is None or name == "shuffled":
                arm = make_arm(name, store, experiment.base, experiment.all_items, seed)
            results.append(run_arm(experiment, arm, seed, args.steps))
            with args.out.open("a") as out:
                out.write(json.dumps(results[-1]) + "\n")
            console.print(f"{name}, seed {seed}: {results[-1]['seconds']:.0f} s", style="dim")
    table = compare_arms(results)
    show(console, table)
    print(json.dumps(table))


if __name__ == "__main__":
    main()

"""Do your own vectors serve a language model better than a vision model's eyes do?

    python benchmarks/bench_eyes.py STORE [--seeds 0,1,2] [--arms ours,cells,…] [--steps 40]

Six arms (see `eyes.py`), each with the same language model, the same post-training steps on the same
questions and people, and the same judges. The store needs vectors (`bowerbird embed`) trained with their
holdout: people and times that they never saw are what is judged here. Measured: next item for new people and
for items that nobody had liked in training, over the whole catalogue; facts of items left out; the described
item out of 20. Each run is added to the file `--out` when it is done, and runs that the file holds are not
repeated; the last line printed is the comparison as JSON.
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
from bowerbird.graft.examples.dataset import Lesson, holdout_of, left_out
from bowerbird.graft.examples.questions import Question, Questions, Sort, describe, fact_question
from bowerbird.graft.prompt import embed, render, vectors_of
from bowerbird.graft.training.alignment import Aligned, AlignmentTraining
from eyes import ARMS, Arm, arm_named
from eyes_head import Head, Likes, Reader, Validation, fitted_head, targets_of, whole, windows_of

HISTORY = 5
"""Items that the language model reads of a person: 5 pictures of 49 cells are 245 tokens."""
BATCH, JUDGED_AT_ONCE = 8, 32
TEACHING, JUDGING, LATER = 100, 40, 150
"""People whose windows the head is fitted on, who choose it, and who are judged on cold items (at most)."""
CAPTIONED, JUDGED_ITEMS, PICKED, AMONG = 1_500, 80, 20, 20
SORTS = (Sort.DESCRIBE, Sort.FACT)
ASKED = ("type", "colour", "pattern")


class World:
    """What all arms share: lessons, people who teach, people and items who judge."""

    def __init__(self, store: Store, base: Base) -> None:
        self.store, self.base = store, base
        self.catalogue: Catalogue = store.catalogue()
        vectors = load_vectors(store.snapshot())
        self.lesson = Lesson.of(store.snapshot())
        events = Interactions.of(store.log.read(), self.catalogue)
        holdout = holdout_of(vectors)
        training = holdout.training(events).liked()
        self.known = np.unique(training.item)
        rng = np.random.default_rng(0)
        teaching, judging = users_of(holdout.training(events))
        self.teaching = [teaching[i] for i in rng.permutation(len(teaching))[:TEACHING]]
        self.judging = [judging[i] for i in rng.permutation(len(judging))[:JUDGING]]
        held = holdout.held_out_users(events)
        self.new_people: list[tuple[Likes, np.ndarray]] = []
        self.later: list[tuple[Likes, np.ndarray]] = []
        for person, history in events.histories():
            liked = Likes.of(history)
            if held[person]:
                cut = int(0.8 * len(liked))
                if cut >= 1 and len(liked) - cut >= 1:
                    self.new_people.append((liked.first(cut), liked.items[cut:]))
            elif holdout.until is not None:
                before = Likes.of(history.where(history.at <= holdout.until))
                cold = np.setdiff1d(liked.items, self.known)
                cold = np.setdiff1d(cold, before.items)
                if len(before) and len(cold):
                    self.later.append((before, cold))
        self.later = [self.later[i] for i in rng.permutation(len(self.later))[:LATER]]
        said = self.lesson.material.captions
        some = rng.permutation(list(said))[:CAPTIONED]
        self.captions = {int(p): said[int(p)] for p in some}
        judged = list(self.lesson.judged_captions)
        self.judged_items = [int(p) for p in rng.permutation(judged)[:JUDGED_ITEMS]]

    @property
    def used(self) -> np.ndarray:
        """Every item that some arm will be shown."""
        people = [one.items for one in [*self.teaching, *self.judging]]
        people += [begun.items[-HISTORY:] for begun, _ in [*self.new_people, *self.later]]
        return np.unique(np.concatenate([*people, list(self.captions), self.judged_items]).astype(np.int64))


def users_of(training: Interactions) -> tuple[list[Likes], list[Likes]]:
    """The last likes of users whom the head is fitted on, and of those who choose it; two or more each."""
    share = float(np.clip(200 / max(1, len(training.users)), 0.02, 0.2))
    parts: tuple[list[Likes], list[Likes]] = ([], [])
    for person, history in training.histories():
        likes = Likes.of(history)
        if len(likes) >= 2:
            parts[left_out(training.users[person], share)].append(likes.last(2 * HISTORY))
    return parts


def run(world: World, arm: Arm, seed: int, steps: int) -> dict[str, Any]:
    """Train one arm and judge it; per-person and per-item results, to be compared pairwise."""
    base, start = world.base, time.perf_counter()
    torch.manual_seed(seed)
    model = base.fast_model()
    module = arm.connector(base, world.captions)
    material = world.lesson.material.only(world.captions)
    material = type(material)(arm.shown, material.captions, material.facts)
    aligned = Aligned(base, module, model, arm.shown)
    training = AlignmentTraining(aligned, Questions(material, base, SORTS), [], seed)
    losses = [training.step(BATCH, step / steps) for step in range(steps)]
    module.eval()
    aligned_s = time.perf_counter() - start
    said = facts_and_picks(world, aligned, seed) | next_items(world, arm, module, model)
    return said | {
        "arm": arm.name,
        "seed": seed,
        "steps": steps,
        "last losses": float(np.mean(losses[-10:])) if losses else None,
        "alignment_s": aligned_s,
        "seconds": time.perf_counter() - start,
    }


@torch.no_grad()
def facts_and_picks(world: World, aligned: Aligned, seed: int) -> dict[str, Any]:
    """On items left out: each fact chosen rightly among its values or not, by its name; the described item
    found among 20 or not."""
    facts, rng = world.lesson.material.facts, np.random.default_rng(seed)
    chosen: dict[str, list[float]] = {}
    for name in ASKED:
        values = sorted({value for known, value in facts.items_with if known == name})
        items = [item for item in world.judged_items if name in facts.of[item]]
        if len(items) >= 20:
            chosen[name] = right_choices(aligned, items, name, values, world)
    picks = []
    for item in world.judged_items[:PICKED]:
        others = [one for one in rng.permutation(world.judged_items).tolist() if one != item][: AMONG - 1]
        text = " " + world.lesson.judged_captions[item]
        questions = [Question(describe(one), text, Sort.DESCRIBE) for one in [item, *others]]
        each = torch.cat([aligned(block).each for block in blocks(questions)])
        picks.append(float(each.argmin() == 0))
    return {"facts": chosen, "picks": picks}


def right_choices(
    aligned: Aligned, items: Sequence[int], name: str, values: Sequence[str], world: World
) -> list[float]:
    """Whether the likeliest first token of all the fact's values is that of the item's own value."""
    base, model, facts = aligned.base, aligned.model, world.lesson.material.facts
    tokens: int = aligned.connector.tokens  # type: ignore[assignment]
    first = {value: base.tokens(f" {value}")[0] for value in values}
    choices = torch.tensor(sorted(set(first.values())))
    said = []
    for start in range(0, len(items), JUDGED_AT_ONCE):
        some = items[start : start + JUDGED_AT_ONCE]
        rows = []
        for item in some:
            prompt = fact_question(item, name, "").prompt
            row = render(base, prompt, len(aligned.matrix), aligned.matrix.shape[1], tokens)
            vectors, kinds = vectors_of(row.things, aligned.matrix)
            rows.append(embed(base, row, aligned.connector(vectors, kinds).flatten(0, 1)))
        embedded = torch.stack(rows).to(model.lm_head.weight.dtype)  # the same words around one item
        logits = model(inputs_embeds=embedded, logits_to_keep=1).logits[:, -1].float()
        likeliest = choices[logits[:, choices].argmax(-1)].tolist()
        said += [float(one == first[facts.of[item][name]]) for one, item in zip(likeliest, some, strict=True)]
    return said


def blocks(questions: Sequence[Question]) -> list[Sequence[Question]]:
    return [questions[i : i + JUDGED_AT_ONCE] for i in range(0, len(questions), JUDGED_AT_ONCE)]


def next_items(world: World, arm: Arm, module: nn.Module, model: Any) -> dict[str, Any]:
    """The head fitted on the people who teach, judged on people and items that nothing was trained on."""
    depth = int(world.base.model.config.num_hidden_layers)
    layers = [round(depth * share) for share in (0.25, 0.5, 0.75, 1.0)]
    reader = Reader(world.base, module, arm.shown, model)
    work = [(likes, window) for likes in world.teaching for window in windows_of(likes, HISTORY)]
    states = reader.states([window for _, window in work], layers, BATCH)
    targets = np.concatenate([targets_of(likes, window, arm.space) for likes, window in work])
    validation = Validation.of(world.judging, arm.space)

    def states_now(users: Sequence[Likes], layers: Sequence[int]) -> Tensor:
        return reader.states([whole(likes, HISTORY) for likes in users], layers, JUDGED_AT_ONCE)

    head = fitted_head(states, targets, validation, states_now(validation.begun, layers))
    layer = [layers[head.layer]]
    new, cold = (
        ranked(users, arm, head, states_now([begun for begun, _ in users], layer)[:, 0].numpy())
        for users in (world.new_people, world.later)
    )
    return {
        "new people nDCG@20": [one["ndcg@20"] for one in new],
        "new people recall@20": [one["recall@20"] for one in new],
        "cold items recall@100": [one["recall@100"] for one in cold],
    }


def ranked(
    users: Sequence[tuple[Likes, np.ndarray]], arm: Arm, head: Head, states: np.ndarray
) -> list[dict[str, float]]:
    """Metrics of a full ranking over the catalogue for each user, without what they had liked before."""
    results = []
    for row, (begun, wanted) in enumerate(users):
        scores = arm.space @ head.queries(states[row : row + 1], begun.mean(arm.space)[None])[0]
        scores[begun.items] = -np.inf
        ranks = (scores[None] > scores[wanted][:, None]).sum(1)
        ideal = (1 / np.log2(np.arange(min(20, len(wanted))) + 2)).sum()
        results.append(
            {
                "ndcg@20": float((1 / np.log2(ranks[ranks < 20] + 2)).sum() / ideal),
                "recall@20": float((ranks < 20).mean()),
                "recall@100": float((ranks < 100).mean()),
            }
        )
    return results


MEASURES = ("new people nDCG@20", "new people recall@20", "cold items recall@100", "picks")


def comparison(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over seeds with intervals over people (or items), and ratios to the stock-like arm, paired."""
    by_arm: dict[str, list[dict[str, Any]]] = {}
    for one in results:
        by_arm.setdefault(one["arm"], []).append(one)
    table: dict[str, Any] = {}
    for arm, runs in by_arm.items():
        row: dict[str, Any] = {"seeds": [one["seed"] for one in runs]}
        for measure in MEASURES:
            mine = np.mean([one[measure] for one in runs], axis=0)
            row[measure] = mean_interval(mine).as_dict()
            row[measure] |= {"by seed": [float(np.mean(one[measure])) for one in runs]}
            if "cells" in by_arm and arm != "cells":
                stock = np.mean([one[measure] for one in by_arm["cells"]], axis=0)
                row[f"{measure}, times cells"] = paired_intervals(mine, stock)[1].as_dict()
        row["facts"] = {
            name: mean_interval(np.mean([one["facts"][name] for one in runs], axis=0)).as_dict()
            for name in runs[0]["facts"]
        }
        row["seconds"] = float(np.mean([one["seconds"] for one in runs]))
        table[arm] = row
    return table


def show(console: Console, table: dict[str, Any]) -> None:
    drawn = Table(title="one language model, one training, six ways to show it an item")
    named = list(next(iter(table.values()))["facts"])
    for name in ("arm", *MEASURES, *named, "seconds"):
        drawn.add_column(name, justify="left" if name == "arm" else "right")
    for arm, row in table.items():
        measured = [row[name] for name in MEASURES] + [row["facts"][name] for name in named]
        cells = [f"{one['mean']:.3f} [{one['low']:.3f}, {one['high']:.3f}]" for one in measured]
        drawn.add_row(arm, *cells, f"{row['seconds']:.0f}")
    console.print(drawn)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--out", type=Path, default=Path("bench-eyes.jsonl"))
    asked = parser.parse_args()
    store = Store.open(asked.store)
    world = World(store, Base.load(asked.base))
    console = Console(width=150)
    cold = sum(len(wanted) for _, wanted in world.later)
    console.print(
        f"{len(world.teaching)} people teach, {len(world.judging)} choose the head, "
        f"{len(world.new_people)} new people and {len(world.later)} who took {cold} cold items judge"
    )
    done = [json.loads(line) for line in asked.out.read_text().splitlines()] if asked.out.exists() else []
    for name in asked.arms.split(","):
        seeds = [
            s
            for s in map(int, asked.seeds.split(","))
            if (name, s) not in {(d["arm"], d["seed"]) for d in done}
        ]
        arm = None
        for seed in seeds:
            if arm is None or name == "shuffled":
                arm = arm_named(name, store, world.base, world.used, seed)
            done.append(run(world, arm, seed, asked.steps))
            with asked.out.open("a") as out:
                out.write(json.dumps(done[-1]) + "\n")
            console.print(f"{name}, seed {seed}: {done[-1]['seconds']:.0f} s", style="dim")
    table = comparison(done)
    show(console, table)
    print(json.dumps(table))


if __name__ == "__main__":
    main()

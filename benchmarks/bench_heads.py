"""Do the graft's heads find anything that the recommender and text search do not find without them?

    python benchmarks/bench_heads.py STORE next [--split new-users] [--outcome click]
    python benchmarks/bench_heads.py STORE requests
    python benchmarks/bench_heads.py STORE dialogues --file redial_train.parquet

`next`: the next-item head beside the item vectors and today's ranker, on the test of `bowerbird evaluate`.
`requests`: the request head beside text search, on requests generated for users that no training saw.
`dialogues`: the same on real conversations: the words before a recommendation, and what was recommended.

Fusion is by reciprocal ranks. Each half of the users is measured with the weight of the head that serves the
other half best, with paired bootstrap intervals over users (or dialogues). The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.query import QueryEncoder
from bowerbird.embed.vectors import load_vectors
from bowerbird.evaluate import Split, task_of
from bowerbird.evaluate.baselines import GenericMax, GenericMean
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.evaluate.metrics import ndcg_at, recall_at
from bowerbird.graft.lessons.facts import Facts
from bowerbird.graft.lessons.lesson import left_out
from bowerbird.graft.lessons.requests import OPENINGS, worded
from bowerbird.graft.lessons.sequences import Liked, decayed_mean, whole
from bowerbird.graft.model import Graft
from bowerbird.recommend.ranking import PER_SOURCE
from bowerbird.recommend.saved import fitted_ranker

RRF_K = 60.0
WEIGHTS = (0.1, 0.3, 1.0, 3.0)
LIST = 1_000
"""Length of a source's list that takes part in fusion."""
REMEMBERED_TURNS = 6

Values = Mapping[str, np.ndarray]
"""Each metric's value for each user, (users,)."""


class Opened:
    """A store's parts, each opened once."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path)
        self.catalogue: Catalogue = self.store.catalogue()
        self.vectors = load_vectors(self.store)
        self.matrix = self.vectors.aligned(self.catalogue)
        self.graft = Graft.open(self.store)
        self.events = Interactions.of(self.store.log.read(), self.catalogue)
        self.holdout = Holdout(**self.vectors.meta["holdout"])

    @property
    def about(self) -> dict[str, Any]:
        meta = self.graft.version.meta if self.graft.version else {}
        names = ("alignment_steps", "seconds", "metrics", "adapt")
        return {name: meta.get(name) for name in names} | {"minutes": meta["config"]["minutes"]}


# -- lists and their fusion ---------------------------------------------------------------------------


def top(scores: np.ndarray, n: int) -> np.ndarray:
    """The best n positions of each row, (B, items) -> (B, n) int64, -1 where a score is -inf."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    order[np.take_along_axis(scores, order, 1) == -np.inf] = -1
    return order


def reciprocal_ranks(lists: np.ndarray, n_items: int) -> np.ndarray:
    """1 / (k + rank) of each listed item, else 0: (B, n) -> (B, items) float32."""
    values = np.zeros((len(lists), n_items), np.float32)
    for row, items in enumerate(lists):
        items = items[items >= 0]
        values[row, items] = 1 / (RRF_K + np.arange(1, len(items) + 1))
    return values


def metrics_of(
    lists: np.ndarray, targets: Sequence[np.ndarray], cutoffs: Sequence[int]
) -> dict[str, np.ndarray]:
    values = {f"recall@{k}": recall_at(lists, targets, k) for k in cutoffs}
    return values | {"ndcg@20": ndcg_at(lists, targets, 20)}


@dataclass(frozen=True)
class Judge:
    """Targets of Q queries, each one's unit (user, dialogue) and excluded items; cut-offs of recall."""

    targets: Sequence[np.ndarray]
    unit: np.ndarray
    excluded: Sequence[np.ndarray]
    cutoffs: Sequence[int]
    n_items: int

    def values(self, lists: np.ndarray) -> Values:
        """Mean over each unit's queries, (units,)."""
        per_query = metrics_of(lists, self.targets, self.cutoffs)
        counts = np.bincount(self.unit)
        return {name: np.bincount(self.unit, weights=v) / counts for name, v in per_query.items()}

    def lists(self, scores: np.ndarray, n: int = LIST, eligible: np.ndarray | None = None) -> np.ndarray:
        """Lists of scores (Q, items) without what is excluded, among `eligible` (Q, items) bool."""
        scores = scores.copy() if eligible is None else np.where(eligible, scores, -np.inf)
        for row, items in enumerate(self.excluded):
            scores[row, items] = -np.inf
        return top(scores, min(n, self.n_items))

    def fused(self, parts: Sequence[tuple[float, np.ndarray]]) -> np.ndarray:
        """Lists of weighted reciprocal ranks; parts are lists (Q, n)."""
        total = sum(w * reciprocal_ranks(lists, self.n_items) for w, lists in parts)
        assert isinstance(total, np.ndarray)
        return top(np.where(total > 0, total, -np.inf), LIST)

    def gain(
        self,
        without: Sequence[tuple[float, np.ndarray]],
        added: np.ndarray,
        choose_by: str,
        units: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """What adding a list to a fusion changes; each half of the units gets the other's weight.

        `units` (units,) bool restricts what is reported, not what chooses the weight.
        """
        half = np.random.default_rng(0).random(int(self.unit.max()) + 1) < 0.5
        before = self.values(self.fused(without) if len(without) > 1 else without[0][1])
        after = {w: self.values(self.fused([*without, (w, added)])) for w in WEIGHTS}
        weights = [
            max(WEIGHTS, key=lambda w: float(np.nanmean(after[w][choose_by][chooses])))
            for chooses in (~half, half)
        ]
        result: dict[str, Any] = {"weights": weights}
        for name, values in before.items():
            chosen = np.where(half, after[weights[0]][name], after[weights[1]][name])
            values = values if units is None else np.where(units, values, np.nan)
            difference, ratio = paired_intervals(chosen, values)
            result[name] = {
                "without": float(np.nanmean(values)),
                "difference": difference.as_dict(),
                "ratio": ratio.as_dict(),
                "by weight": {
                    str(w): paired_intervals(one[name], values)[0].as_dict() for w, one in after.items()
                },
            }
        return result

    def table(self, arms: Mapping[str, np.ndarray]) -> dict[str, Any]:
        return {
            arm: {name: mean_interval(v).as_dict() for name, v in self.values(lists).items()}
            for arm, lists in arms.items()
        }


# -- what comes next ---------------------------------------------------------------------------


def next_items(opened: Opened, split: Split, outcome: Action, most: int) -> dict[str, Any]:
    task = task_of(opened.events, opened.holdout, split)
    rows = np.sort(np.random.default_rng(0).permutation(len(task.users))[:most])
    histories = [task.histories[row] for row in rows]
    targets = [task.targets[row] for row in rows]
    n_items = len(opened.catalogue)
    judge = Judge(targets, np.arange(len(rows)), [h.items for h in histories], (20, 100, 200), n_items)
    ranker, _ = fitted_ranker(opened.store, opened.vectors, opened.catalogue)

    queries = opened.graft.retrieve_many(histories, outcome)
    arms = {"head": judge.lists(queries @ opened.matrix.T), "ranker": ranker.rank(histories, LIST)}
    for baseline in (GenericMean(opened.matrix, "vectors, mean"), GenericMax(opened.matrix, "vectors, max")):
        baseline.fit(task.training)
        arms[baseline.name] = baseline.rank(histories, LIST)
    windows = [whole(Liked.of(history), 20) for history in histories]
    means = np.stack([decayed_mean(w, len(w.items), opened.matrix) for w in windows])
    arms["the head's mean alone"] = judge.lists(means @ opened.matrix.T)
    known = np.array([len(window.items) > 0 for window in windows])
    return {
        "split": split.value,
        "outcome": outcome.value,
        "users": len(rows),
        "alone": judge.table(arms),
        "head against vectors, mean": paired(judge, arms["head"], arms["vectors, mean"]),
        "head against its mean alone": paired(judge, arms["head"], arms["the head's mean alone"]),
        "candidates": candidates(ranker, histories, targets, arms),
        "fused with the ranker": {
            name: judge.gain([(1.0, arms["ranker"])], arms[name], "ndcg@20")
            for name in ("head", "vectors, mean", "the head's mean alone")
        },
        "users with likes": int(known.sum()),
        "fused with the ranker, users with likes": {
            name: judge.gain([(1.0, arms["ranker"])], arms[name], "ndcg@20", known)
            for name in ("head", "vectors, mean", "the head's mean alone")
        },
    }


def paired(judge: Judge, ours: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    mine, theirs = judge.values(ours), judge.values(other)
    return {name: paired_intervals(mine[name], theirs[name])[0].as_dict() for name in mine}


def candidates(
    ranker: Any, histories: Sequence[History], targets: Sequence[np.ndarray], arms: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Share of each user's targets among the ranker's candidates, and what 200 more from a list would add.

    `225 a source`: what the ranker's own sources bring when each gives more than today's 200.
    """
    sets = {per: [c for c, _ in ranker.met(histories, None, per)] for per in (PER_SOURCE, 225, 250, 300)}
    today = sets[PER_SOURCE]

    def share(found: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([np.isin(t, c).mean() for t, c in zip(targets, found, strict=True)])

    base = share(today)
    result: dict[str, Any] = {
        "candidates": float(np.mean([len(c) for c in today])),
        "recall": mean_interval(base).as_dict(),
    }
    for name in ("head", "vectors, mean"):
        union = [np.union1d(c, row[:200][row[:200] >= 0]) for c, row in zip(today, arms[name], strict=True)]
        more = float(np.mean([len(u) - len(c) for u, c in zip(union, today, strict=True)]))
        result[f"with {name}"] = {"more": more, "recall": paired_intervals(share(union), base)[0].as_dict()}
    for per, found in sets.items():
        more = float(np.mean([len(u) - len(c) for u, c in zip(found, today, strict=True)]))
        result[f"{per} a source"] = {
            "more": more,
            "recall": paired_intervals(share(found), base)[0].as_dict(),
        }
    return result


# -- what is asked for ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Query:
    """Turns of a conversation, user first; what the user liked before; what answers it."""

    turns: list[str]
    history: History
    targets: np.ndarray
    unit: int
    facts: list[tuple[str, str]]

    def text(self, turns: int | None = None) -> str:
        """What a text search reads: the user's own words, or the last of all turns."""
        return " ".join(self.turns[::2] if turns is None else self.turns[-turns:])


def generated_requests(opened: Opened, facts: Facts, n: int) -> Iterator[Query]:
    """Requests by facts of what held-out users took next, worded as in the request head's training."""
    held = opened.holdout.held_people(opened.events)
    people = [Liked.of(history) for person, history in opened.events.histories() if held[person]]
    people = [one for one in people if len(one) >= 2]
    rng = np.random.default_rng(11)
    codes = np.array([ACTION_CODE["click"], ACTION_CODE["save"], ACTION_CODE["purchase"]], np.int8)
    for _ in range(n):
        unit = int(rng.integers(len(people)))
        sequence = people[unit]
        cut = int(rng.integers(len(sequence)))
        known = sorted(facts.of[int(sequence.items[cut])].items())
        if not known:
            continue
        wanted = [known[i] for i in rng.permutation(len(known))[: int(rng.integers(1, 4))]]
        before = slice(max(0, cut - 8), cut)
        items, outcomes = sequence.items[before], sequence.outcomes[before]
        history = History(items, codes[outcomes], np.arange(len(items)))
        turns = worded(wanted, OPENINGS[int(rng.integers(len(OPENINGS)))])
        yield Query(turns, history, sequence.items[cut : cut + 1], unit, wanted)


def conversations(opened: Opened, file: Path, n: int) -> Iterator[Query]:
    """Up to n recommending turns: the turns before, the items named there as likes, what was recommended."""
    by_dialogue: dict[str, list[dict[str, Any]]] = {}
    for row in pq.read_table(file).to_pylist():
        by_dialogue.setdefault(row["dialogue_id"], []).append(row)
    names = sorted(by_dialogue)
    made = 0
    for unit, number in enumerate(np.random.default_rng(5).permutation(len(names))):
        named: list[int] = []
        turns: list[tuple[str, str]] = []
        for row in sorted(by_dialogue[names[number]], key=lambda one: one["turn"]):
            wanted = np.setdiff1d(positions(opened, row["recommended"]), named)
            said = alternating(turns[-REMEMBERED_TURNS:])
            if len(wanted) and said:
                items = np.array(list(dict.fromkeys(named)), np.int64)
                likes = np.full(len(items), ACTION_CODE["click"], np.int8)
                yield Query(said, History(items, likes, np.arange(len(items))), wanted, unit, [])
                made += 1
            named += positions(opened, row["mentioned"])
            turns.append((row["role"], row["text"]))
        if made >= n:
            return


def positions(opened: Opened, ids: Sequence[str] | None) -> list[int]:
    return [opened.catalogue.position[one] for one in ids or () if one in opened.catalogue]


def alternating(turns: Sequence[tuple[str, str]]) -> list[str]:
    """Texts that alternate, user first; neighbouring turns of one role are joined."""
    said: list[str] = []
    last = "assistant"
    for role, text in turns:
        if role == last and said:
            said[-1] += " " + text
        elif role == "user" or said:
            said.append(text)
        else:
            continue
        last = role
    return said if said and said[0].strip() else []


def asked(
    opened: Opened, queries: Sequence[Query], masked: np.ndarray | None, cutoffs: Sequence[int]
) -> dict[str, Any]:
    """The request head beside text search and the vectors of what was liked; `masked` (Q, items) eligible."""
    unit = np.unique([query.unit for query in queries], return_inverse=True)[1]
    excluded = [np.setdiff1d(q.history.items, q.targets) for q in queries]
    judge = Judge([q.targets for q in queries], unit, excluded, cutoffs, len(opened.catalogue))
    encoder = QueryEncoder.open(opened.store)
    heard = {
        "text: user's words": [q.text() for q in queries],
        "text: last turn": [q.text(1) for q in queries],
        "text: all turns": [q.text(len(q.turns)) for q in queries],
    }
    if queries[0].facts:
        heard["text: facts alone"] = [" ".join(value for _, value in q.facts) for q in queries]
    scores = {
        name: encoder.texts([t if t.strip() else "?" for t in texts]) @ opened.matrix.T
        for name, texts in heard.items()
    }
    liked = [whole(Liked.of(q.history), 8) for q in queries]
    scores["liked: mean"] = (
        np.stack([decayed_mean(w, len(w.items), opened.matrix) for w in liked]) @ opened.matrix.T
    )
    none = History.empty()
    for name, history in (("head: words", False), ("head: words and items", True)):
        vectors = [opened.graft.retrieve_request(q.turns, q.history if history else none) for q in queries]
        scores[name] = np.stack(vectors) @ opened.matrix.T
    arms = {name: judge.lists(values) for name, values in scores.items()}
    result = {"queries": len(queries), "units": int(unit.max()) + 1} | compared(judge, arms)
    if masked is not None:
        arms = {name: judge.lists(values, eligible=masked) for name, values in scores.items()}
        result["among items with the facts asked for"] = compared(judge, arms)
        result["items with the facts"] = float(np.median(masked.sum(1)))
        fits = {
            name: fitting(lists, masked) for name, lists in ((n, judge.lists(s)) for n, s in scores.items())
        }
        result["share of the first 10 with the facts"] = fits
    return result


def compared(judge: Judge, arms: Mapping[str, np.ndarray]) -> dict[str, Any]:
    by = f"recall@{judge.cutoffs[0]}"
    means = {name: float(np.nanmean(judge.values(lists)[by])) for name, lists in arms.items()}
    text = max((name for name in arms if name.startswith("text")), key=lambda name: means[name])
    head = max((name for name in arms if name.startswith("head")), key=lambda name: means[name])
    taste = min(WEIGHTS, key=lambda w: -judged_fusion(judge, arms[text], arms["liked: mean"], w, by))
    both = [(1.0, arms[text]), (taste, arms["liked: mean"])]
    return {
        "alone": judge.table(arms),
        "best text": text,
        "best head": head,
        "head against text": paired(judge, arms[head], arms[text]),
        "text, with head": judge.gain([(1.0, arms[text])], arms[head], by),
        f"text and liked ({taste}), with head": judge.gain(both, arms[head], by),
    }


def judged_fusion(judge: Judge, one: np.ndarray, other: np.ndarray, weight: float, by: str) -> float:
    return float(np.nanmean(judge.values(judge.fused([(1.0, one), (weight, other)]))[by]))


def fitting(lists: np.ndarray, masked: np.ndarray) -> float:
    first = lists[:, :10]
    return float(np.mean(np.take_along_axis(masked, np.maximum(first, 0), 1) & (first >= 0)))


def requests(opened: Opened, n: int) -> dict[str, Any]:
    facts = Facts.read(opened.catalogue)
    queries = list(generated_requests(opened, facts, n))
    masked = np.ones((len(queries), len(opened.catalogue)), bool)
    for row, query in enumerate(queries):
        for fact in query.facts:
            holders = np.zeros(len(opened.catalogue), bool)
            holders[facts.items_with[fact]] = True
            masked[row] &= holders
    result = asked(opened, queries, masked, (10, 50))
    left = [row for row, q in enumerate(queries) if left_out(opened.catalogue.ids[int(q.targets[0])])]
    return result | {"requests for items left out of alignment": len(left)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("part", choices=("next", "requests", "dialogues"))
    parser.add_argument("--split", default="new-users", choices=[s.value for s in Split])
    parser.add_argument("--outcome", default="click", choices=("click", "save", "purchase"))
    parser.add_argument("--file", type=Path)
    parser.add_argument("--most", type=int, default=500)
    given = parser.parse_args()
    opened = Opened(given.store)
    if given.part == "next":
        result = next_items(opened, Split(given.split), Action(given.outcome), given.most)
    elif given.part == "requests":
        result = requests(opened, given.most)
    else:
        queries = list(conversations(opened, given.file, given.most))
        result = asked(opened, queries, None, (10, 50)) | {"file": given.file.name}
    print(json.dumps({"store": given.store.name, "graft": opened.about, "part": given.part} | result))


if __name__ == "__main__":
    main()

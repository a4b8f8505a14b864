"""Recall of what assistants recommended in dialogues, next to baselines, and without each source.

Baselines: popularity in the training dialogues, BM25 of the whole context over the items' texts, EASE over
the named items, and the nearest training contexts. The last two are sources of the ranker, too.

The unit is a recommended item that was not named before; intervals resample conversations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.conversations.bm25 import ScoreTexts, open_bm25
from bowerbird.conversations.contexts import ConversationContext, DialogueExample
from bowerbird.conversations.fusion import EXCLUDED, Fusion
from bowerbird.conversations.ranker import ConversationRanker
from bowerbird.data.arrays import DoubleArray, FloatArray
from bowerbird.data.dialogues import Dialogue
from bowerbird.evaluate.bootstrap import ratio_interval
from bowerbird.progress import track

KS = (1, 5, 10, 20, 50)
BLOCK = 128  # contexts scored at once


@dataclass(frozen=True)
class RecallRow:
    """Recall at each of `KS` of one system, with 95 % bootstrap intervals over dialogues."""

    system: str
    recall: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]


BASELINES = {
    "popularity": "popularity",
    "BM25": "BM25",
    "co-mentions": "named items → EASE",
    "nearest-contexts": "nearest contexts",
}
"""Names of the baselines in the tables, by source."""
WITH_NAMED = ("bowerbird, named items counted in", "repeats what was named")


@dataclass(frozen=True)
class ConversationEvaluation:
    """Recall of all systems on the same recommended items."""

    dialogues: int
    contexts: int
    recommended_items: int
    rows: list[RecallRow]
    """Items already named are left out of every list."""
    with_named: list[RecallRow]
    """All recommended items count, named ones too: bowerbird leaving none out, and plain repetition."""


def evaluate_conversations(
    ranker: ConversationRanker, dialogues: Sequence[Dialogue]
) -> ConversationEvaluation:
    """Evaluate the ranker, each source alone, and the fusion without each source."""
    examples = ranker.contexts.examples(dialogues, with_named=True)
    bm25 = open_bm25([ranker.catalogue.text(position) for position in range(len(ranker.catalogue))])
    new: dict[str, list[float]] = {}
    every: dict[str, list[float]] = {}
    for start in track(range(0, len(examples), BLOCK), "evaluating", -(-len(examples) // BLOCK)):
        block = examples[start : start + BLOCK]
        contexts = [example.context for example in block]
        systems = _systems(ranker, contexts, bm25)
        for system, scores in systems.items():
            new.setdefault(system, []).extend(target_ranks(scores, block))
        repetition = _repetition(contexts, len(ranker.catalogue))
        for system, scores in zip(WITH_NAMED, (systems["bowerbird"], repetition), strict=True):
            every.setdefault(system, []).extend(ranks_with_named(scores, block))
    owners = [example.dialogue_id for example in examples for _ in example.targets]
    return ConversationEvaluation(
        len(set(owners)),
        sum(bool(example.targets) for example in examples),
        len(owners),
        [_row(system, np.array(ranks), owners) for system, ranks in new.items()],
        _rows_with_named(every, examples),
    )


def _systems(
    ranker: ConversationRanker, contexts: Sequence[ConversationContext], bm25: ScoreTexts | None
) -> Mapping[str, FloatArray]:
    """Scores of the whole, of the baselines, of each source alone, and of the whole without each source."""
    by_source = ranker.source_scores(contexts)
    systems = {"bowerbird": ranker.fusion.scores(by_source, contexts)}
    texts = [" ".join(turn.text for turn in context.turns) for context in contexts]
    alone = by_source if bm25 is None else {**by_source, "BM25": bm25(texts)}
    systems |= {BASELINES[name]: alone[name] for name in BASELINES if name in alone}
    systems |= {f"only {name}": scores for name, scores in alone.items() if name not in BASELINES}
    for name in ranker.fusion.weights:
        rest = Fusion({other: w for other, w in ranker.fusion.weights.items() if other != name})
        systems[f"without {name}"] = rest.scores(by_source, contexts)
    return systems


def _rows_with_named(
    ranks: Mapping[str, list[float]], examples: Sequence[DialogueExample]
) -> list[RecallRow]:
    owners = [each.dialogue_id for each in examples for _ in (*each.targets, *each.repeated)]
    return [_row(system, np.array(values), owners) for system, values in ranks.items()]


def _repetition(contexts: Sequence[ConversationContext], n_items: int) -> FloatArray:
    """Scores that list the named items, the most recent first."""
    scores = np.zeros((len(contexts), n_items), np.float32)
    for row, context in enumerate(contexts):
        for number, mention in enumerate(context.mentions, start=1):
            scores[row, mention.item] = number
    return scores


def target_ranks(scores: FloatArray, examples: Sequence[DialogueExample]) -> list[float]:
    """Rank from 0 of each target among the items that were not named."""
    ranks: list[float] = []
    for row, example in zip(scores, examples, strict=True):
        eligible = row.copy()
        eligible[example.context.mentioned_items] = EXCLUDED
        ranks += _ranks(eligible, example.targets)
    return ranks


def ranks_with_named(scores: FloatArray, examples: Sequence[DialogueExample]) -> list[float]:
    """Rank from 0 of each recommended item, named before or not, among all items."""
    rows = zip(scores, examples, strict=True)
    return [rank for row, each in rows for rank in _ranks(row, (*each.targets, *each.repeated))]


def _ranks(scores: FloatArray, items: Sequence[int]) -> list[float]:
    """Rank from 0 of some items; ties share their mean rank, so that equal scores gain nothing."""
    ranks = []
    for item in items:
        above, equal = int((scores > scores[item]).sum()), int((scores == scores[item]).sum())
        ranks.append(np.inf if scores[item] <= EXCLUDED else above + (equal - 1) / 2)
    return ranks


def recall_of(ranker: ConversationRanker, examples: Sequence[DialogueExample]) -> dict[str, float]:
    """Recall at each of `KS` of the ranker alone."""
    ranks: list[float] = []
    for start in range(0, len(examples), BLOCK):
        block = examples[start : start + BLOCK]
        scores = ranker.scores([example.context for example in block])
        ranks += target_ranks(scores, block)
    return _recall(np.array(ranks))


def _recall(ranks: DoubleArray) -> dict[str, float]:
    return {f"recall@{k}": float((ranks < k).mean()) if len(ranks) else 0.0 for k in KS}


def _row(system: str, ranks: DoubleArray, owners: Sequence[str]) -> RecallRow:
    if not len(ranks):
        return RecallRow(system, _recall(ranks), _recall(ranks), _recall(ranks))
    _, dialogue = np.unique(np.array(owners), return_inverse=True)
    n_items = np.bincount(dialogue).astype(np.float64)
    low, high = {}, {}
    for k in KS:
        hits = np.bincount(dialogue, weights=(ranks < k).astype(np.float64)).astype(np.float64)
        interval = ratio_interval(hits, n_items)
        assert interval.low is not None and interval.high is not None
        low[f"recall@{k}"], high[f"recall@{k}"] = interval.low, interval.high
    return RecallRow(system, _recall(ranks), low, high)

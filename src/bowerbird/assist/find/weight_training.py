"""Learns how much each source counts, on dialogues that the recommender from conversations was not fitted on.

Each dialogue is read as the assistant reads it, message by message, up to where an item was recommended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bowerbird.assist.find.conversation import messages_after
from bowerbird.assist.find.finding import allowed_items
from bowerbird.assist.find.meaning import meaning_of
from bowerbird.assist.find.needs.after_message import need_after
from bowerbird.assist.find.retrieval import SourceScores, read_features
from bowerbird.assist.parts import Parts
from bowerbird.assist.request import Request
from bowerbird.assist.scoring.conversation import ConversationScorer
from bowerbird.assist.scoring.weights import (
    GENERATED_PENALTY,
    MIN_EXAMPLES,
    PENALTY,
    RetrievalMeta,
    RetrievalWeights,
    learn_weights,
    mean_gain,
)
from bowerbird.assist.state import DialogueState
from bowerbird.assist.turn import Turn, read_message
from bowerbird.conversations.contexts import DialogueExample
from bowerbird.conversations.ranker import ConversationRanker
from bowerbird.data.arrays import FloatArray
from bowerbird.data.dialogues import Role
from bowerbird.data.splits import hash_share
from bowerbird.data.store import Store
from bowerbird.progress import print_progress, track

MAX_EXAMPLES = 400
MAX_CANDIDATES = 1000
"""Candidates of an example: the recommended item, and others that satisfy the constraints, by hash."""


class WeightTraining:
    """Collects what is recommended in held-out dialogues, and publishes the weights that fit it best."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._features: list[FloatArray] = []
        self._targets: list[int] = []

    def collect(self, ranker: ConversationRanker, examples: Sequence[DialogueExample]) -> None:
        """Read held-out examples; those whose item does not satisfy what was understood are left out."""
        scorer = ConversationScorer(ranker, self._parts.catalogue)
        with_text = [example for example in examples if example.context.turns]
        sample = sorted(with_text, key=lambda each: hash_share(each.dialogue_id, "retrieval"))[:MAX_EXAMPLES]
        for example in track(sample, "learning how much each source counts"):
            turn_and_need = self._last_turn(example)
            if turn_and_need is None:
                continue
            for features, target in self._candidates(*turn_and_need, scorer, ranker, example):
                self._features.append(features)
                self._targets.append(target)

    def _last_turn(self, example: DialogueExample) -> tuple[Turn, Request] | None:
        """The user's last message, read after those before it."""
        state, last = DialogueState(), None
        for spoken in example.context.turns:
            if spoken.role is not Role.USER or not spoken.text:
                continue
            turn = read_message(self._parts, state, spoken.text)
            request = need_after(turn)
            last = (turn, request)
            state = replace(turn.state, request=request, messages=messages_after(turn, request))
        return last

    def _candidates(
        self,
        turn: Turn,
        request: Request,
        scorer: ConversationScorer,
        ranker: ConversationRanker,
        example: DialogueExample,
    ) -> Iterator[tuple[FloatArray, int]]:
        """Features of the candidates, and the target's row; nothing where the target is none of them."""
        parts = self._parts
        rows = np.flatnonzero(allowed_items(turn, request))
        target = parts.catalogue.position.get(ranker.catalogue.ids[example.targets[0]], -1)
        if target not in rows or len(rows) < 2:
            return
        if len(rows) > MAX_CANDIDATES:
            others = np.random.default_rng(0).choice(rows[rows != target], MAX_CANDIDATES - 1, replace=False)
            rows = np.append(others, target)
        conversation = scorer.scores(messages_after(turn, request))
        words = parts.lexicon.scores(request.words)
        source_scores = SourceScores(meaning_of(parts, request, None), words, None, conversation)
        features = read_features(request, rows, source_scores, parts.vocabulary).astype(np.float32)
        yield features, int(np.flatnonzero(rows == target)[0])

    def publish(self, store: Store, is_generated: bool) -> None:
        """Learn and publish the weights; nothing where there are too few examples.

        Those of generated dialogues (`is_generated`) stay nearer to the defaults.
        """
        if len(self._features) < MIN_EXAMPLES:
            print_progress(
                f"{len(self._features)} dialogues teach how sources count: too few, the defaults stay"
            )
            return
        weights = self.learn(is_generated)
        default_gain = mean_gain(self._features, self._targets, RetrievalWeights())
        gain = mean_gain(self._features, self._targets, weights)
        meta = RetrievalMeta(
            config=weights, examples=len(self._features), default_gain=default_gain, gain=gain
        )
        with store.lock("bowerbird graft", wait=True):
            store.publish(RetrievalMeta.KIND, meta, lambda folder: None)

    def learn(self, is_generated: bool) -> RetrievalWeights:
        """The weights that fit what was collected."""
        return learn_weights(self._features, self._targets, GENERATED_PENALTY if is_generated else PENALTY)

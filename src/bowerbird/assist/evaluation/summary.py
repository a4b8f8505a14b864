"""Figures of an assistant on annotated conversations: acts, states, first items, claims, latency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bowerbird.assist.acts.dialogue_examples import dialogue_examples
from bowerbird.assist.acts.publish import accuracy_by_act
from bowerbird.assist.assistant import Assistant
from bowerbird.assist.cost import TurnCost
from bowerbird.assist.evaluation.annotations import read_annotated
from bowerbird.assist.evaluation.listings import Listings
from bowerbird.assist.evaluation.replay import CheckedTurn, replay, sample_dialogues
from bowerbird.data.dialogues import Dialogue

EXAMPLES = 10
"""False claims that are printed."""
STAGES = ("understand_ms", "find_ms", "write_ms", "ms")


@dataclass(frozen=True)
class Share:
    """A share of true among `n` cases; None where there is no case."""

    share: float | None
    n: int

    @classmethod
    def of(cls, flags: Iterable[bool | None]) -> Share:
        """The share of true among those that are known.

        >>> Share.of([True, False, None])
        Share(share=0.5, n=2)
        """
        known = [flag for flag in flags if flag is not None]
        return cls(sum(known) / len(known) if known else None, len(known))


@dataclass(frozen=True)
class Percentiles:
    """Median and 95th percentile, milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True)
class AssistantEvaluation:
    """What the assistant made of the conversations of a file."""

    dialogues: int
    """Conversations that were replayed."""
    turns: int
    """Messages of these."""
    acts: Mapping[str, float]
    """Accuracy by act, and of all ("all"); empty where no turn names an act that exists here."""
    acts_left_out: Mapping[str, int]
    """Acts of the file that do not exist here."""
    states: Mapping[str, Share]
    """Accuracy by slot, and of all slots together ("joint"); empty where no state is annotated."""
    first_item: Share
    """Whether the first item is what is expected, where a listing is."""
    invented_items: int
    false_claims: int
    claim_examples: tuple[str, ...]
    latency_ms: Mapping[str, Percentiles]
    """By stage, and of the whole turn ("ms")."""


def evaluate_assistant(
    assistant: Assistant, path: Path, dialogues: Sequence[Dialogue]
) -> AssistantEvaluation:
    """Evaluate an assistant on a file of conversations; `dialogues` are the same, as `path` holds them.

    Raises `InputError` where an annotated state can't be read.
    """
    listings = Listings.of(assistant.catalogue)
    examples = dialogue_examples(dialogues)
    sample = sample_dialogues(read_annotated(path, listings))
    turns = list(replay(assistant, sample, listings))
    claims = [claim for turn in turns for claim in turn.claims]
    return AssistantEvaluation(
        dialogues=len(sample),
        turns=len(turns),
        acts=accuracy_by_act(assistant.parts.acts, examples.examples),
        acts_left_out=dict(examples.left_out),
        states=share_by_slot([turn for turn in turns if turn.is_annotated]),
        first_item=Share.of(turn.is_first_right for turn in turns),
        invented_items=sum(len(turn.invented) for turn in turns),
        false_claims=len(claims),
        claim_examples=tuple(claims[:EXAMPLES]),
        latency_ms=latency([turn.cost for turn in turns]),
    )


def share_by_slot(turns: Sequence[CheckedTurn]) -> dict[str, Share]:
    """Accuracy of each slot that any turn has, over all turns, and of all slots together."""
    if not turns:
        return {}
    slots = dict.fromkeys(slot for turn in turns for slot in turn.slots)
    by_slot = {slot: Share.of(slot not in turn.wrong_slots for turn in turns) for slot in slots}
    return {"joint": Share.of(not turn.wrong_slots for turn in turns), **by_slot}


def latency(costs: Sequence[TurnCost]) -> dict[str, Percentiles]:
    """Milliseconds by stage."""
    if not costs:
        return {}
    times = {stage: np.array([getattr(cost, stage) for cost in costs]) for stage in STAGES}
    return {
        stage: Percentiles(*(round(float(value), 2) for value in np.quantile(values, [0.5, 0.95])))
        for stage, values in times.items()
    }

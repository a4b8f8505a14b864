"""What the ranker learns from: users as the recommender would have met them, and what they liked next.

Made of training events alone. The sources of a fold are fitted without what its users did next, so that the
ranker learns from the same kind of features that it will be given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.splits import hash_share
from bowerbird.recommend.config import TrainingConfig
from bowerbird.taste.state.user_state import TasteState


@dataclass(frozen=True)
class TrainingExample:
    """A user's state, when they ask, and the positions of what they liked next."""

    state: TasteState
    asked_at: int
    """Microseconds."""
    until: int
    """Microseconds; the targets were liked until then, and only what was launched by then could be."""
    targets: IntArray


@dataclass(frozen=True)
class TrainingFold:
    """Events to fit the sources on, and users whose targets those events lack."""

    events: Interactions
    examples: list[TrainingExample]
    is_of_new_users: bool
    """Whether the events lack all that the users did; else what they did after a moment."""


def build_folds(events: Interactions, config: TrainingConfig) -> list[TrainingFold]:
    """Split training events into folds with examples.

    First all users after each of three moments, until the next moment, cold-start users too; then each
    quarter of the users as new ones, given one, five, half and most of their likes. So the ranker learns from
    all kinds of users that it will meet.
    """
    liked = events.liked()
    if not len(liked):
        return []
    moments = [int(np.quantile(liked.at, share)) for share in config.moments]
    n_folds = config.user_folds
    fold_of_user = np.array([int(hash_share(user, "ranker") * n_folds) for user in events.users], np.int64)
    later: list[list[TrainingExample]] = [[] for _ in moments]
    new: list[list[TrainingExample]] = [[] for _ in range(n_folds)]
    ends = [*moments[1:], int(events.at.max())]
    for number, history in events.histories():
        user, likes = events.users[number], history.liked()
        for k, (moment, end) in enumerate(zip(moments, ends, strict=True)):
            until = history.where(history.at <= end)
            given = int(np.searchsorted(likes.at, moment, side="right"))
            later[k] += _example(user, until, until.liked(), given, (moment, end))
        for count in _counts_given(len(likes), config):
            new[fold_of_user[number]] += _example(user, history, likes, count)
    folds = [
        TrainingFold(events.where(events.at <= moment), _sample(examples, config.max_examples // 2), False)
        for moment, examples in zip(moments, later, strict=True)
    ]
    before = events.at <= moments[-1]
    for k, examples in enumerate(new):
        # Up to the last moment here too: users who are served like items that came after the last training.
        others = events.where(before & (fold_of_user[events.user] != k))
        folds.append(TrainingFold(others, _sample(examples, config.max_examples // 2 // n_folds), True))
    return [fold for fold in folds if len(fold.events.liked()) and fold.examples]


def _counts_given(n_likes: int, config: TrainingConfig) -> list[int]:
    counts = {*config.new_user_counts, *(int(n_likes * share) for share in config.new_user_shares)}
    return sorted(count for count in counts if 0 < count < n_likes)


def _example(
    user: str, history: History, likes: History, given: int, period: tuple[int, int] | None = None
) -> list[TrainingExample]:
    """A user after their first `given` likes, if they liked something that they had not seen later on.

    They ask at the beginning of a period, with all that they did until then, or right before their next like.
    """
    last = period[0] if period is not None else int(likes.at[given - 1])
    before = history.where(history.at <= last)
    # Several likes may share one moment: what is to be predicted must not be among what is given.
    seen = set(before.seen().items.tolist())
    targets = [item for item in dict.fromkeys(likes.items[given:].tolist()) if item not in seen]
    if not targets:
        return []
    asked_at, until = period or (int(likes.at[given]), int(likes.at[-1]))
    return [TrainingExample(TasteState.of(before, user), asked_at, until, np.array(targets, np.int64))]


def _sample(examples: Sequence[TrainingExample], count: int) -> list[TrainingExample]:
    rows = np.random.default_rng(0).permutation(len(examples))[:count]
    return [examples[row] for row in rows]

"""What the order of candidates is learnt from: people as a recommender would have met them.

Made of training events alone, and of parts that the sources of a lesson were not fitted on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from bowerbird.data.interactions import History, Interactions

MOST_EXAMPLES = 1500
FOLDS = 4  # parts of the people, each met once as newcomers
NEWCOMERS_GIVEN = (0.8, 0.5)
"""Shares of a newcomer's likes after which they are met."""
FEW = (1, 5)
"""Numbers of likes after which a newcomer is met as well: one event must do better than popularity."""
MOMENTS = (4 / 7, 5 / 7, 6 / 7)
"""Shares of the likes before a moment after which everybody is met."""


@dataclass(frozen=True)
class Example:
    """A person as the model would have met them: what they had done, and what they liked next."""

    history: History
    targets: np.ndarray


@dataclass(frozen=True)
class Lesson:
    """Events to fit the sources on, and people to learn the order from, whose targets those events lack."""

    events: Interactions
    examples: list[Example]


def lessons_of(events: Interactions) -> list[Lesson]:
    """Parts of the training events, each with people whose next likes it knows nothing of.

    First everybody after three moments, met until the next one, a seventh of the likes later, strangers too;
    then each quarter of the people as newcomers, met after one, five, half and most of their likes. So the
    ranker learns from all kinds of person that it will meet, and from everybody.
    """
    liked = events.liked()
    if not len(liked):
        return []
    moments = [int(np.quantile(liked.at, share)) for share in MOMENTS]
    moment = moments[-1]
    fold = np.array([int(_hashed(user) * FOLDS) for user in events.users], dtype=np.int64)
    later: list[list[Example]] = [[] for _ in moments]
    new: list[list[Example]] = [[] for _ in range(FOLDS)]
    for person, history in events.histories():
        mine = history.liked()
        for number, (one, until) in enumerate(zip(moments, [*moments[1:], np.inf], strict=True)):
            part = history.where(history.at <= until)
            _add_example(later[number], part, part.liked(), int(np.searchsorted(mine.at, one, side="right")))
        cuts = {*FEW, *(int(len(mine) * share) for share in NEWCOMERS_GIVEN)}
        for cut in sorted(cuts - {0}):
            if cut < len(mine):
                _add_example(new[fold[person]], history, mine, cut)
    before = events.at <= moment
    lessons = [
        Lesson(events.where(events.at <= one), _some(examples, MOST_EXAMPLES // 2))
        for one, examples in zip(moments, later, strict=True)
    ]
    for number, examples in enumerate(new):
        # Up to the moment here too: whoever is served likes things that came after the last training.
        others = events.where(before & (fold[events.user] != number))
        lessons.append(Lesson(others, _some(examples, MOST_EXAMPLES // 2 // FOLDS)))
    return [lesson for lesson in lessons if len(lesson.events.liked()) and lesson.examples]


def _add_example(examples: list[Example], history: History, liked: History, cut: int) -> None:
    """A person met after their first `cut` likes, if they liked something new later."""
    known = set(liked.items[:cut].tolist())
    targets = [item for item in dict.fromkeys(liked.items[cut:].tolist()) if item not in known]
    if not targets:
        return
    before = history.where(history.at <= liked.at[cut - 1]) if cut else History.empty()
    # Several likes of one moment: what is to be found must not be among what is given.
    given = set(before.items.tolist())
    targets = [item for item in targets if item not in given]
    if targets:
        examples.append(Example(before, np.array(targets, np.int64)))


def _some(examples: list[Example], most: int) -> list[Example]:
    chosen = np.random.default_rng(0).permutation(len(examples))[:most]
    return [examples[row] for row in chosen]


def _hashed(user: str) -> float:
    """A number in [0, 1) that is the same for a person on every machine, and not the holdout's."""
    digest = hashlib.blake2b(user.encode(), digest_size=8, person=b"ranker").digest()
    return int.from_bytes(digest, "big") / 2**64

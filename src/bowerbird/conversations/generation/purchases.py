"""What a generated dialogue is about: an item that somebody chose, and what they had liked before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.data.interactions import Interactions

MAX_LIKED = 20
"""Items liked before that a dialogue may use, the newest."""


@dataclass(frozen=True)
class Choice:
    """An item, and items that the same user had liked before, the newest first; positions."""

    item: int
    liked: tuple[int, ...]


def sample_choices(
    events: Interactions | None, eligible: IntArray, n: int, generator: np.random.Generator
) -> list[Choice]:
    """Sample choices from likes; where there are fewer than `n`, items of `eligible` at random as well.

    An item that many like comes often: generated dialogues recommend what people choose.
    """
    likes = None if events is None else events.liked()
    choices: list[Choice] = []
    if likes is not None and len(likes):
        order = np.argsort(likes.user, kind="stable")  # by user, each in time order
        users, items = likes.user[order], likes.item[order]
        starts = np.searchsorted(users, users)  # first row of each row's user
        is_eligible = np.isin(items, eligible)
        rows = np.flatnonzero(is_eligible)
        rows = rows[generator.permutation(len(rows))[:n]]
        for row in np.sort(rows).tolist():
            before = items[max(int(starts[row]), row - 4 * MAX_LIKED) : row][::-1].tolist()
            liked = [item for item in dict.fromkeys(before) if item != items[row]]
            choices.append(Choice(int(items[row]), tuple(liked[:MAX_LIKED])))
    if len(eligible):
        rest = generator.choice(eligible, max(0, n - len(choices)))
        choices += [Choice(int(item), ()) for item in rest]
    return choices

"""Everybody: people's rows and items' rings of likers, which the same events update."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bowerbird.taste.state.likers import LIKED, Likers
from bowerbird.taste.state.user_index import NOBODY
from bowerbird.taste.state.user_table import People, second_of, seconds_of
from bowerbird.taste.state.walks import STEPS, Walked, Walker


class Everyone:
    """What is known of P people and N items by events. Not safe between threads: whoever holds it locks."""

    def __init__(self, interest: np.ndarray) -> None:
        """`interest` (N,): which interest each item speaks for, -1 for none."""
        self.people = People(interest)
        self.likers = Likers(len(interest))
        self._walker = Walker(len(interest))

    def learn(
        self, rows: np.ndarray, at_us: np.ndarray, items: np.ndarray, actions: np.ndarray
    ) -> np.ndarray:
        """Learn n events of known rows and items, times in microseconds; which of them changed a person's
        row, (n,) bool."""
        seconds = seconds_of(at_us)
        changed = self.people.learn(rows, seconds, items, actions)
        liked = LIKED[actions]
        self.likers.learn(rows[liked], seconds[liked], items[liked], self.people.names)
        return changed

    def learn_one(self, user_id: str, at_us: int, item: int, action: int) -> bool:
        """As `learn`, one event: several times quicker than a batch of one."""
        row, second = self.people.row_of(user_id), second_of(at_us)
        if LIKED[action]:
            self.likers.learn_one(row, second, item, self.people.names)
        return self.people.learn_one(row, second, item, action)

    def walk(
        self, user_id: str, starts: np.ndarray, weights: np.ndarray, steps: int = STEPS, seed: int = 0
    ) -> Walked:
        """Walk from S positions with weights (S,), past the person's own likes; see `walks`."""
        row = self.people.find(user_id)
        return self._walker.walk(row, starts, weights, self.people.arrays, self.likers.arrays, steps, seed)

    def forget(self, *user_ids: str) -> None:
        """Take users out of everything; a full ring of likers then holds fewer until its next likes."""
        rows = [row for row in map(self.people.forget, user_ids) if row != NOBODY]
        if rows:
            self.likers.forget(*rows)

    def rows_of(self, user_ids: Sequence[str]) -> np.ndarray:
        """Rows of n people, made where there are none yet, (n,) int64."""
        return self.people.rows_of(user_ids)

    def save(self, folder: Path) -> None:
        """Write everything into a new folder. Raises `OSError` where that can't be done."""
        folder.mkdir(parents=True)
        self.people.save(folder)
        self.likers.save(folder)

    @classmethod
    def opened(cls, folder: Path, interest: np.ndarray) -> Everyone:
        """What `save` wrote, by memory map. Raises `OSError` or `ValueError` where it is broken."""
        everyone = cls(interest[:0])
        everyone.people = People.opened(folder, interest)
        everyone.likers = Likers.opened(folder, len(interest))
        everyone._walker = Walker(len(interest))
        return everyone

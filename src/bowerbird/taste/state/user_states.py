"""The states of all users: users' rows and items' rings of likers, which the same events update."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray, IntegerArray
from bowerbird.data.interactions import IS_LIKE
from bowerbird.taste.state.likers import Likers
from bowerbird.taste.state.user_index import MISSING
from bowerbird.taste.state.user_table import UserTable, second_of, seconds_of
from bowerbird.taste.state.walks import STEPS, Walker, WalkResult


class UserStates:
    """What events say of U users and N items. Not safe between threads: the caller locks."""

    def __init__(self, interest: IntArray) -> None:
        """`interest` (N,): the interest of each item, -1 for none."""
        self.table = UserTable(interest)
        self.likers = Likers(len(interest))
        self._walker = Walker(len(interest))

    def learn(self, rows: IntArray, at_us: IntArray, items: IntArray, actions: IntegerArray) -> BoolArray:
        """Learn n events of known rows and items, times in microseconds.

        Returns which of them changed a user's row, (n,) bool.
        """
        seconds = seconds_of(at_us)
        changed = self.table.learn(rows, seconds, items, actions)
        liked = IS_LIKE[actions]
        self.likers.learn(rows[liked], seconds[liked], items[liked], self.table.id_hashes)
        return changed

    def learn_one(self, user_id: str, at_us: int, item: int, action: int) -> bool:
        """As `learn`, one event: several times quicker than a batch of one."""
        row, second = self.table.row_of(user_id), second_of(at_us)
        if IS_LIKE[action]:
            self.likers.learn_one(row, second, item, self.table.id_hashes)
        return self.table.learn_one(row, second, item, action)

    def walk(
        self, user_id: str, starts: IntArray, weights: DoubleArray, steps: int = STEPS, seed: int = 0
    ) -> WalkResult:
        """Walk from S positions with weights (S,), never through the user's own likes; see `walks`."""
        row = self.table.find(user_id)
        return self._walker.walk(row, starts, weights, self.table.arrays, self.likers.arrays, steps, seed)

    def forget(self, *user_ids: str) -> None:
        """Remove users from rows and rings; a full ring then holds fewer until its next likes."""
        rows = [row for row in map(self.table.forget, user_ids) if row != MISSING]
        if rows:
            self.likers.forget(*rows)

    def rows_of(self, user_ids: Sequence[str]) -> IntArray:
        """Rows of n users, made where there are none yet, (n,) int64."""
        return self.table.rows_of(user_ids)

    def save(self, folder: Path) -> None:
        """Write rows and rings into a new folder. Raises `OSError` where that can't be done."""
        folder.mkdir(parents=True)
        self.table.save(folder)
        self.likers.save(folder)

    @classmethod
    def open(cls, folder: Path, interest: IntArray) -> UserStates:
        """Open what `save` wrote, by memory map. Raises `OSError` or `ValueError` where it is broken."""
        states = cls(interest[:0])
        states.table = UserTable.open(folder, interest)
        states.likers = Likers.open(folder, len(interest))
        states._walker = Walker(len(interest))
        return states

"""What other rules would change: lists of a sample of users, before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommendation import RankedList
from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.items import ItemBody
from bowerbird.serve.served_snapshot import ServedSnapshot

MOST_ACTIVE = 1000
MAX_MOVED = 12


class PreviewItem(ItemBody):
    """An item of a list of the preview."""

    before: int | None
    """Its place with the rules in force, from 1; none where it is not in the list."""
    after: int | None
    promoted: bool
    """Whether the new rules moved it."""


class ShownItem(ItemBody):
    """An item that would be in more or fewer lists."""

    before: int
    """Number of lists of the sample that hold it."""
    after: int


class UserEffect(Body):
    """A user's list with the rules in force, and with the new ones."""

    user: str
    before: list[PreviewItem]
    after: list[PreviewItem]


class Effects(Body):
    """What rules would change."""

    users: int
    changed: int
    """Lists of the sample that would change."""
    moved: list[ShownItem]
    """Those whose number of lists changes most."""
    example: UserEffect | None
    """None in a store without users, where none is named."""


@dataclass(frozen=True)
class RuleEffects:
    """Lists of n items with two sets of rules."""

    served: ServedSnapshot
    n: int
    before: RecommendOptions
    after: RecommendOptions

    def of_sample(self, users: int, user: str | None) -> Effects:
        """Effects on users of all degrees of activity, and the lists of one of them."""
        active = self.served.taste.users(MOST_ACTIVE)
        sample = active[:: max(1, len(active) // users)][:users]
        extra_users = [user] if user is not None and user not in sample else []
        lists = self._lists([*sample, *extra_users])
        differs = {each: self._changes(*lists[each]) for each in lists}
        shown = user if user is not None else max(sample, key=lambda each: differs[each], default=None)
        return Effects(
            users=len(sample),
            changed=sum(differs[each] > 0 for each in sample),
            moved=self._moved([lists[each] for each in sample]),
            example=None if shown is None else self._effect(shown, *lists[shown]),
        )

    def _lists(self, users: Sequence[str]) -> dict[str, tuple[RankedList, RankedList]]:
        states = [self.served.taste.state(user) for user in users]
        lists_by_rules = [
            self.served.recommender.lists(states, self.n, each) for each in (self.before, self.after)
        ]
        return dict(zip(users, zip(*lists_by_rules, strict=True), strict=True))

    def _changes(self, before: RankedList, after: RankedList) -> int:
        """Number of places that hold another item."""
        pairs = zip_longest(before.positions.tolist(), after.positions.tolist())
        return sum(1 for old, new in pairs if old != new)

    def _moved(self, lists: Iterable[tuple[RankedList, RankedList]]) -> list[ShownItem]:
        counts: tuple[Counter[int], Counter[int]] = Counter(), Counter()
        for pair in lists:
            for count, ranked in zip(counts, pair, strict=True):
                count.update(ranked.positions.tolist())
        before, after = counts
        moved = sorted(
            (position for position in before | after if before[position] != after[position]),
            key=lambda position: (-abs(after[position] - before[position]), position),
        )
        return [
            ShownItem(**self.served.item(position), before=before[position], after=after[position])
            for position in moved[:MAX_MOVED]
        ]

    def _effect(self, user: str, before: RankedList, after: RankedList) -> UserEffect:
        places = [
            {position: place for place, position in enumerate(ranked.positions.tolist(), start=1)}
            for ranked in (before, after)
        ]
        promoted = set(after.positions[after.is_promoted].tolist())

        def items(ranked: RankedList) -> list[PreviewItem]:
            return [
                PreviewItem(
                    **self.served.item(position),
                    before=places[0].get(position),
                    after=places[1].get(position),
                    promoted=position in promoted,
                )
                for position in ranked.positions.tolist()
            ]

        return UserEffect(user=user, before=items(before), after=items(after))

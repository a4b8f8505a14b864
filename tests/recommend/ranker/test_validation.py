"""What validation examples choose: the metric is the definition, and young items get what they are due."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bowerbird.recommend.ranker.validation import (
    CUTOFF,
    MIN_IN_GROUP,
    YOUNG_SHARES,
    LabelledCandidates,
    choose_young_share,
    ndcg_of,
)

YOUNG = range(30, 40)  # the last ten of forty candidates, in the ranker's order
ORDER = -np.arange(40.0)


def example(liked: Sequence[int], is_of_new_user: bool) -> LabelledCandidates:
    rows = np.arange(40)
    return LabelledCandidates(
        np.zeros((40, 1)), np.isin(rows, liked), len(liked), None, np.isin(rows, YOUNG), is_of_new_user
    )


def share_of(
    after_a_moment: Sequence[int], of_new_users: Sequence[int], new_users: int = MIN_IN_GROUP
) -> float:
    examples = [example(after_a_moment, False)] * MIN_IN_GROUP + [example(of_new_users, True)] * new_users
    return choose_young_share([ORDER] * len(examples), examples)


@pytest.mark.parametrize(
    "after_a_moment, of_new_users, share",
    [
        (YOUNG, YOUNG, max(YOUNG_SHARES)),  # nothing else is liked
        (range(20), range(20), 0.0),  # every place is needed
        (YOUNG, range(20), 0.0),  # new users would lose
        (range(20), YOUNG, 0.0),
        (
            range(18),
            range(18),
            0.1,
        ),  # two places are free; the first, of the ten best, costs .9 %, a third 5 %
        (range(19), range(19), 0.05),
        ([0, 1, 2], [0, 1, 2], max(YOUNG_SHARES)),  # the first four places are never reserved
    ],
)
def test_young_items_get_the_largest_share_that_costs_nearly_nothing(
    after_a_moment: Sequence[int], of_new_users: Sequence[int], share: float
) -> None:
    assert share_of(after_a_moment, of_new_users) == share


def test_without_users_of_both_kinds_no_place_is_reserved() -> None:
    """Sets have no moments; what is new among them nobody can say."""
    assert share_of(YOUNG, YOUNG, new_users=MIN_IN_GROUP - 1) == 0.0


def test_ndcg_is_the_definition() -> None:
    """Two of three targets are on the list; the one that is not counts as missed."""
    gained = 1 / np.log2(3) + 1 / np.log2(4)
    best = sum(1 / np.log2(rank) for rank in (2, 3, 4))
    assert ndcg_of(np.array([False, True, True, False]), 3) == pytest.approx(gained / best)
    assert ndcg_of(np.ones(CUTOFF, bool), CUTOFF + 5) == pytest.approx(1.0)

"""What validation examples choose: young items get what they are due."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bowerbird.recommend.config import TrainingConfig
from bowerbird.recommend.ranker.validation import (
    LabelledCandidates,
    choose_young_share,
)

MIN_IN_GROUP = TrainingConfig.min_in_group
YOUNG_SHARES = TrainingConfig.young_shares

YOUNG = range(30, 40)  # the last ten of forty candidates, in the ranker's order
ORDER = -np.arange(40.0)


def example(liked: Sequence[int], is_of_new_user: bool) -> LabelledCandidates:
    rows = np.arange(40)
    return LabelledCandidates(
        np.zeros((40, 1)), np.isin(rows, liked), len(liked), None, np.isin(rows, YOUNG), is_of_new_user
    )


def share_of(after_a_moment: Sequence[int], of_new_users: Sequence[int], count: int = MIN_IN_GROUP) -> float:
    examples = [example(after_a_moment, False)] * count + [example(of_new_users, True)] * MIN_IN_GROUP
    return choose_young_share([ORDER] * len(examples), examples, TrainingConfig())


@pytest.mark.parametrize(
    "after_a_moment, of_new_users, share",
    [
        (YOUNG, YOUNG, max(YOUNG_SHARES)),  # nothing else is liked
        (range(20), range(20), 0.0),  # every place is needed
        (range(10), range(10), 0.0),  # places are free, but nothing is gained
        ([*range(19), 30], [*range(19), 30], 0.1),  # one place gains where it stands high; more cost others
        ([*range(20), 30], [*range(20), 30], 0.05),  # two places gain more, and cost 3 %
        ([*range(9), 30, 31], range(10), 0.2),  # what one kind of user loses, the other gains
    ],
)
def test_young_items_get_the_places_that_gain_most_and_cost_little(
    after_a_moment: Sequence[int], of_new_users: Sequence[int], share: float
) -> None:
    assert share_of(after_a_moment, of_new_users) == share


def test_without_users_after_a_moment_no_place_is_reserved() -> None:
    """Sets have no moments; what is new among them nobody can say."""
    assert share_of(YOUNG, YOUNG, count=MIN_IN_GROUP - 1) == 0.0

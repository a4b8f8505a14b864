"""Sets of versions: completion, new sets, pruning, and rollback."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.versions.version import KINDS, MADE_OF_VECTORS, NEEDED, RECENT_SETS, VersionHistory
from bowerbird.errors import StoreError


def published(history: VersionHistory, *kinds: str) -> VersionHistory:
    """Publish one version of each kind in turn; a name contains its kind and the number of sets."""
    for kind in kinds:
        count = sum(version_set.versions.get(kind, "").count("'") for version_set in history.sets)
        history = history.with_versions({kind: f"{kind}{count}'{len(history.sets)}"})
    return history


def numbers(history: VersionHistory) -> list[int]:
    return [version_set.number for version_set in history.sets]


COMPLETE = published(VersionHistory(), *NEEDED)


def test_missing_kinds_complete_a_set() -> None:
    assert numbers(COMPLETE) == [1]
    assert COMPLETE.current is not None and COMPLETE.current.complete
    assert COMPLETE.current.changed == NEEDED


def test_a_complete_set_is_never_changed() -> None:
    after = published(COMPLETE, "graft", "catalogue", "ranker")
    assert numbers(after) == [1, 2, 3, 4] and after.sets[0] == COMPLETE.current
    assert [version_set.changed for version_set in after.sets[1:]] == [
        ("graft",),
        ("catalogue",),
        ("ranker",),
    ]
    assert all(version_set.complete for version_set in after.sets)


def test_new_vectors_drop_the_old_ranker() -> None:
    after = published(COMPLETE, "vectors")
    assert after.current is not None and not after.current.complete
    assert set(after.current.versions) == {"catalogue", "vectors"}
    assert published(after, "interests", "ranker").sets[-1].complete
    assert numbers(published(after, "interests", "ranker")) == [1, 2]


def test_a_change_of_prices_while_the_ranker_is_trained_loses_nothing() -> None:
    after = published(COMPLETE, "vectors", "catalogue", "interests", "ranker")
    assert numbers(after) == [1, 2, 3] and [version_set.complete for version_set in after.sets] == [
        True,
        False,
        True,
    ]


def test_several_kinds_come_into_force_together() -> None:
    after = COMPLETE.with_versions({"catalogue": "c", "collections": "b"})
    assert numbers(after) == [1, 2] and after.sets[-1].changed == ("catalogue", "collections")


def test_pruning_leaves_five_sets_and_one_with_older_vectors() -> None:
    history = published(COMPLETE, *["vectors", "interests", "ranker"], *["catalogue"] * 20).pruned()
    assert numbers(history) == [1, 18, 19, 20, 21, 22]
    assert RECENT_SETS == 5
    for _ in range(20):
        history = published(history, "vectors", "interests", "ranker").pruned()
    assert numbers(history) == [38, 39, 40, 41, 42]


def test_incomplete_sets_do_not_displace_complete_ones() -> None:
    history = published(COMPLETE, *["ranker"] * 4, *["vectors"] * 9).pruned()
    assert [version_set.number for version_set in history.sets if version_set.complete] == [1, 2, 3, 4, 5]


def test_rolling_back_twice_is_where_one_was() -> None:
    history = published(COMPLETE, "ranker", "ranker")
    back = history.rolled_back()
    assert back.current is not None and (back.current.number, back.current.rolled_back) == (2, True)
    assert back.rolled_back().current is not None and numbers(back.rolled_back()) == [1, 2, 3]
    assert numbers(history.rolled_back(1)) == [2, 3, 1]
    assert numbers(published(history.rolled_back(1), "ranker")) == [2, 3, 1, 4]


def test_new_prices_are_no_reason_to_train_what_was_gone_back_to() -> None:
    back = published(COMPLETE, "ranker").rolled_back()
    assert published(back, "catalogue").sets[-1].rolled_back
    assert not published(back, "catalogue", "vectors").sets[-1].rolled_back


def test_where_there_is_no_way_back_it_says_so() -> None:
    with pytest.raises(StoreError, match="no earlier set"):
        COMPLETE.rolled_back()
    with pytest.raises(StoreError, match="no set 7 of versions: the known sets are 1"):
        COMPLETE.rolled_back(7)
    with pytest.raises(StoreError, match="set 1 is in force already"):
        COMPLETE.rolled_back(1)


def test_a_dropped_kind_is_in_no_set() -> None:
    history = published(COMPLETE, "ranker", "catalogue").without("ranker")
    assert not any("ranker" in version_set.versions for version_set in history.sets)
    assert numbers(history) == [2, 3], "the first two are the same without it"


STEPS = st.lists(st.sampled_from([*KINDS, "rollback", "drop ranker"]), max_size=40)


@given(STEPS)
def test_the_newest_versions_are_always_in_force(steps: Sequence[str]) -> None:
    """Compared with a dictionary of the versions in force; pruned after every step, as the store does."""
    history, in_force = VersionHistory(), dict[str, str]()
    for number, step in enumerate(steps):
        if step == "rollback":
            if len(history.sets) > 1:
                in_force = dict(history.previous.versions)
                history = history.rolled_back()
        elif step == "drop ranker":
            in_force.pop("ranker", None)
            history = history.without("ranker")
        else:
            in_force[step] = f"{step}-{number}"
            if step == "vectors":
                for kind in MADE_OF_VECTORS:
                    in_force.pop(kind, None)
            history = history.with_versions({step: in_force[step]})
        history = history.pruned()
        assert dict(history.current.versions if history.current else {}) == in_force
        assert len(set(numbers(history))) == len(history.sets) <= 2 * RECENT_SETS + 1

"""Which versions belong together: what completes a set, what makes a new one, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.versions import KINDS, MADE_OF_VECTORS, RECENT_SETS, NEEDED, VersionHistory
from bowerbird.errors import StoreError


def published(history: VersionHistory, *kinds: str) -> VersionHistory:
    """One new version after the other; a name says the kind and how many sets there were."""
    for kind in kinds:
        count = sum(each.versions.get(kind, "").count("'") for each in history.sets)
        history = history.with_versions({kind: f"{kind}{count}'{len(history.sets)}"})
    return history


def numbers(history: VersionHistory) -> list[int]:
    return [each.number for each in history.sets]


COMPLETE = published(VersionHistory(), *NEEDED)


def test_what_a_set_lacks_completes_it() -> None:
    assert numbers(COMPLETE) == [1]
    assert COMPLETE.current is not None and COMPLETE.current.complete
    assert COMPLETE.current.changed == NEEDED


def test_a_complete_set_is_never_changed() -> None:
    after = published(COMPLETE, "graft", "catalogue", "ranker")
    assert numbers(after) == [1, 2, 3, 4] and after.sets[0] == COMPLETE.current
    assert [each.changed for each in after.sets[1:]] == [("graft",), ("catalogue",), ("ranker",)]
    assert all(each.complete for each in after.sets)


def test_new_vectors_leave_no_ranker_of_the_old_ones() -> None:
    after = published(COMPLETE, "vectors")
    assert after.current is not None and not after.current.complete
    assert set(after.current.versions) == {"catalogue", "vectors"}
    assert published(after, "interests", "ranker").sets[-1].complete
    assert numbers(published(after, "interests", "ranker")) == [1, 2]


def test_a_change_of_prices_while_the_ranker_is_trained_loses_nothing() -> None:
    after = published(COMPLETE, "vectors", "catalogue", "interests", "ranker")
    assert numbers(after) == [1, 2, 3] and [each.complete for each in after.sets] == [True, False, True]


def test_several_kinds_come_into_force_together() -> None:
    after = COMPLETE.with_versions({"catalogue": "c", "collections": "b"})
    assert numbers(after) == [1, 2] and after.sets[-1].changed == ("catalogue", "collections")


def test_the_last_five_are_kept_and_one_with_the_vectors_before() -> None:
    history = published(COMPLETE, *["vectors", "interests", "ranker"], *["catalogue"] * 20).pruned()
    assert numbers(history) == [1, 18, 19, 20, 21, 22]
    assert RECENT_SETS == 5
    for _ in range(20):
        history = published(history, "vectors", "interests", "ranker").pruned()
    assert numbers(history) == [38, 39, 40, 41, 42]


def test_incomplete_sets_push_out_no_complete_one() -> None:
    history = published(COMPLETE, *["ranker"] * 4, *["vectors"] * 9).pruned()
    assert [each.number for each in history.sets if each.complete] == [1, 2, 3, 4, 5]


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
    with pytest.raises(StoreError, match="no set 7 of versions: there are 1"):
        COMPLETE.rolled_back(7)
    with pytest.raises(StoreError, match="set 1 is in force already"):
        COMPLETE.rolled_back(1)


def test_what_is_dropped_is_in_no_set() -> None:
    history = published(COMPLETE, "ranker", "catalogue").without("ranker")
    assert not any("ranker" in each.versions for each in history.sets)
    assert numbers(history) == [2, 3], "the first two are the same without it"


STEPS = st.lists(st.sampled_from([*KINDS, "rollback", "drop ranker"]), max_size=40)


@settings(deadline=None)
@given(STEPS)
def test_whatever_happens_the_newest_versions_are_in_force(steps: Sequence[str]) -> None:
    """Against plain bookkeeping of what is in force, pruned after every step as the store does."""
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

"""The user index is a dictionary that never reuses a row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.taste.state.user_index import FIRST_SLOTS, MISSING, UserIndex

IDS = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), min_size=1, max_size=3)


@given(batches=st.lists(st.lists(IDS, max_size=20), max_size=10))
def test_rows_are_those_of_a_dictionary(batches: list[list[str]]) -> None:
    index, expected = UserIndex(), dict[str, int]()
    for batch in batches:
        rows = [expected.setdefault(user_id, len(expected)) for user_id in batch]
        assert index.rows_of(batch).tolist() == rows
    assert index.ids == list(expected)
    assert [index.find(user_id) for user_id in expected] == list(expected.values())
    one_by_one = UserIndex()
    assert [one_by_one.row_of(user_id) for user_id in expected] == list(expected.values())
    assert all(user_id in index for user_id in expected) and "never seen" not in index


def test_the_index_grows_beyond_its_first_size() -> None:
    ids = [f"user-{k}" for k in range(3 * FIRST_SLOTS)]
    index = UserIndex(ids[:5])
    assert index.rows_of(ids).tolist() == list(range(len(ids)))
    for user_id in ids[::100]:
        assert index.row_of(user_id) == index.find(user_id) == int(user_id[5:])


@pytest.mark.parametrize("n_others", [3, 2 * FIRST_SLOTS])
def test_a_forgotten_user_is_unknown_and_gets_a_new_row(n_others: int) -> None:
    ids = [f"user-{k}" for k in range(10)]
    index = UserIndex(ids)
    assert index.forget("user-4") == 4 and index.forget("user-4") == MISSING
    index.rows_of([f"other-{k}" for k in range(n_others)])
    for copy in (index, UserIndex(index.ids)):
        assert "user-4" not in copy and "" not in copy
        assert [copy.find(user_id) for user_id in ids if user_id != "user-4"] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert index.row_of("user-4") == 10 + n_others

"""A roster is a dictionary that forgets for good."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.taste.state.user_index import FIRST_SLOTS, NOBODY, Roster

IDS = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), min_size=1, max_size=3)


@settings(deadline=None)  # compiled at first
@given(batches=st.lists(st.lists(IDS, max_size=20), max_size=10))
def test_it_gives_rows_as_a_dictionary_would(batches: list[list[str]]) -> None:
    roster, obvious = Roster(), dict[str, int]()
    for batch in batches:
        rows = [obvious.setdefault(one, len(obvious)) for one in batch]
        assert roster.rows_of(batch).tolist() == rows
    assert roster.ids == list(obvious)
    assert [roster.find(one) for one in obvious] == list(obvious.values())
    one_by_one = Roster()
    assert [one_by_one.row_of(one) for one in obvious] == list(obvious.values())
    assert all(one in roster for one in obvious) and "nobody at all" not in roster


def test_it_grows_beyond_its_first_size() -> None:
    ids = [f"person-{k}" for k in range(3 * FIRST_SLOTS)]
    roster = Roster(ids[:5])
    assert roster.rows_of(ids).tolist() == list(range(len(ids)))
    for one in ids[::100]:
        assert roster.row_of(one) == roster.find(one) == int(one[7:])


@pytest.mark.parametrize("others", [3, 2 * FIRST_SLOTS])
def test_who_is_forgotten_is_a_stranger_with_a_row_to_come(others: int) -> None:
    ids = [f"person-{k}" for k in range(10)]
    roster = Roster(ids)
    assert roster.forget("person-4") == 4 and roster.forget("person-4") == NOBODY
    roster.rows_of([f"other-{k}" for k in range(others)])
    for one in (roster, Roster(roster.ids)):
        assert "person-4" not in one and "" not in one
        assert [one.find(who) for who in ids if who != "person-4"] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert roster.row_of("person-4") == 10 + others

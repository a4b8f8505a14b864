"""A ring of likers is the latest of a set of people: order and repeats can't matter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.taste.state.likers import ITEM_BYTES, LIKERS
from bowerbird.taste.state.user_state import SECOND
from bowerbird.taste.state.user_states import Everyone
from bowerbird.taste.state.user_table import DAWN

ITEMS = 4
Told = tuple[str, int, int, int]  # person, second, item, action code
CLICK, VIEW = ACTION_CODE[Action.CLICK.value], ACTION_CODE[Action.VIEW.value]


def told(n: int, people: int, seed: int) -> list[Told]:
    """Events of which many fall into one second and many are of the same person with the same item."""
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, high, n).tolist() for high in (people, max(1, n // 4), ITEMS)]
    actions = rng.choice([CLICK, VIEW, ACTION_CODE["purchase"], ACTION_CODE["impression"]], n).tolist()
    return [(f"p{who}", second, item, how) for who, second, item, how in zip(*columns, actions, strict=True)]


def learnt(events: list[Told], batch: int) -> Everyone:
    everyone = Everyone(np.zeros(ITEMS, np.int64))
    for start in range(0, len(events), batch):
        part = events[start : start + batch]
        if batch == 1:
            who, second, item, how = part[0]
            everyone.learn_one(who, second * SECOND, item, how)
            continue
        rows = everyone.rows_of([one[0] for one in part])
        at, items, actions = np.array([one[1:] for one in part], np.int64).T
        everyone.learn(rows, at * SECOND, items, actions)
    return everyone


def rings(everyone: Everyone) -> list[list[tuple[str, int]]]:
    ids = everyone.people.ids
    both = (everyone.likers.of(item) for item in range(ITEMS))
    return [[(ids[who], second + DAWN) for who, second in zip(*one, strict=True)] for one in both]


def slowly(events: list[Told], everyone: Everyone) -> list[list[tuple[str, int]]]:
    """Of each item the latest like of each person, and of these the latest, ties by the name's number."""
    names = dict(zip(everyone.people.ids, everyone.people.names.tolist(), strict=False))
    found = []
    for item in range(ITEMS):
        last: dict[str, int] = {}
        for who, second, what, how in events:
            if what == item and how in (CLICK, ACTION_CODE["purchase"]):
                last[who] = max(last.get(who, 0), second)
        found.append(sorted(last.items(), key=lambda one: (one[1], names[one[0]]))[-LIKERS:])
    return found


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(0, 1_500),
    people=st.sampled_from([3, 60, 2 * LIKERS]),
    seed=st.integers(0, 2**16),
    batch=st.sampled_from([1, 7, 5_000]),
)
def test_any_order_in_any_batches_gives_the_same_rings(n: int, people: int, seed: int, batch: int) -> None:
    events = told(n, people, seed)
    order = np.random.default_rng(seed + 1).permutation(n)
    everyone = learnt([events[k] for k in order] + events[: n // 3], batch)
    assert rings(everyone) == slowly(events, everyone)


def test_a_forgotten_person_is_in_no_ring_and_the_others_stay() -> None:
    events = told(800, 40, seed=1)
    everyone = learnt(events, batch=50)
    before = rings(everyone)
    everyone.forget("p7")
    assert any(who == "p7" for ring in before for who, _ in ring)
    assert rings(everyone) == [[one for one in ring if one[0] != "p7"] for ring in before]
    assert rings(everyone) == rings(learnt([one for one in events if one[0] != "p7"], batch=50))
    assert not len(everyone.people.state("p7").items)


def test_a_saved_crowd_opens_as_it_was(tmp_path: Path) -> None:
    events = told(900, 100, seed=2)
    learnt(events[:600], batch=100).save(tmp_path / "kept")
    again = Everyone.opened(tmp_path / "kept", np.zeros(ITEMS, np.int64))
    for who, second, item, how in events[600:]:
        again.learn_one(who, second * SECOND, item, how)
    assert rings(again) == rings(learnt(events, batch=100))
    with pytest.raises(ValueError, match="another layout"):
        Everyone.opened(tmp_path / "kept", np.zeros(ITEMS + 1, np.int64))


def test_trending_is_the_sum_of_decayed_likes_before_a_moment() -> None:
    events = [(f"p{k}", 3_600 * k, k % ITEMS, CLICK) for k in range(100)]
    now, half_life = 3_600 * 80, 0.5
    ages = [(now - second, item) for _, second, item, _ in events if second <= now]
    obvious = [sum(0.5 ** (age / 43_200) for age, what in ages if what == item) for item in range(ITEMS)]
    found = learnt(events, batch=100).likers.trending(now - DAWN, half_life)
    assert found == pytest.approx(obvious, rel=0.02)  # what is older than six half-lives is left out


def test_a_full_ring_stands_for_the_likes_that_it_let_go_of() -> None:
    """Every minute somebody likes it: the sum over all of them, of which the ring holds the last hour."""
    likes = [(f"p{k}", 60 * k, 0, CLICK) for k in range(5_000)]
    now = 60 * 5_000
    whole = sum(0.5 ** ((now - second) / 43_200) for _, second, _, _ in likes)
    found = learnt(likes, batch=500).likers.trending(now - DAWN, 0.5)
    assert found[0] == pytest.approx(whole, rel=0.05)


def test_an_item_costs_what_is_promised() -> None:
    assert ITEM_BYTES == 520

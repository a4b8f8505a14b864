"""Charts, baskets, sessions and pages on toy worlds whose answers are known."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Item
from bowerbird.data.store import Store
from bowerbird.data.times import DAY, MINUTE, microseconds
from bowerbird.errors import InputError
from bowerbird.recommend.lists.charts import Chart, best_of, chart_scores
from bowerbird.recommend.lists.paging import MAX_SHOWN, Cursor, digest_ids, fingerprint_of, page_of
from bowerbird.recommend.lists.sessions import SessionEvent, session_state
from bowerbird.recommend.lists.together import Baskets
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommender import Recommender
from factories import START, toy_catalogue, toy_store

# -- pages --------------------------------------------------------------------------------------------------


@given(order=st.permutations(list(range(30))), sizes=st.lists(st.integers(1, 12), min_size=1, max_size=40))
def test_pages_are_disjoint_and_reach_everything(order: list[int], sizes: list[int]) -> None:
    digests, request = digest_ids(f"i{number}" for number in range(30)), fingerprint_of("a")
    ranking, pages, cursor = np.array(order), [], Cursor(request, 5)
    for size in [*sizes, *[12] * 30]:
        page = [int(row) for row in ranking if cursor.unshown(digests)[row]][:size]
        pages.append(page)
        following = page_of(cursor, digests, page, size)
        if following is None:
            break
        assert following == page_of(cursor, digests, page, size)
        cursor = Cursor.decode(following, request)
        ranking = np.roll(ranking, 7)  # the order changes meanwhile
    shown = [row for page in pages for row in page]
    assert sorted(shown) == list(range(30)), "no item twice, none left out"


@pytest.mark.parametrize("text", ["", "?", "AAAA", "ä", "A" * 7001, "A" * 23])
def test_a_broken_cursor_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match="broken"):
        Cursor.decode(text, fingerprint_of("a"))


def test_a_cursor_is_good_for_its_request_only_and_ends() -> None:
    cursor = Cursor(fingerprint_of("a"), 1).after(digest_ids(map(str, range(MAX_SHOWN))))
    with pytest.raises(InputError, match="another request"):
        Cursor.decode(cursor.encode(), fingerprint_of("b"))
    assert Cursor.decode(cursor.encode(), fingerprint_of("a")).room == 0
    assert page_of(cursor, digest_ids(["x"]), [0], 1) is None


# -- charts and baskets -------------------------------------------------------------------------------------


def test_charts_order_by_likes_and_launch(tmp_path) -> None:
    days = [3, 1, None, 2]
    items = [
        Item(f"i{k}", "x", created_at=None if day is None else START - timedelta(days=day))
        for k, day in enumerate(days)
    ]
    likes = [("i1", 40), ("i1", 39), ("i0", 1), ("i2", 2)]
    events = [
        Event(f"u{k}", item, Action.SAVE, START + timedelta(days=at)) for k, (item, at) in enumerate(likes)
    ]
    recommender = Recommender.open(toy_store(tmp_path / "store", items, events).snapshot())
    now = microseconds(START + timedelta(days=41))

    def ids(chart: Chart, n: int = 4) -> list[str]:
        catalogue = recommender.catalogue
        scores = chart_scores(chart, recommender, now)
        best = best_of(scores, catalogue.available, n, catalogue.articles)
        return [recommender.catalogue.ids[position] for position, _ in best]

    assert ids(Chart.NEW) == ["i1", "i3", "i0"] and ids(Chart.NEW, 1) == ["i1"]
    assert ids(Chart.TRENDING)[0] == "i1" and ids(Chart.POPULAR)[0] == "i1"
    assert "i3" not in ids(Chart.POPULAR), "nobody likes it"


def test_what_two_users_buy_on_one_day_goes_together() -> None:
    """Items 0 and 1 together by two users; 0 and 2 by one; 0 and 3 on different days; 4 by all, alone."""
    rows = [
        *[(0, 0, 0), (0, 1, 0), (0, 2, 0), (1, 0, 5), (1, 1, 5), (1, 3, 6), (0, 3, 9)],
        *[(user, 4, 20 + user) for user in range(4)],
    ]
    user, item, day = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    code = np.full(len(rows), ACTION_CODE[Action.PURCHASE], np.int8)
    names = [f"u{k}" for k in range(4)]
    baskets = Baskets.of(Interactions(names, user, item, code, day * DAY, 5), toy_catalogue(5))
    scores, n_users = baskets.bought_with(0, np.ones(5, bool))
    assert scores.argmax() == 1 and (scores > 0).sum() == 1 and n_users[1] == 2
    assert not baskets.bought_with(0, np.array([True, False, True, True, True]))[0].any()
    assert not Baskets.of(Interactions.empty(5), toy_catalogue(5)).bought_with(0, np.ones(5, bool))[0].any()


# -- sessions -----------------------------------------------------------------------------------------------


def test_a_session_of_a_kind_gets_that_kind(small_recommender: Recommender) -> None:
    catalogue = small_recommender.catalogue
    now = microseconds(START + timedelta(days=2))
    odd = [SessionEvent(f"i{number}") for number in (1, 3, 5)]
    state, unknown = session_state([*odd, SessionEvent("nothing")], catalogue, now)
    assert unknown == ["nothing"] and np.diff(state.at).tolist() == [MINUTE, MINUTE]
    items = small_recommender.recommend(state, 8, options=RecommendOptions(diversity=0.0))
    assert sum(int(item.item_id[1:]) % 2 for item in items) >= 7
    assert not {item.item_id for item in items} & {"i1", "i3", "i5"}


def test_a_session_comes_on_top_of_a_known_user(small_recommender: Recommender) -> None:
    now = microseconds(START + timedelta(days=2))
    known = small_recommender.taste.state("u0")
    hidden = SessionEvent("i2", Action.HIDE, START + timedelta(days=1))
    state, _ = session_state([hidden], small_recommender.catalogue, now, known)
    assert state.items[:-1].tolist() == known.items.tolist() and state.items[-1] == 2


def test_reranking_orders_all_that_was_given(small_recommender: Recommender) -> None:
    state = small_recommender.taste.state("u1")  # likes odd items
    given_items = np.array([0, 1, 2, 3, 4, 5, 6, 7])
    ranked = small_recommender.rerank(state, given_items, RecommendOptions(diversity=0.0, use_reserve=False))
    assert sorted(item.position for item in ranked) == given_items.tolist()
    assert {item.position % 2 for item in ranked[:4]} == {1}


@pytest.fixture(scope="module")
def small_recommender(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    store: Store = toy_store(tmp_path_factory.mktemp("lists") / "store", 60, 40)
    return Recommender.open(store.snapshot())

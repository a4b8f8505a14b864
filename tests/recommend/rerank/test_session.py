"""During a session its likes count more; before and after nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.data.ranks import FUSION_K, ranks_of
from bowerbird.data.times import DAY, SECOND
from bowerbird.recommend.config import SessionConfig
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.rerank.session import (
    rerank_by_session,
    session_likes,
    session_ranks,
)
from bowerbird.taste.state.user_state import TasteState

from ..conftest import KINDS, OF_A_KIND

CONFIG = SessionConfig()
MAX_LIKES = SessionConfig.max_likes
SESSION_SECONDS = SessionConfig.seconds

CLICK, HIDE = ACTION_CODE["click"], ACTION_CODE["hide"]
NOW = 1_000 * DAY


def history_of(items: list[int], ages_s: list[int], action: int = CLICK) -> History:
    at = np.array([NOW - age * SECOND for age in ages_s], np.int64)
    return History(np.array(items, np.int64), np.full(len(items), action, np.int8), at)


@pytest.fixture(scope="module")
def in_sessions(recommender: Recommender) -> Recommender:
    """The recommender, as if validation users had chosen a weight for sessions."""
    ranker = recommender.ranker.with_live_graph(None)
    ranker.config = replace(ranker.config, session_weight=0.25)
    return Recommender(recommender.catalogue, ranker, recommender.outcomes, recommender.taste)


def kinds_recommended(
    recommender: Recommender, history: History, now: int, n: int = 20, **options: bool
) -> list[int]:
    recommend_options = RecommendOptions(**options)  # type: ignore[arg-type]
    (recommendation,) = recommender.lists([TasteState.of(history)], n, recommend_options, now=[now])
    return (recommendation.positions // OF_A_KIND).tolist()


def test_a_session_is_what_was_liked_within_half_an_hour() -> None:
    old, edge, new = SESSION_SECONDS + 1, SESSION_SECONDS, 5
    assert session_likes(history_of([1, 2, 3], [old, edge, new]), NOW, CONFIG).items.tolist() == [
        2,
        3,
    ]
    assert session_likes(history_of([1, 2, 1], [90, 60, 30]), NOW, CONFIG).items.tolist() == [
        2,
        1,
    ]  # each once
    items_liked = list(range(MAX_LIKES + 3))
    assert (
        session_likes(history_of(items_liked, [60] * len(items_liked)), NOW, CONFIG).items.tolist()
        == items_liked[3:]
    )
    assert not len(session_likes(History.empty(), NOW, CONFIG))
    assert not len(session_likes(history_of([1], [-5]), NOW, CONFIG)), "later likes are not part of it"


def test_the_kind_of_the_session_moves_up(in_sessions: Recommender) -> None:
    """A user of shirts who clicks lamps just now sees more lamps; a day later the list is as before."""
    shirts, lamps = [0, 1, 2, 3, 4, 5, 6, 7], [OF_A_KIND, OF_A_KIND + 1]
    history = history_of([*shirts, *lamps], [40 * 86_400] * 8 + [60, 30])
    lamp = KINDS.index(("wooden", "lamp"))
    within = kinds_recommended(in_sessions, history, NOW)
    later = kinds_recommended(in_sessions, history, NOW + DAY)
    without = kinds_recommended(in_sessions, history, NOW, use_session=False)
    assert within.count(lamp) > without.count(lamp)
    assert later == without


def test_without_a_weight_a_session_changes_nothing(
    in_sessions: Recommender, recommender: Recommender
) -> None:
    ranker = recommender.ranker.with_live_graph(None)
    ranker.config = replace(ranker.config, session_weight=0.0)
    never = Recommender(recommender.catalogue, ranker, recommender.outcomes, recommender.taste)
    history = history_of([0, 1, OF_A_KIND], [40 * 86_400] * 2 + [30])
    assert kinds_recommended(never, history, NOW) == kinds_recommended(never, history, NOW + DAY)
    assert kinds_recommended(in_sessions, history, NOW, 60) != kinds_recommended(
        in_sessions, history, NOW + DAY, 60
    )


def test_what_was_hidden_is_no_part_of_a_session(in_sessions: Recommender) -> None:
    liked, hidden = history_of([0, 1, 2], [9 * 86_400] * 3), history_of([40], [10], HIDE)
    joined = History(
        *(
            np.concatenate([getattr(history, name) for history in (liked, hidden)])
            for name in ("items", "actions", "at")
        )
    )
    assert kinds_recommended(in_sessions, joined, NOW) == kinds_recommended(in_sessions, joined, NOW + DAY)


def test_scores_are_as_the_formula_says(recommender: Recommender) -> None:
    """The ranker's ranks and those by the largest cosine to one of the session's likes, fused."""
    state = TasteState.of(history_of([3, 50, 70], [3 * 86_400, 100, 20]))
    (candidates,) = recommender.ranker.candidates([state], [np.ones(120, bool)])
    positions, vectors = candidates.positions, recommender.ranker.items.vectors
    scores = recommender.ranker.score(candidates.features)
    near = [max(float(vectors[k] @ vectors[item]) for item in (50, 70)) for k in positions]
    expected = 1.0 / (FUSION_K + ranks_of(scores)) + 0.25 / (FUSION_K + ranks_of(np.array(near)))
    ranks = session_ranks(positions, candidates.query.liked, NOW, vectors, CONFIG)
    np.testing.assert_allclose(rerank_by_session(scores, ranks, 0.25), expected, rtol=1e-5)
    assert rerank_by_session(scores, ranks, 0.0) is scores
    no_session = session_ranks(positions, candidates.query.liked, NOW + DAY, vectors, CONFIG)
    assert no_session is None and rerank_by_session(scores, no_session, 0.25) is scores


def test_served_lists_adapt_to_the_session(in_sessions: Recommender) -> None:
    state = TasteState.of(history_of([0, 1, 2, 3, 4, 5, 6, 7, OF_A_KIND], [40 * 86_400] * 8 + [30]))
    within, later = (
        [item.position // OF_A_KIND for item in in_sessions.recommend(state, now=now)]
        for now in (NOW, NOW + DAY)
    )
    assert within.count(1) > later.count(1)  # lamps

"""While a visit goes on its likes have their say; before and after nothing changes."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.recommend.ranking import FUSION_K, OurRanker
from bowerbird.recommend.ranks import ranks_of
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.rerank.session import SPEAKING, VISIT_SAY, VISIT_SECONDS, visit_of
from bowerbird.taste.state import DAY, SECOND, TasteState

from .conftest import KINDS, OF_A_KIND

CLICK, HIDE = ACTION_CODE["click"], ACTION_CODE["hide"]
NOW = 1_000 * DAY


def history_of(items: list[int], ages_s: list[int], action: int = CLICK) -> History:
    at = np.array([NOW - age * SECOND for age in ages_s], np.int64)
    return History(np.array(items, np.int64), np.full(len(items), action, np.int8), at)


def test_a_visit_is_what_was_liked_within_half_an_hour() -> None:
    old, edge, new = VISIT_SECONDS + 1, VISIT_SECONDS, 5
    assert visit_of(history_of([1, 2, 3], [old, edge, new]), NOW).items.tolist() == [2, 3]
    assert visit_of(history_of([1, 2, 1], [90, 60, 30]), NOW).items.tolist() == [2, 1]  # each once
    many = list(range(SPEAKING + 3))
    assert visit_of(history_of(many, [60] * len(many)), NOW).items.tolist() == many[3:]
    assert not len(visit_of(History.empty(), NOW))


@pytest.fixture
def ranker(recommender: Recommender) -> OurRanker:
    return recommender.ranker


def test_the_visit_s_kind_moves_up(ranker: OurRanker) -> None:
    """Somebody of shirts who clicks lamps just now sees more lamps; a day later all is as it was."""
    shirts, lamps = [0, 1, 2, 3, 4, 5, 6, 7], [OF_A_KIND, OF_A_KIND + 1]
    history = history_of([*shirts, *lamps], [40 * 86_400] * 8 + [60, 30])
    (without,), _ = ranker.rank_scored([history], 20)
    (visiting,), _ = ranker.rank_scored([history], 20, now=NOW)
    (later,), _ = ranker.rank_scored([history], 20, now=NOW + 86_400 * SECOND)
    lamp = KINDS.index(("wooden", "lamp"))
    assert (visiting // OF_A_KIND == lamp).sum() > (without // OF_A_KIND == lamp).sum()
    assert later.tolist() == without.tolist()


def test_what_was_hidden_speaks_for_no_visit(ranker: OurRanker) -> None:
    liked, hidden = history_of([0, 1, 2], [9 * 86_400] * 3), history_of([40], [10], HIDE)
    both = History(
        *(
            np.concatenate([getattr(one, name) for one in (liked, hidden)])
            for name in ("items", "actions", "at")
        )
    )
    assert ranker.rank_scored([both], 10, now=NOW)[0].tolist() == ranker.rank_scored([both], 10)[0].tolist()


def test_scores_as_the_formula_says(ranker: OurRanker) -> None:
    """The ranker's places and those by the largest cosine to one of the visit's likes, fused."""
    history = history_of([3, 50, 70], [3 * 86_400, 100, 20])
    candidates, signals = next(ranker.met([history], None))
    scores = ranker.scores(candidates, signals)
    near = [max(float(ranker.matrix[k] @ ranker.matrix[item]) for item in (50, 70)) for k in candidates]
    want = 1.0 / (FUSION_K + ranks_of(scores)) + VISIT_SAY / (FUSION_K + ranks_of(np.array(near)))
    found = ranker.at_moment(scores, candidates, signals, NOW)
    np.testing.assert_allclose(found, want, rtol=1e-5)


def test_what_is_served_follows_the_visit(recommender: Recommender) -> None:
    history = history_of([0, 1, 2, 3, 4, 5, 6, 7, OF_A_KIND], [40 * 86_400] * 8 + [30])
    served, later = (
        [one.position // OF_A_KIND for one in recommender.recommend(TasteState.of(history), now=now)]
        for now in (NOW, NOW + DAY)
    )
    assert served.count(1) > later.count(1)  # lamps

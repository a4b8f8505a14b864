"""What every ranker promises, asked of ours; with few people (fusion) and with many (the learnt order)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.embed.vectors import unit
from bowerbird.recommend import OurRanker
from bowerbird.recommend.features import NAMES, by_place, rows_of, signals_of
from bowerbird.recommend.models.popularity import CAUTION, MONTH, STEPS, TREND_SHARE, YEAR, Popularity
from bowerbird.recommend.ranking import FUSION_K
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.models.id_neighbourhood import REACH, WIDTH, beside, neighbours_of, rank_ids, smooth
from bowerbird.recommend.trends import TREND_NAMES, trends_of
from bowerbird.taste.state import DAY

CLICK, HIDE = ACTION_CODE["click"], ACTION_CODE["hide"]


def catalogue_of(n_items: int) -> Catalogue:
    return Catalogue.of(Item(str(k), f"item {k}", price=5.0 + k) for k in range(n_items))


def fitted(events: Interactions) -> OurRanker:
    """With vectors that know the two crowds of even and odd items, not well."""
    crowd = np.eye(2, 8)[np.arange(events.n_items) % 2]
    noise = np.random.default_rng(0).normal(0, 0.3, (events.n_items, 8))
    ranker = OurRanker(unit(crowd + noise), catalogue_of(events.n_items))
    ranker.fit(events)
    return ranker


def clicked(*items: int, action: int = CLICK) -> History:
    return History(
        np.array(items, np.int64), np.full(len(items), action, np.int8), np.arange(len(items)) * 10**6
    )


def test_finds_the_one_item_missing(two_crowds: Interactions) -> None:
    histories = dict(two_crowds.histories())
    ranker = fitted(two_crowds)
    ranked = ranker.rank([histories[k] for k in range(20)], n=3)
    assert ranked[:, 0].tolist() == list(range(20))


def test_the_events_speak_where_the_vectors_know_nothing(crowds_of_many: Interactions) -> None:
    ranked = learnt_from(crowds_of_many).rank([history for _, history in crowds_of_many.histories()], n=5)
    own = ranked % 2 == np.arange(len(ranked))[:, None] % 2
    assert own.mean() > 0.9


def test_vectors_alone_tell_the_crowds_apart() -> None:
    nothing = Interactions([], *(np.zeros(0, kind) for kind in (np.int64, np.int64, np.int8, np.int64)), 20)
    matrix = np.eye(2, dtype=np.float32)[np.arange(20) % 2]
    ranker = OurRanker(matrix, catalogue_of(20))
    ranker.fit(nothing)
    assert set(ranker.rank([clicked(4, 6)], n=8)[0] % 2) == {0}
    assert set(ranker.rank([clicked(3)], n=9)[0] % 2) == {1}


def test_never_an_item_of_the_history(two_crowds: Interactions, recommender: Recommender) -> None:
    for ranker, histories in (
        (fitted(two_crowds), [history for _, history in two_crowds.histories()]),
        (recommender.ranker, [clicked(*range(k, k + 25)) for k in range(0, 80, 9)]),
    ):
        for history, row in zip(histories, ranker.rank(histories, n=200), strict=True):
            assert not set(history.items.tolist()) & set(row.tolist())


def test_all_that_is_left_then_minus_one(two_crowds: Interactions) -> None:
    ranker = fitted(two_crowds)
    positions, scores = ranker.rank_scored([clicked(*range(15)), clicked(*range(20))], n=8)
    assert sorted(positions[0][:5].tolist()) == [15, 16, 17, 18, 19]
    assert positions[0][5:].tolist() == [-1] * 3 and positions[1].tolist() == [-1] * 8
    assert np.isfinite(scores[0][:5]).all() and np.isneginf(scores[0][5:]).all()


def test_each_item_once_and_the_best_first(recommender: Recommender) -> None:
    histories = [clicked(k, k + 40) for k in range(30)]
    positions, scores = recommender.ranker.rank_scored(histories, n=60)
    assert positions.shape == scores.shape == (30, 60) and positions.dtype == np.int64
    assert all(len(set(row.tolist())) == 60 for row in positions)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_learning_twice_gives_the_same_answers(recommender: Recommender) -> None:
    taste = recommender.taste
    histories = [taste.state(user).history for user in taste.people()]
    users = np.repeat(np.arange(len(histories)), [len(one) for one in histories])
    fields = (
        np.concatenate([getattr(one, name) for one in histories]) for name in ("items", "actions", "at")
    )
    events = Interactions(taste.people(), users, *fields, n_items=len(recommender.catalogue))
    rankings = []
    for _ in range(2):
        ranker = OurRanker(recommender.ranker.matrix, recommender.catalogue)
        ranker.fit(events)
        rankings.append(ranker.rank(histories, n=20))
    assert (rankings[0] == rankings[1]).all()


def test_a_stranger_gets_what_is_popular(two_crowds: Interactions) -> None:
    counts = np.bincount(two_crowds.item, minlength=20)
    extra = np.repeat([7, 12], [9, 5])
    more = Interactions(
        two_crowds.users,
        np.concatenate([two_crowds.user, np.arange(14)]),
        np.concatenate([two_crowds.item, extra]),
        np.full(len(two_crowds) + 14, CLICK, np.int8),
        np.full(len(two_crowds) + 14, 10**9, np.int64),
        20,
    )
    assert counts.max() - counts.min() == 0, "nothing was more popular before"
    ranked = fitted(more).rank([History.empty()], n=5)[0]
    assert ranked[:2].tolist() == [7, 12] and (ranked >= 0).all()


def test_somebody_who_only_hides_is_told_what_is_popular(two_crowds: Interactions) -> None:
    ranker = fitted(two_crowds)
    ranked = ranker.rank([clicked(3, action=HIDE)], n=5)[0]
    popular = [item for item in ranker.rank([History.empty()], n=20)[0].tolist() if item != 3]
    assert ranked.tolist() == popular[:5]


def test_no_events_and_no_people() -> None:
    nothing = Interactions([], *(np.zeros(0, kind) for kind in (np.int64, np.int64, np.int8, np.int64)), 6)
    ranker = fitted(nothing)
    assert ranker.rank([], n=4).shape == (0, 4)
    assert (ranker.rank([History.empty()], n=4) >= 0).all()


def learnt_from(events: Interactions) -> OurRanker:
    """A ranker with a learnt order: its vectors know nothing, and the fusion would believe them."""
    ranker = OurRanker(
        unit(np.random.default_rng(0).normal(size=(events.n_items, 8))), catalogue_of(events.n_items)
    )
    ranker.fit(events)
    return ranker


@pytest.mark.parametrize("order", ["lambdarank", "fusion"])
def test_a_batch_is_the_same_as_one_by_one(crowds_of_many: Interactions, order: str) -> None:
    ranker = learnt_from(crowds_of_many)
    assert ranker.trees is not None
    ranker.trees = ranker.trees if order == "lambdarank" else None
    histories = [history for _, history in crowds_of_many.histories()]
    histories += [History.empty(), *(clicked(k) for k in range(10))]
    batch, batch_scores = ranker.rank_scored(histories, n=20)
    alone = [ranker.rank_scored([history], n=20) for history in histories]
    assert (batch == np.concatenate([positions for positions, _ in alone])).all()
    np.testing.assert_allclose(batch_scores, np.concatenate([scores for _, scores in alone]), atol=1e-5)


def test_the_learnt_order_is_used_where_it_was_better_than_the_fusion(
    crowds_of_many: Interactions, recommender: Recommender
) -> None:
    for ranker in (learnt_from(crowds_of_many), recommender.ranker):
        settings = ranker.settings
        assert {"ndcg@20_learnt", "ndcg@20_fusion"} <= set(settings), "these are people enough to learn from"
        better = settings["ndcg@20_learnt"] >= settings["ndcg@20_fusion"]
        assert (settings["order"] == "lambdarank") == better == (ranker.trees is not None)


def test_signals_agree_with_a_slow_reading_of_their_names(recommender: Recommender) -> None:
    world, history = recommender.ranker.world, clicked(3, 40, 3, 77)
    signals = signals_of([history], world)[0]
    similar = world.matrix.astype(float) @ world.matrix.astype(float).T
    latest = [40, 3, 77]  # each liked item once, at its last time
    np.testing.assert_allclose(signals.nearest, similar[:, latest].max(axis=1), atol=1e-5)
    np.testing.assert_allclose(signals.mean, similar[:, latest].mean(axis=1), atol=1e-5)
    rows = rows_of(signals, np.arange(120), world)
    prices = recommender.catalogue.prices
    assert rows.shape == (120, len(NAMES) + len(world.leanings.facets.names))
    np.testing.assert_allclose(
        rows[:, NAMES.index("price_ratio")], np.log(prices / np.median(prices[[3, 40, 3, 77]])), atol=1e-5
    )
    content = [rows[:, NAMES.index(f"content_{how}")] for how in ("max", "mean", "last", "top3")]
    np.testing.assert_allclose(content[0], similar[:, latest].max(axis=1), atol=1e-5)
    np.testing.assert_allclose(content[1], similar[:, latest].mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(content[2], similar[:, 77], atol=1e-5)
    np.testing.assert_allclose(content[3], similar[:, latest].mean(axis=1), atol=1e-5)
    order = np.argsort(-content[1], kind="stable")
    places = rows[order, NAMES.index("content_mean_rank")]
    assert places.tolist() == np.log1p(np.arange(120, dtype=np.float32)).tolist()
    assert (rows[:, NAMES.index("liked_count")] == np.float32(np.log1p(4))).all()


@pytest.mark.parametrize("steps", [-1, 0, 1, 5, 1000])
def test_what_was_popular_then_knows_nothing_of_later(two_crowds: Interactions, steps: int) -> None:
    popularity = Popularity.of(two_crowds, np.arange(two_crowds.n_items))
    moment = steps * int(YEAR * DAY / STEPS)  # answers are kept for moments so far apart
    past = two_crowds.at <= moment
    slow = np.zeros(20)
    end = min(moment, int(two_crowds.at.max()))
    for item, at in zip(two_crowds.item[past], two_crowds.at[past], strict=True):
        slow[item] += 0.5 ** ((end - at) / (YEAR * DAY))
    found = popularity.share(moment, YEAR)
    np.testing.assert_allclose(found, slow / max(slow.sum(), 1e-9), atol=1e-6)
    assert not found[~np.isin(np.arange(20), two_crowds.item[past])].any()


def test_answers_for_moments_are_right_from_several_threads(crowds_of_many: Interactions) -> None:
    places = np.arange(crowds_of_many.n_items)
    alone, shared = (Popularity.of(crowds_of_many, places) for _ in range(2))
    moments = np.random.default_rng(0).integers(0, shared.end, 600).tolist()
    open_ = np.ones(80, bool)

    def asked(moment: int) -> list[int]:
        found: list[int] = shared.leading(open_, 10, moment, MONTH / 100).tolist()
        return found

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(asked, moments))
    assert found == [alone.leading(open_, 10, moment, MONTH / 100).tolist() for moment in moments]


def test_what_beginners_like_counts_the_first_likes_of_each_person_most() -> None:
    # Three people like 0, then 1; one likes 2 after twenty others.
    pairs = [(person, item) for person in range(3) for item in (0, 1)] + [(3, 3 + k) for k in range(20)]
    user, item = np.array([*pairs, (3, 2)], np.int64).T
    codes, at = np.full(len(user), CLICK, np.int8), np.arange(len(user), dtype=np.int64)
    events = Interactions(["a", "b", "c", "d"], user, item, codes, at, 23)
    share = Popularity.of(events, np.arange(events.n_items)).share(10**18, YEAR * 1000, beginners=True)
    assert share[0] > share[1] > share[3] > share[2]
    assert share[0] / share[1] == pytest.approx(1.1, rel=1e-2) and share[3] / share[2] == pytest.approx(
        3, rel=1e-2
    )


def test_the_fusion_is_the_sum_of_reciprocal_ranks(two_crowds: Interactions) -> None:
    ranker = fitted(two_crowds)
    assert ranker.trees is None, "20 people are too few to learn an order from"
    history = clicked(0, 2, 4)
    candidates, signals = next(ranker.met([history], None))
    scores = ranker.scores(candidates, signals)
    popularity, similar = ranker.world.popularity, ranker.matrix @ ranker.matrix[[0, 2, 4]].T
    end, days = popularity.end, popularity.lately
    sources = [(0.15, popularity.share(at, days)) for at in (signals.at, end)]
    sources += [(0.15, popularity.share(end, days, beginners=True)), (1, signals.coengagement)]
    sources += [(0.5, signals.low_rank), (0.5, signals.follows), (1, similar.max(1)), (1, similar.mean(1))]
    liked = signals.liked.items
    leanings = ranker.world.leanings
    sources.append((0.5, leanings.to_all(leanings.of(liked, by_place(len(liked))))))
    for row, item in enumerate(candidates):
        places = [int((source[candidates] > source[item]).sum()) for _, source in sources]
        slow = sum(weight / (FUSION_K + place) for (weight, _), place in zip(sources, places, strict=True))
        assert scores[row] == pytest.approx(slow, rel=1e-5)


LAUNCH = datetime(2020, 1, 1, tzinfo=UTC)


def test_what_was_launched_later_is_not_learnt_to_be_disliked() -> None:
    launched = Catalogue.of([Item("old", title="a", created_at=LAUNCH), Item("b", title="b")]).launched
    assert launched[0] == int(LAUNCH.timestamp() * 1e6)
    assert launched[1] < launched[0], "an unknown launch counts as long ago"


def test_the_shelf_is_the_popularity_beside_an_item_in_the_order_of_ids() -> None:
    """Against a kernel estimate written out: every like, times the bell of its distance in places."""
    rng = np.random.default_rng(0)
    ids = [f"a-{number}" for number in rng.permutation(2000)]
    places = rank_ids(ids)
    assert [ids[row] for row in np.argsort(places)[:3]] == ["a-0", "a-1", "a-2"]
    box = np.ones(2 * WIDTH + 1) / (2 * WIDTH + 1)
    bell = np.convolve(np.convolve(box, box), box)
    steps = np.arange(len(bell)) - len(bell) // 2
    assert np.sqrt(bell @ steps**2) == pytest.approx(WIDTH, rel=0.01), "as wide as it says"
    gaussian = np.exp(-0.5 * (steps / WIDTH) ** 2) / (WIDTH * np.sqrt(2 * np.pi))
    assert np.abs(bell - gaussian).max() < 0.1 * gaussian.max()
    likes = np.zeros(2000)
    likes[rng.integers(0, 2000, 5)] = 1.0
    middle = np.flatnonzero((places > 500) & (places < 1500))
    distance = np.abs(places[middle][:, None] - places[np.flatnonzero(likes)][None, :])
    reach = len(bell) // 2
    expected = np.where(distance <= reach, bell[np.minimum(distance + reach, len(bell) - 1)], 0.0).sum(axis=1)
    near = np.abs(places[np.flatnonzero(likes)] - 1000) < 700  # the ends are mirrored
    assert near.any()
    np.testing.assert_allclose(smooth(likes, places)[middle], expected, atol=1e-5)


def test_what_lies_beside_a_like_is_found_by_looking_at_all_distances() -> None:
    rng = np.random.default_rng(0)
    places = rng.permutation(300)
    for liked in ([7], [0, 299, 5], list(range(0, 300, 11))):
        slow = np.abs(places[:, None] - places[liked]).min(axis=1)
        np.testing.assert_array_equal(beside(np.array(liked), places), slow)
        np.testing.assert_array_equal(beside(np.array(liked), places, np.array([4, 200])), slow[[4, 200]])
        found = neighbours_of(np.array(liked), places, np.argsort(places))
        np.testing.assert_array_equal(found, np.flatnonzero(slow <= REACH))


def test_trends_are_told_as_of_then_and_as_of_now(crowds_of_many: Interactions) -> None:
    popularity = Popularity.of(crowds_of_many, np.arange(80))
    half = popularity.end // 2
    assert popularity.lately == pytest.approx(TREND_SHARE * popularity.end / DAY)
    then, now = (
        dict(zip(TREND_NAMES, trends_of(popularity, History.empty(), at, np.arange(80)), strict=True))
        for at in (half, popularity.end)
    )
    for name in TREND_NAMES:
        same = np.array_equal(then[name], now[name], equal_nan=True)
        assert same == (name.endswith(("today", "today_rank")) or name in ("approval", "beside")), name
    slow = popularity.share(half, popularity.lately)
    order = [int((slow > one).sum()) for one in slow]
    np.testing.assert_allclose(then["lately_rank"], np.log1p(order), rtol=1e-6)


def test_what_people_did_without_liking_lowers_approval() -> None:
    """Three likes and three hides of item 0, six likes of item 1, nothing of item 2."""
    item = np.array([0] * 6 + [1] * 6, np.int64)
    codes = np.array([CLICK] * 3 + [HIDE] * 3 + [CLICK] * 6, np.int8)
    events = Interactions(["a"], np.zeros(12, np.int64), item, codes, np.arange(12), 3)
    approval = Popularity.of(events, np.arange(3)).approval
    usual = 9 / 12
    wanted = [(3 + CAUTION * usual) / (6 + CAUTION), (6 + CAUTION * usual) / (6 + CAUTION), usual]
    np.testing.assert_allclose(approval, wanted, rtol=1e-6)

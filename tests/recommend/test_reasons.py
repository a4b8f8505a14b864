"""Reasons are true: the source named had put the item top_positions, and the like named carried it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from bowerbird.data.events import Action, Event
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.store import Store
from bowerbird.recommend import OurRanker
from bowerbird.recommend.models.coengagement import history_matrix
from bowerbird.recommend.features import by_place, rows_of, signals_of
from bowerbird.recommend.models.popularity import MONTH, YEAR
from bowerbird.recommend.reasons import Source, shares_next, sources_of, throughs_of
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.options import RecommendOptions


def test_the_source_is_the_one_that_has_it_highest(recommender: Recommender) -> None:
    world, found = recommender.ranker.world, Counter[Source]()
    for user in recommender.taste.people()[:8]:
        history = recommender.taste.state(user).history
        candidates, signals = next(recommender.ranker.met([history], None))
        walked = recommender.taste.walk(recommender.taste.state(user), 2_000)
        met = np.zeros(len(world.cold))
        met[walked.items] = walked.scores
        popularity = world.popularity
        year = popularity.share(signals.at, YEAR) + 1e-6 * popularity.now
        liked = signals.liked
        leaning = world.leanings.to_all(world.leanings.of(liked.items, by_place(len(liked))))
        leaning += popularity.shelf(popularity.end, popularity.lately)
        orders = {
            Source.FACETS: leaning - leaning.min() + 1,
            Source.TOGETHER: np.where(world.cold, 0, signals.coengagement),
            Source.SIMILAR: signals.nearest + 2,
            Source.INTEREST: signals.mean + 2,
            Source.NEXT: np.where(world.cold, 0, signals.follows),
            Source.WALK: met,
            Source.CROWD: np.where(world.cold, 0, signals.low_rank),
            Source.FRESH: np.where(world.cold, signals.nearest + 2, 0),
            Source.TRENDING: popularity.share(signals.at, MONTH),
            Source.POPULAR: year,
        }
        everybody = np.arange(len(candidates))
        rows = rows_of(signals, candidates, world)
        sources = sources_of(signals, candidates, rows, met[candidates], everybody, world)
        for item, source in zip(candidates, sources, strict=True):
            found[source] += 1
            ahead = {
                name: int((scores[candidates] > scores[item]).sum())
                for name, scores in orders.items()
                if scores[item] > 0
            }
            assert ahead[source] == min(ahead.values())
    assert len(found) >= 4


def test_shares_of_likes_sum_to_the_score(two_crowds: Interactions) -> None:
    ranker = fitted(two_crowds)
    world = ranker.world
    for _, history in list(two_crowds.histories())[:6]:
        twice = History(*(np.concatenate([x, x[:2]]) for x in (history.items, history.actions, history.at)))
        for liked in (history, twice):
            score = world.coengagement.scores(history_matrix([liked.items], 20, [by_place(len(liked))]))[0]
            follows = world.follows.scores(liked)
            for item in np.setdiff1d(np.arange(20), liked.items):
                shares = world.coengagement.shares_of(int(item), liked.items, by_place(len(liked)))
                assert shares.sum() == pytest.approx(score[item], abs=1e-5)
                assert shares_next(world.follows, liked, int(item)).sum() == pytest.approx(
                    follows[item], abs=1e-6
                )


def fitted(events: Interactions) -> OurRanker:
    from bowerbird.data.items import Catalogue, Item

    catalogue = Catalogue.of(Item(str(k), f"item {k}") for k in range(events.n_items))
    ranker = OurRanker(np.eye(events.n_items, dtype=np.float32), catalogue)
    ranker.fit(events)
    return ranker


def test_the_like_that_carried_an_item_is_of_its_crowd(two_crowds: Interactions) -> None:
    world = fitted(two_crowds).world
    likes = History(np.array([2, 3]), np.full(2, 2, np.int8), np.array([0, 1]))
    signals = signals_of([likes], world)[0]
    sources = [Source.TOGETHER, Source.TOGETHER, Source.CROWD]
    found = throughs_of(sources, np.array([8, 9, 9]), signals, world, [None] * 3)
    assert found == [0, 1, None], "even items are liked with even ones"


def test_what_is_said_names_the_persons_own_likes_and_interests(recommender: Recommender) -> None:
    seen = set()
    for user in recommender.taste.people():
        state = recommender.taste.state(user)
        titles = {recommender.catalogue.item(int(item)).title for item in state.history.items}
        interests = {one.name for one in recommender.taste.interests(state)}
        for one in recommender.recommend_user(user, 20):
            seen.add(one.source)
            quoted = re.search(r"“(.+?)”", one.reason)
            if quoted:
                assert quoted[1] in titles
                assert one.source in ("together", "similar", "next", "fresh", "walk")
            elif one.reason.startswith("your taste for "):
                assert one.reason.removeprefix("your taste for ") in interests
            assert one.title == recommender.catalogue.item(one.position).title
    assert {"similar", "interest", "together"} <= seen


def test_a_walk_brings_what_people_like_since_the_ranker_was_learnt(shop: Store) -> None:
    recommender = Recommender.open(shop.snapshot())
    taste, catalogue = recommender.taste, recommender.catalogue
    mine = int(taste.state("u0").history.items[-1])
    # Vases are nothing to shirt people, until three of them like one beside u0's latest like.
    vase, when = catalogue.position["item-95"], datetime(2026, 3, 1, tzinfo=UTC)
    for k, user in enumerate(("new-1", "new-2", "new-3")):
        for item in (mine, vase):
            taste.learn_one(Event(user, catalogue.ids[item], Action.SAVE, when, event_id=f"{k}-{item}"))
    walked = taste.walk(taste.state("u0"), 2_000)
    assert vase in walked.items[:40]
    start, through = walked.way_to(vase)
    assert start in taste.state("u0").history.items and through in [*walked.items.tolist(), start]
    found = recommender.recommend_user("u0", 100, RecommendOptions(diversity=0.0))
    told = [one.reason for one in found if one.source == "walk"]
    assert told and all(re.fullmatch(r"people who like “.+”, which you liked, like .+", one) for one in told)

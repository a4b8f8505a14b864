"""The walk as a source: over the live graph in serving, over the fold's events alone in training."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from bowerbird.data.events import Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.store import Store
from bowerbird.recommend.config import TrainingConfig
from bowerbird.recommend.context import ItemContext, SourceContext
from bowerbird.recommend.evaluation.holdout import build_graph
from bowerbird.recommend.models.config import SourceConfig
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.query import Query
from bowerbird.recommend.ranker.features import feature_names
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.ranker.training_examples import build_folds
from bowerbird.recommend.reasons import Reason
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.sources.walks import EventGraph, WalkSource
from bowerbird.taste.state.user_state import TasteState

from ..conftest import START, clicks_of, history_of
from .conftest import ITEMS, shop_catalogue, states_of


def walk_source(ranker: HybridRanker) -> WalkSource:
    (source,) = (source for source in ranker.sources if isinstance(source, WalkSource))
    return source


def events_of_store(store: Store) -> Interactions:
    return Interactions.of(store.log.read(), shop_catalogue())


def walk_features(ranker: HybridRanker, states: list[TasteState]) -> np.ndarray:
    source, positions = walk_source(ranker), np.arange(ITEMS)
    queries = [Query(state, np.ones(ITEMS, bool), ranker.context) for state in states]
    return np.stack([np.stack(source.features(query, positions)) for query in queries])


def test_in_training_it_goes_over_the_events_of_the_fold_only(recommender: Recommender, store: Store) -> None:
    """Features equal those of a live graph that holds these events and nothing later."""
    for fold in build_folds(events_of_store(store), TrainingConfig()):
        states = [example.state for example in fold.examples if len(example.state.items)][:8]
        trained = walk_features(recommender.ranker.fitted_before(fold.events), states)
        past = recommender.with_graph(build_graph(recommender.taste, fold.events))
        np.testing.assert_array_equal(trained, walk_features(past.ranker, states))
        today = walk_features(recommender.ranker, states)
        assert trained.any() and not np.array_equal(trained, today)


def test_a_graph_of_events_is_the_live_graph_at_their_end(recommender: Recommender, store: Store) -> None:
    graph = EventGraph(events_of_store(store))
    for state in states_of(recommender).values():
        if len(state.history.liked()):
            trained, live = graph.walk(state, 2_000), recommender.taste.walk(state, 2_000)
            assert trained.items.tolist() == live.items.tolist() and len(live.items)
            assert trained.scores.tolist() == live.scores.tolist()


def test_nothing_that_is_to_be_predicted_is_in_the_graph_of_a_fold(store: Store) -> None:
    """A fold has no event of its new users, and of users at a moment nothing after it."""
    events = events_of_store(store)
    moments = [int(np.quantile(events.liked().at, share)) for share in TrainingConfig.moments]
    for fold in build_folds(events, TrainingConfig()):
        active = {fold.events.users[user] for user in np.unique(fold.events.user)}
        for example in fold.examples:
            if example.asked_at in moments:
                assert fold.events.at.max() <= example.asked_at
            else:
                assert example.state.user_id not in active


def test_in_service_it_knows_likes_since_the_ranker_was_trained(store: Store) -> None:
    recommender = Recommender.open(Store.open(store.path).snapshot())
    liked_item = int(recommender.taste.state("u0").history.liked().items[-1])
    ids, cold_item = recommender.catalogue.ids, 35  # an item that nobody has chosen
    before = features_of(recommender, "u0", cold_item)
    for number in range(3):
        for step, item in enumerate((liked_item, cold_item)):
            at = START + timedelta(days=90, minutes=step)
            recommender.taste.learn_one(Event(f"new {number}", ids[item], Action.SAVE, at))
    after = features_of(recommender, "u0", cold_item)
    assert before["walk"] == 0 < after["walk"] and before["walk_rank"] > after["walk_rank"]
    with_walks, without = (
        recommender.recommend_user("u0", ITEMS, RecommendOptions(diversity=0.0, use_walks=use_walks))
        for use_walks in (True, False)
    )
    assert [item.position for item in with_walks] != [item.position for item in without]
    (candidates,) = recommender.ranker.candidates([recommender.taste.state("u0")], [np.ones(ITEMS, bool)])
    assert "live-walk" in candidates.sources_of(np.array([cold_item]))[0]
    assert "live-walk" in {item.source for item in with_walks}
    assert "live-walk" not in {item.source for item in without}


def features_of(recommender: Recommender, user: str, item: int) -> dict[str, float]:
    state = recommender.taste.state(user)
    (candidates,) = recommender.ranker.candidates([state], [np.ones(ITEMS, bool)], extra=[np.array([item])])
    row = candidates.features[np.searchsorted(candidates.positions, item)]
    return dict(zip(feature_names(recommender.ranker.sources), row.tolist(), strict=True))


def test_without_a_graph_it_proposes_nothing(recommender: Recommender) -> None:
    source = walk_source(recommender.ranker.with_live_graph(None))
    for state in states_of(recommender).values():
        query = Query(state, np.ones(ITEMS, bool), source.context)
        assert not any(len(order) for order in source.propose(query, 10))
        assert not source.features(query, np.arange(5))[0].any()
        assert source.explain(query, 3) is None


def chain_source(n_users: int) -> WalkSource:
    """User k likes items k and k + 1 and nothing else: who likes 0 gets to item k by k steps."""
    chain = clicks_of([(user, item) for user in range(n_users) for item in (user, user + 1)], n_items=ITEMS)
    items = ItemContext(shop_catalogue(), np.eye(ITEMS, dtype=np.float32))
    return WalkSource.fit(chain, SourceContext.fit(chain, items, SourceConfig()))


def test_an_explanation_names_only_paths_that_exist() -> None:
    source = chain_source(5)
    state = TasteState.of(history_of(0, action=Action.SAVE), "u")
    query = Query(state, np.ones(ITEMS, bool), source.context)
    proposed = np.concatenate(source.propose(query, 10)).tolist()
    assert {1, 2, 3} <= set(proposed)
    like, through = Reason("saved", {"title": "lamp no. 0"}), Reason("title", {"title": "lamp no. 1"})
    assert source.explain(query, 1) == Reason("liked_with", {"like": like})
    assert source.explain(query, 2) == Reason("liked_through", {"like": like, "through": through})
    assert source.explain(query, 3) is None, "nobody likes both 0 and 2"
    assert source.explain(query, 100) is None

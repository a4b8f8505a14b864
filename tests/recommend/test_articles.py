"""Variants of an article: every list holds an article once, and one that was seen not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bowerbird.data.events import Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import normalize_rows
from bowerbird.embed.search.searcher import Searcher
from bowerbird.evaluate.evaluator import rank_eligible
from bowerbird.evaluate.protocols import Split, build_task
from bowerbird.recommend.evaluation.holdout import ServedRanker
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommender import Recommender
from factories import START, toy_store

SIZES = ("S", "M", "L", "XL")
N_ARTICLES, USERS = 30, 24
PLAIN = RecommendOptions(diversity=0.0, use_reserve=False, use_session=False, use_outcomes=False)


def items() -> list[Item]:
    """Thirty articles in four sizes, each with one that is sold out; and ten items without variants."""
    variants = [
        Item(
            f"a{article}-{size}",
            f"article {article}",
            price=10.0,
            list_price=12.0 if article % 2 else None,
            attributes={"size": size},
            group_id=f"g{article}",
            availability="out_of_stock" if article % 4 == number else "in_stock",
        )
        for article in range(N_ARTICLES)
        for number, size in enumerate(SIZES)
    ]
    return variants + [Item(f"single{n}", f"single {n}", price=5.0) for n in range(10)]


def events() -> list[Event]:
    rng, ids = np.random.default_rng(0), [item.item_id for item in items()]
    return [
        Event(f"u{user}", ids[item], Action.CLICK, START + timedelta(hours=step, minutes=user))
        for user in range(USERS)
        for step, item in enumerate(rng.permutation(len(ids))[:12].tolist())
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    vectors = normalize_rows(np.random.default_rng(1).normal(size=(len(items()), 12)))
    path = tmp_path_factory.mktemp("articles") / "store"
    return toy_store(path, items(), events(), vectors, generic=vectors)


@pytest.fixture(scope="module")
def recommender(store: Store) -> Recommender:
    return Recommender.open(store.snapshot())


def seen_articles(recommender: Recommender, user: str) -> set[int]:
    history = recommender.taste.state(user).history
    return set(recommender.catalogue.articles.numbers[history.items].tolist())


@pytest.mark.parametrize("n", [5, 20, 10_000])
def test_a_list_holds_every_unseen_article_once(recommender: Recommender, n: int) -> None:
    catalogue = recommender.catalogue
    for user in ("u0", "u1", "somebody"):
        seen = seen_articles(recommender, user)
        for_sale = set(catalogue.articles.numbers[catalogue.available].tolist())
        listed = [catalogue.articles.numbers[item.position] for item in recommender.recommend_user(user, n)]
        assert len(listed) == len(set(listed)) == min(n, len(for_sale - seen))
        assert not seen & set(listed)


def test_an_article_is_listed_by_its_best_variant_where_the_list_of_items_has_it(
    recommender: Recommender,
) -> None:
    """Slow and right: the list of all items without groups, of which the first of each article stays."""
    catalogue = recommender.catalogue
    table = catalogue.table.set_column(
        catalogue.table.schema.get_field_index("group_id"), "group_id", catalogue.table["brand"]
    )
    ungrouped = Catalogue(table)
    assert not ungrouped.articles.has_variants
    ranker = recommender.ranker.with_catalogue(ungrouped)
    of_items = Recommender(ungrouped, ranker, recommender.outcomes, recommender.taste)
    for user in ("u0", "u3"):
        state = recommender.taste.state(user)
        eligible = ~catalogue.articles.shares_article(state.history.items)
        everything = next(of_items.lists([state], 10_000, PLAIN, eligible=eligible)).positions
        expected = everything[catalogue.articles.first_rows(everything)]
        assert len(expected) < len(everything)
        listed = next(recommender.lists([state], 10_000, PLAIN)).positions
        assert listed.tolist() == expected.tolist()


def test_a_recommendation_says_what_else_it_comes_in_and_its_sale(recommender: Recommender) -> None:
    for item in recommender.recommend_user("u0", 20):
        row = item.as_dict()
        size, article = item.item_id.partition("-")[2], item.item_id.partition("-")[0].removeprefix("a")
        if size:
            sold_out = SIZES[int(article) % 4] if int(article) % 4 < 4 else ""
            assert row["also_in"] == {"size": tuple(s for s in SIZES if s not in (size, sold_out))}
            assert row["on_sale"] == bool(int(article) % 2)
        else:
            assert (row["also_in"], row["on_sale"], row["list_price"]) == ({}, False, None)


def test_similar_items_are_of_other_articles(store: Store) -> None:
    searcher = Searcher.open(store.snapshot())
    articles = searcher.catalogue.articles.numbers
    for item_id in ("a0-M", "single3"):
        hits = searcher.search(item=item_id, n=35)
        listed = [int(articles[hit.position]) for hit in hits]
        assert len(listed) == len(set(listed)) == 35
        assert articles[searcher.catalogue.position[item_id]] not in listed


def test_an_evaluation_counts_articles(store: Store, recommender: Recommender) -> None:
    """Whichever variant is listed or liked; of a served list and a baseline's alike."""
    catalogue, until = recommender.catalogue, int((START + timedelta(hours=7)).timestamp() * 1e6)
    interactions = Interactions.of(store.log.read(), catalogue)
    task = build_task(interactions, Holdout(until, 0.0), Split.GLOBAL_TIME, eligible=catalogue.available)
    by_article = task.by_article(catalogue.articles)
    first = catalogue.articles.first_positions
    for history, targets in zip(by_article.histories, by_article.targets, strict=True):
        assert (first[targets] == targets).all() and not set(first[history.items]) & set(targets)

    class ByPosition:
        """Ranks all items that were not seen by their positions."""

        name = "by position"

        def fit(self, events: Interactions) -> None:
            pass

        def rank(self, histories, n):  # type: ignore[no-untyped-def]
            unseen = [np.setdiff1d(np.arange(len(catalogue)), history.items) for history in histories]
            return np.stack([np.pad(row, (0, len(catalogue)), constant_values=-1)[:n] for row in unseen])

    for ranker in (ByPosition(), ServedRanker(recommender)):
        for row, history in zip(rank_eligible(ranker, by_article, 20), by_article.histories, strict=True):
            listed = row[row >= 0]
            assert len(listed) == len(set(listed)) == 20
            assert (first[listed] == listed).all() and not set(first[history.items]) & set(listed)


def test_single_items_in_groups_of_their_own_are_ranked_as_without(store: Store) -> None:
    groups = [replace(item, group_id=f"own {n}") for n, item in enumerate(items())]
    assert not Catalogue.of(groups).articles.has_variants

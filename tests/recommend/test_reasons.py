"""Every reason is true by catalogue and log alone, and comes from a source that proposed the item."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from string import Formatter

import numpy as np
import pytest

from bowerbird.data.events import Action, Event
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.ranker.hybrid import CandidateSet
from bowerbird.recommend.reasons import Reason, ReasonLanguage, sentences
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.rerank.boosts import Rule
from bowerbird.recommend.rerank.shop_rules import ShopRules
from bowerbird.taste.state.user_state import TasteState

from .conftest import START, plain_catalogue, publish_store, shop_items, shop_vectors
from .reason_checker import ReasonChecker, check_reasons, kind_of

KINDS_OF_REASON = {
    "similar to “…”, which you …",
    "people who like “…”, which you …, like it too",
    "chosen by others with or soon after “…”, which you …",
    "your taste for …",
    "liked by … people",
}


def checker_of(store: Store, recommender: Recommender) -> ReasonChecker:
    return ReasonChecker(recommender.catalogue, Interactions.of(store.log.read(), recommender.catalogue))


def test_every_reason_is_true(read_only_shop: Store, recommender: Recommender) -> None:
    reasons = [
        (user, item.position, item.reason)
        for user in [*recommender.taste.users(), "nobody"]
        for item in recommender.recommend_user(user, 20)
    ]
    assert len(reasons) > 1_000
    assert not check_reasons(checker_of(read_only_shop, recommender), reasons)
    assert {kind_of(reason) for _, _, reason in reasons} >= KINDS_OF_REASON


def test_every_explanation_of_every_source_is_true(read_only_shop: Store, recommender: Recommender) -> None:
    """Also for items that it did not propose: another source's reason is used where a proposer has none."""
    checker, reason_counts = checker_of(read_only_shop, recommender), Counter[str]()
    states = [recommender.taste.state(user) for user in ("u0", "u7", "nobody")]
    everything = [np.ones(len(recommender.catalogue), bool)] * len(states)
    for candidates in recommender.ranker.candidates(states, everything):
        user = candidates.query.state.user_id
        for source in recommender.ranker.sources:
            for position in np.flatnonzero(candidates.query.eligible).tolist():
                reason = source.explain(candidates.query, position)
                if reason is not None:
                    reason_counts[source.name] += 1
                    assert checker.fault(user, position, reason.phrase()) is None
    assert len(reason_counts) >= 6


def proposers(candidates: CandidateSet, position: int) -> list[str]:
    """Sources that proposed an item, the one that ranks it highest first; of equal ones the first."""
    ranks = {
        name: min(order.tolist().index(position) for order in orders if position in order)
        for name, orders in candidates.proposals.items()
        if any(position in order for order in orders)
    }
    return sorted(ranks, key=lambda name: ranks[name])


def test_the_source_is_the_highest_ranking_one_with_a_reason(
    recommender: Recommender,
) -> None:
    by_name, sources = {source.name: source for source in recommender.ranker.sources}, Counter[str]()
    states = [recommender.taste.state(user) for user in [*recommender.taste.users()[:8], "nobody"]]
    for ranked in recommender.lists(states, 20):
        candidates = ranked.candidates
        names = candidates.sources_of(ranked.positions)
        explained = recommender.ranker.explain(candidates, ranked.positions)
        for position, proposing, (source, reason) in zip(
            ranked.positions.tolist(), names, explained, strict=True
        ):
            sources[source] += 1
            assert proposing == proposers(candidates, position)
            reasons = {name: by_name[name].explain(candidates.query, position) for name in proposing}
            explaining = [name for name in proposing if reasons[name] is not None]
            assert source == (explaining or proposing)[0]
            assert reason == reasons[source] or not explaining
    assert len(sources) >= 4


def test_served_reasons_are_those_explained(recommender: Recommender) -> None:
    state = recommender.taste.state("u3")
    (ranked,) = recommender.lists([state], 20)
    explained = recommender.ranker.explain(ranked.candidates, ranked.positions)
    assert [(item.source, item.explanation) for item in recommender.recommend(state, 20)] == explained


@pytest.mark.parametrize(
    ("action", "verb"),
    [
        (Action.PURCHASE, "bought"),
        (Action.SAVE, "saved"),
        (Action.ADD_TO_CART, "put in the basket"),
        (Action.CLICK, "liked"),
    ],
)
def test_a_reason_names_the_action(recommender: Recommender, action: Action, verb: str) -> None:
    code = list(Action).index(action)
    state = TasteState.of(History(np.array([65]), np.array([code], np.int8), np.array([0])))
    similar = [item for item in recommender.recommend(state, 10) if item.source == "similar"]
    assert similar
    assert {item.reason for item in similar} == {f"similar to “velvet sofa no. 65”, which you {verb}"}


def test_a_store_without_events_gives_no_reasons_from_other_users(tmp_path: Path) -> None:
    store = publish_store(tmp_path / "shop", Catalogue.of(shop_items()), shop_vectors(), [])
    recommender = Recommender.open(store.snapshot())
    checker = checker_of(store, recommender)
    for user in ("nobody", "nobody else"):
        recommendations = recommender.recommend_user(user, 30)
        assert len(recommendations) == 30 and {item.reason for item in recommendations} == {
            "from the catalogue"
        }
        assert not check_reasons(checker, [(user, item.position, item.reason) for item in recommendations])
    click = Event("first", "item-3", Action.CLICK, START)
    store.log.append([click])
    recommender.taste.refresh()
    recommendations = recommender.recommend_user("first", 30)
    reasons = [("first", item.position, item.reason) for item in recommendations]
    assert "similar to “striped shirt no. 3”, which you liked" in {reason for _, _, reason in reasons}
    assert not check_reasons(checker_of(store, recommender), reasons)


def test_an_item_without_a_vector_is_similar_to_nothing(tmp_path: Path) -> None:
    vectors = shop_vectors()
    vectors[[3, 40]] = 0.0
    events = [Event("a", "item-3", Action.CLICK, START), Event("b", "item-4", Action.CLICK, START)]
    store = publish_store(tmp_path / "shop", Catalogue.of(shop_items()), vectors, events)
    recommender = Recommender.open(store.snapshot())
    assert not [item for item in recommender.recommend_user("a", 120) if item.reason.startswith("similar")]
    of_b = {item.position: item.reason for item in recommender.recommend_user("b", 120)}
    assert of_b[5].startswith("similar") and not of_b[40].startswith("similar")


def test_tastes_are_named_by_the_newest_facts(shop: Store) -> None:
    """A newer catalogue may contradict what the ranker was trained on."""
    before, version = Recommender.open(shop.snapshot()), shop.current("ranker")
    named_items = [item for item in before.recommend_user("u0", 60) if "striped" in item.reason]
    items = list(before.catalogue.items())
    changed = [
        replace(item, attributes={**item.attributes, "style": "dotted" if k % 2 else "striped"})
        for k, item in enumerate(items)
    ]
    shop.publish_catalogue(Catalogue.of(changed))
    after = Recommender.open(shop.snapshot())
    current = shop.current("ranker")
    assert named_items and version is not None and current is not None and current.name == version.name
    recommendations = after.recommend_user("u0", 60)
    assert [item for item in recommendations if item.reason.startswith("your taste for")]
    reasons = [("u0", item.position, item.reason) for item in recommendations]
    assert not check_reasons(checker_of(shop, after), reasons)


def test_a_promoted_item_keeps_its_reason(read_only_shop: Store, recommender: Recommender) -> None:
    plain = recommender.recommend_user("u0", 20)
    rules = ShopRules(boost=(Rule(100.0, item_ids=frozenset({plain[10].item_id})),))
    (promoted,) = (
        item for item in recommender.recommend_user("u0", 20, RecommendOptions(rules=rules)) if item.promoted
    )
    assert promoted.reason == f"promoted by the shop; {plain[10].reason}"
    assert checker_of(read_only_shop, recommender).fault("u0", promoted.position, promoted.reason) is None


def names_in(sentence: str | list[str]) -> list[set[str]]:
    """The names of the values of a sentence's forms; of one, the count may be left out."""
    forms = [sentence] if isinstance(sentence, str) else sentence
    return [{name for _, name, _, _ in Formatter().parse(form) if name} - {"count"} for form in forms]


@pytest.mark.parametrize("language", ["de", "es", "fr", "it"])
def test_a_language_has_the_reasons_of_english(language: ReasonLanguage) -> None:
    english, own = sentences("en"), sentences(language)
    assert {name: names_in(own[name]) for name in own} == {name: names_in(english[name]) for name in english}
    counted = [sentence[1] for sentence in own.values() if not isinstance(sentence, str)]
    assert counted and all("{count}" in sentence for sentence in counted)


def test_a_reason_within_a_reason_is_in_the_same_language() -> None:
    like = Reason("saved", {"title": "Lamp"})
    reason = Reason("promoted", {"reason": Reason("liked_with", {"like": like})})
    assert reason.phrase() == "promoted by the shop; people who like “Lamp”, which you saved, like it too"
    german = "vom Shop hervorgehoben; wer „Lamp“ (von dir gemerkt) mag, mag auch das"
    assert reason.phrase("de") == german


# -- the checker itself -----------------------------------------------------------------------------------


def small_checker() -> ReasonChecker:
    """Ada and Bob saved the lamp; Bob clicked the sofa a day later; Cy clicked sofa and vase."""
    catalogue = Catalogue.of(
        [
            Item(
                "lamp", "Lamp", brand="Acme", attributes={"colour": "red, White", "style": "salt and pepper"}
            ),
            Item("sofa", "Sofa", category=("Home", "Sofas"), attributes={"colour": "white"}),
            Item("vase", "Vase", attributes={"colour": "white", "style": "salt and pepper"}),
            Item("rug", "Rug"),
        ]
    )
    rows = [
        ("ada", 0, Action.SAVE, 0),
        ("bob", 0, Action.SAVE, 1),
        ("bob", 1, Action.CLICK, 2),
        ("cy", 1, Action.CLICK, 3),
        ("cy", 2, Action.CLICK, 3),
        ("ada", 2, Action.VIEW, 4),
        ("dan", 0, Action.CLICK, 5),
        ("dan", 2, Action.CLICK, 5),
    ]
    users = ["ada", "bob", "cy", "dan"]
    codes = np.array([list(Action).index(action) for _, _, action, _ in rows], np.int8)
    at = np.array([day * 86_400 * 10**6 for _, _, _, day in rows], np.int64)
    user = np.array([users.index(name) for name, _, _, _ in rows], np.int64)
    item = np.array([position for _, position, _, _ in rows], np.int64)
    return ReasonChecker(catalogue, Interactions(users, user, item, codes, at, 4))


@pytest.mark.parametrize(
    ("user", "position", "reason"),
    [
        ("ada", 1, "people who like “Lamp”, which you saved, like it too"),
        ("ada", 1, "chosen by others with or soon after “Lamp”, which you saved"),
        ("ada", 2, "people who like “Lamp”, which you liked, like “Sofa” too, and this with it"),
        ("ada", 3, "similar to “Lamp”, which you saved"),
        ("dan", 1, "your taste for white"),
        ("dan", 2, "your taste for Salt and Pepper and white"),
        ("nobody", 1, "liked by 2 people"),
        ("nobody", 0, "promoted by the shop; trending: liked by 2 people from Jan 1, 1970 to Jan 2, 1970"),
        ("nobody", 3, "from the catalogue"),
    ],
)
def test_the_checker_accepts_what_is_true(user: str, position: int, reason: str) -> None:
    assert small_checker().fault(user, position, reason) is None


@pytest.mark.parametrize(
    ("user", "position", "reason", "fault"),
    [
        ("bob", 2, "people who like “Rug”, which you liked, like it too", "liked no “Rug”"),
        ("ada", 1, "people who like “Lamp”, which you bought, like it too", "bought no “Lamp”"),
        ("ada", 3, "people who like “Lamp”, which you saved, like it too", "nobody else"),
        ("dan", 1, "people who like “Vase”, which you liked, like “Rug” too, and this with it", "connect"),
        ("cy", 0, "chosen by others with or soon after “Sofa”, which you liked", "nobody else"),
        ("ada", 3, "similar to “Vase”, which you liked", "liked no “Vase”"),
        ("ada", 1, "your taste for white", "they like 1 items"),
        ("dan", 1, "your taste for red and white", "not 'red'"),
        ("nobody", 1, "liked by 3 people", "2 users"),
        ("nobody", 0, "trending: liked by 3 people from Jan 1, 1970 to Jan 2, 1970", "2 users"),
        ("ada", 1, "you will love it", "no pattern"),
    ],
)
def test_the_checker_finds_what_is_false(user: str, position: int, reason: str, fault: str) -> None:
    assert fault in (small_checker().fault(user, position, reason) or "")


def test_the_checker_rejects_reasons_from_users_where_there_are_none() -> None:
    checker = ReasonChecker(plain_catalogue(3), Interactions.empty(3))
    assert checker.fault("ada", 1, "liked by 0 people") == "nobody has done anything yet"
    assert checker.fault("ada", 1, "from the catalogue") is None


def test_kinds_of_reasons_are_distinguished() -> None:
    assert kind_of("people who like “A, b”, which you put in the basket, like it too") == (
        "people who like “…”, which you …, like it too"
    )
    assert kind_of("liked by 1,234 people") == kind_of("liked by 2 people") == "liked by … people"
    assert kind_of("your taste for red and white") == "your taste for …"

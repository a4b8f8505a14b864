"""Boosts move items up by at most their cap, and mark them as promoted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.items import Item
from bowerbird.errors import InputError
from bowerbird.recommend.filtering.filters import ItemFilter
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.rerank.boosts import Boosts, Rule
from bowerbird.recommend.rerank.shop_rules import Pin, RuleFile, ShopRules


@settings(max_examples=60)
@given(
    candidates=st.lists(st.tuples(st.floats(0, 1), st.sampled_from([1.0, 1.0, 1.3, 9.0])), max_size=30),
    places=st.integers(0, 8),
)
def test_nothing_moves_up_more_than_the_cap(candidates: list[tuple[float, float]], places: int) -> None:
    candidates.sort(reverse=True)
    relevance, factors = np.array(candidates, float).reshape(-1, 2).T
    order = Boosts(places=places).order(relevance, factors)
    assert sorted(order.tolist()) == list(range(len(candidates)))
    moved_up = order - np.arange(len(order))
    assert (moved_up <= places).all()
    assert (moved_up[factors[order] == 1] <= 0).all(), "only what is boosted moves up"
    plain = [row for row in order if factors[row] == 1]
    assert plain == sorted(plain), "the others keep their order"


def test_a_boosted_item_says_that_it_is_promoted(recommender: Recommender) -> None:
    before = [item.item_id for item in recommender.recommend_user("u0", 20)]
    rules = ShopRules(4, (Rule(100.0, item_ids=frozenset(before[10:11])),))
    after = recommender.recommend_user("u0", 20, RecommendOptions(rules=rules))
    assert [item.item_id for item in after].index(before[10]) == 6
    promoted = [item for item in after if item.promoted]
    assert [item.item_id for item in promoted] == [before[10]]
    assert promoted[0].reason.startswith("promoted by the shop; ")


def test_rules_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "boosts.toml"
    path.write_text('places = 3\n[[boost]]\nfactor = 2\nbrand = "Acme"\nattributes = { colour = "red" }\n')
    rules = ShopRules.load(path)
    red = Item("a", "a", brand="ACME", attributes={"colour": "Red"})
    assert rules.places == 3 and rules.boosts.factor(red) == 2.0
    assert rules.boosts.factor(Item("b", "b", brand="Acme")) == 1.0
    for invalid in ("places = -1", "[[boost]]\nfactor = 2", '[[boost]]\nfactor = 0.5\nbrand = "x"', "["):
        path.write_text(invalid)
        with pytest.raises(InputError, match=r"boosts\.toml is not a valid boosts file"):
            ShopRules.load(path)
    with pytest.raises(InputError, match="does not exist"):
        ShopRules.load(tmp_path / "none.toml")


def ids(recommender: Recommender, rules: ShopRules, user: str = "u0") -> list[str]:
    return [item.item_id for item in recommender.recommend_user(user, 20, RecommendOptions(rules=rules))]


def test_pins_stand_at_their_places_and_the_others_keep_their_order(recommender: Recommender) -> None:
    before = ids(recommender, ShopRules())
    outside = next(each for each in recommender.catalogue.ids if each not in before and each != "item-29")
    sold_out = "item-29"
    pins = (Pin(outside, 3), Pin(before[7], 1), Pin(sold_out, 2), Pin("unknown", 4))
    after = ids(recommender, ShopRules(pin=pins))
    assert after[0] == before[7]
    if outside in after:  # unless the user has seen it
        assert after[2] == outside
    assert sold_out not in after and len(after) == 20
    rest = [each for each in after if each not in (outside, before[7])]
    assert rest == [each for each in before if each != before[7]][: len(rest)]
    listed = recommender.recommend_user("u0", 20, RecommendOptions(rules=ShopRules(pin=pins)))
    assert [item.promoted for item in listed][:1] == [True]
    scores = [item.score for item in listed]
    assert all(np.isfinite(scores))


def test_what_is_hidden_is_in_no_list(recommender: Recommender) -> None:
    rules = ShopRules(hide=(ItemFilter(attributes={"type": ("Shirt",)}),))
    assert any("shirt" in recommender.catalogue.item(k).title for k in range(5))
    listed = recommender.recommend_user("u0", 20, RecommendOptions(rules=rules))
    assert listed and not any("shirt" in item.title for item in listed)


def test_published_rules_are_read_back_and_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    rules = ShopRules(
        3,
        (
            Rule(2.0, brand='A "quoted" brand', attributes={"colour": "red"}),
            Rule(1.5, item_ids=frozenset("ab")),
        ),
        (Pin("x", 2),),
        (ItemFilter(category=("Lamp",), none_of=(ItemFilter(in_stock=True),)),),
    )
    file, other_process = RuleFile(tmp_path), RuleFile(tmp_path)
    file.publish(rules)
    assert file.read() == other_process.read() == rules
    file.path.write_text("[[boost]]\nfactor = 0\n")
    assert file.read() == rules
    file.path.unlink()
    assert file.read() == ShopRules()
    for invalid in ((Pin("x", 1), Pin("x", 2)),):
        with pytest.raises(InputError, match="pinned twice"):
            ShopRules(pin=invalid)
    with pytest.raises(InputError, match="no condition"):
        ShopRules(hide=(ItemFilter(),))

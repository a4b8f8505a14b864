"""Boosts move items up by at most their cap, and mark them as promoted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.items import Item
from bowerbird.errors import InputError
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.rerank.boosts import Boosts, Rule


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
    boosts = Boosts([Rule(100.0, item_ids=frozenset(before[10:11]))], places=4)
    after = recommender.recommend_user("u0", 20, RecommendOptions(boosts=boosts))
    assert [item.item_id for item in after].index(before[10]) == 6
    promoted = [item for item in after if item.promoted]
    assert [item.item_id for item in promoted] == [before[10]]
    assert promoted[0].reason.startswith("promoted by the shop; ")


def test_rules_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "boosts.toml"
    path.write_text('places = 3\n[[boost]]\nfactor = 2\nbrand = "Acme"\nattributes = { colour = "red" }\n')
    boosts = Boosts.load(path)
    red = Item("a", "a", brand="ACME", attributes={"colour": "Red"})
    assert boosts.places == 3 and boosts.factor(red) == 2.0
    assert boosts.factor(Item("b", "b", brand="Acme")) == 1.0
    for invalid in ("places = -1", "[[boost]]\nfactor = 2", '[[boost]]\nfactor = 0.5\nbrand = "x"', "["):
        path.write_text(invalid)
        with pytest.raises(InputError, match=r"boosts\.toml is not a valid boosts file"):
            Boosts.load(path)
    with pytest.raises(InputError, match="does not exist"):
        Boosts.load(tmp_path / "none.toml")

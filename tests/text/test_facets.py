"""Facets: one reading of what items state, whatever their catalogue calls it."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.graft.examples.facts import read_facts
from bowerbird.taste.interests.naming import name_groups
from bowerbird.text.facets import facet_values, lower_case_values, split_values
from bowerbird.text.vocabulary import Vocabulary


@pytest.mark.parametrize("name", ["colour", "Color", "colour_group_name", "Farbe", "couleur"])
def test_an_attribute_has_one_name_for_every_reader(name: str) -> None:
    item = Item("a", "Bowl", category=("Kitchen", "Bowl"), attributes={name: "Red"})
    assert set(facet_values(item)) == {("type", "Bowl"), ("category", "Kitchen"), ("colour", "Red")}
    assert read_facts(item) == {"type": "Bowl", "colour": "Red"}
    other = Item("b", "Bowl", category=("Kitchen", "Bowl"), attributes={name: "Blue"})
    catalogue = Catalogue.of([item, other])
    assert Vocabulary.of(catalogue).values_of(0, "colour") == ["Red"]
    assert name_groups(np.zeros(1, np.int64), 1, Catalogue.of([item])) == [["bowl"]]


def test_a_stated_type_comes_before_the_category() -> None:
    item = Item("a", "Bowl", category=("Kitchen",), attributes={"product_type": "Bowl"})
    assert ("type", "Bowl") in set(facet_values(item))
    assert ("type", "Kitchen") not in set(facet_values(item))
    unstated = Item("a", "Bowl", category=("Kitchen",), attributes={"type": ""})
    assert ("type", "Kitchen") in set(facet_values(unstated))


def test_a_text_with_commas_holds_several_values() -> None:
    assert split_values(" Crime,Thriller , ,Drama") == ["Crime", "Thriller", "Drama"]
    assert split_values("") == []
    film = Item("a", "Heat", brand="Warner", category=("Film",), attributes={"genre": "Crime, Thriller"})
    assert lower_case_values(film) == {"crime", "thriller", "film", "warner"}

"""What a user prefers by facets, against the definition item by item."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.recommend.models.attribute_affinity import MIN_LIKES, PRIOR, AttributeAffinity, Facets, total

COLOURS = ("red", "blue", "red", "green", "Blue", "red", "", "violet")
GENRES = ("war", "war, love", "love", "war , crime", "crime", "love,war", "crime", "war")


def catalogue() -> Catalogue:
    return Catalogue.of(
        Item(
            str(k),
            f"item {k // 2}",
            category=("all", "even" if k % 2 else "odd"),
            attributes={"colour": colour, "genre": genre, "number": str(k)},
        )
        for k, (colour, genre) in enumerate(zip(COLOURS, GENRES, strict=True))
    )


def test_only_what_two_items_share_is_kept_and_what_tells_them_apart() -> None:
    facets = Facets.of(catalogue())
    # Everything is in "all", no two have a number or a brand: neither says anything.
    assert set(facets.names) == {"colour", "genre", "category 2", "title"}
    colour = facets.names.index("colour")
    assert (facets.facet == colour).sum() == 2, "red, and blue in any case; green and violet are alone"
    sums = facets.sums(np.ones(len(facets.facet)), np.arange(8))
    assert np.isnan(sums[[3, 6, 7], colour]).all()
    assert (sums[~np.isnan(sums)] == 1).all(), "every facet of an item sums to 1"


def slow(
    values: list[set[str]], liked: list[int], weights: list[float], likes: np.ndarray, item: int
) -> float:
    """log((c + PRIOR·p) / (w + PRIOR) / q), averaged over the item's values."""
    every = sorted(set().union(*values))

    def share(of: str, counts: np.ndarray, least: float) -> float:
        amounts = {
            value: least + sum(n / len(has) for n, has in zip(counts, values, strict=True) if value in has)
            for value in every
        }
        return float(amounts[of] / sum(amounts.values()))

    own = sum(weight for one, weight in zip(liked, weights, strict=True) if values[one])
    found = []
    for value in values[item]:
        mine = sum(
            weight / len(values[one])
            for one, weight in zip(liked, weights, strict=True)
            if value in values[one]
        )
        usual, offer = share(value, likes, MIN_LIKES), share(value, np.ones(len(values)), 0.0)
        found.append(np.log((mine + PRIOR * usual) / (own + PRIOR) / offer))
    return float(np.mean(found))


@pytest.mark.parametrize("liked", [[], [0], [1, 5, 3]])
def test_preferences_are_the_definition_item_by_item(liked: list[int]) -> None:
    facets = Facets.of(catalogue())
    likes = np.array([3, 0, 1, 0, 2, 0, 0, 1.0])
    weights = [0.5, 0.7, 1.0][: len(liked)]
    affinity = AttributeAffinity.fit(facets, likes)
    preference = affinity.of(np.array(liked, np.int64), np.array(weights, np.float32))
    found = affinity.to(preference, np.arange(8))
    genres = [{part.strip() for part in genre.split(",")} for genre in GENRES]
    colours = [{colour.casefold()} & {"red", "blue"} for colour in COLOURS]
    for name, values in (("genre", genres), ("colour", colours)):
        for item in range(8):
            if values[item]:
                wanted = slow(values, liked, weights, likes, item)
                assert found[item, facets.names.index(name)] == pytest.approx(wanted, rel=1e-4)


def test_all_items_are_told_what_some_are() -> None:
    affinity = AttributeAffinity.fit(Facets.of(catalogue()), np.ones(8))
    preference, among = affinity.of(np.array([1, 4]), np.ones(2, np.float32)), np.array([7, 0, 3])
    some = total(affinity.to(preference, among))
    np.testing.assert_allclose(affinity.to_all(preference)[among], some, rtol=1e-5)
    assert len(set(some.tolist())) > 1


def test_who_likes_red_leans_to_what_is_red_and_strangers_to_what_sells() -> None:
    affinity = AttributeAffinity.fit(Facets.of(catalogue()), np.array([0, 9, 0, 0, 0, 0, 0, 0.0]))
    colour = affinity.facets.names.index("colour")

    def to_colours(*liked: int) -> np.ndarray:
        preference = affinity.of(np.array(liked, np.int64), np.ones(len(liked), np.float32))
        return affinity.to(preference, np.arange(8))[:, colour]

    red, stranger = to_colours(0, 0, 0, 5, 5), to_colours()
    assert red[2] > red[4] and stranger[4] > stranger[2], "nobody has liked item 4, but a blue one sells"


def test_a_catalogue_without_facets_says_nothing() -> None:
    bare = Facets.of(Catalogue.of(Item(str(k), f"item {k}") for k in range(5)))
    affinity = AttributeAffinity.fit(bare, np.ones(5))
    found = affinity.to(affinity.of(np.array([1]), np.ones(1, np.float32)), np.arange(5))
    assert bare.names == () and found.shape == (5, 0) and not total(found).any()

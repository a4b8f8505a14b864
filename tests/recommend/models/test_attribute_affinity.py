"""A user's preferences by facet, against the definition item by item."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.recommend.models.attribute_affinity import (
    AttributeAffinity,
    Facets,
    sum_facets,
)
from bowerbird.recommend.models.config import AffinityConfig

MIN_LIKES = AffinityConfig.min_likes
PRIOR = AffinityConfig.prior

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


def test_a_facet_needs_shared_and_distinguishing_values() -> None:
    facets = Facets.from_catalogue(catalogue())
    # Every item is in "all", and no two share a number or a brand: these facets carry no information.
    assert set(facets.names) == {"colour", "genre", "category 2", "title"}
    colour = facets.names.index("colour")
    assert (facets.facet == colour).sum() == 2, "red, and blue in any case; green and violet are alone"
    sums = facets.sums(np.ones(len(facets.facet)), np.arange(8))
    assert np.isnan(sums[[3, 6, 7], colour]).all()
    assert (sums[~np.isnan(sums)] == 1).all(), "every facet of an item sums to 1"


def expected_score(
    values: list[set[str]], liked: list[int], weights: list[float], likes: np.ndarray, item: int
) -> float:
    """log((c + PRIOR·p) / (w + PRIOR) / q), averaged over the item's values."""
    every_value = sorted(set().union(*values))

    def share(of: str, counts: np.ndarray, minimum: float) -> float:
        amounts = {
            value: minimum
            + sum(
                n / len(item_values)
                for n, item_values in zip(counts, values, strict=True)
                if value in item_values
            )
            for value in every_value
        }
        return float(amounts[of] / sum(amounts.values()))

    own = sum(weight for item_liked, weight in zip(liked, weights, strict=True) if values[item_liked])
    scores = []
    for value in values[item]:
        value_weight = sum(
            weight / len(values[item_liked])
            for item_liked, weight in zip(liked, weights, strict=True)
            if value in values[item_liked]
        )
        usual, offer = share(value, likes, MIN_LIKES), share(value, np.ones(len(values)), 0.0)
        scores.append(np.log((value_weight + PRIOR * usual) / (own + PRIOR) / offer))
    return float(np.mean(scores))


@pytest.mark.parametrize("liked", [[], [0], [1, 5, 3]])
def test_preferences_are_the_definition_item_by_item(liked: list[int]) -> None:
    facets = Facets.from_catalogue(catalogue())
    likes = np.array([3, 0, 1, 0, 2, 0, 0, 1.0])
    weights = [0.5, 0.7, 1.0][: len(liked)]
    affinity = AttributeAffinity.fit(facets, likes)
    preferences = affinity.preferences(np.array(liked, np.int64), np.array(weights, np.float32))
    scores = affinity.scores_by_facet(preferences, np.arange(8))
    genres = [{value.strip() for value in genre.split(",")} for genre in GENRES]
    colours = [{colour.casefold()} & {"red", "blue"} for colour in COLOURS]
    for name, values in (("genre", genres), ("colour", colours)):
        for item in range(8):
            if values[item]:
                expected = expected_score(values, liked, weights, likes, item)
                assert scores[item, facets.names.index(name)] == pytest.approx(expected, rel=1e-4)


def test_all_items_score_as_single_ones_do() -> None:
    affinity = AttributeAffinity.fit(Facets.from_catalogue(catalogue()), np.ones(8))
    preferences, positions = (
        affinity.preferences(np.array([1, 4]), np.ones(2, np.float32)),
        np.array([7, 0, 3]),
    )
    expected = sum_facets(affinity.scores_by_facet(preferences, positions))
    np.testing.assert_allclose(affinity.scores(preferences)[positions], expected, rtol=1e-5)
    assert len(set(expected.tolist())) > 1


def test_who_likes_red_prefers_red_and_an_unknown_user_what_sells() -> None:
    affinity = AttributeAffinity.fit(Facets.from_catalogue(catalogue()), np.array([0, 9, 0, 0, 0, 0, 0, 0.0]))
    colour = affinity.facets.names.index("colour")

    def colour_scores(*liked: int) -> np.ndarray:
        preferences = affinity.preferences(np.array(liked, np.int64), np.ones(len(liked), np.float32))
        return affinity.scores_by_facet(preferences, np.arange(8))[:, colour]

    red, unknown_user = colour_scores(0, 0, 0, 5, 5), colour_scores()
    assert red[2] > red[4] and unknown_user[4] > unknown_user[2], (
        "nobody has liked item 4, but a blue one sells"
    )


def test_a_catalogue_without_facets_scores_nothing() -> None:
    bare = Facets.from_catalogue(Catalogue.of(Item(str(k), f"item {k}") for k in range(5)))
    affinity = AttributeAffinity.fit(bare, np.ones(5))
    scores = affinity.scores_by_facet(
        affinity.preferences(np.array([1]), np.ones(1, np.float32)), np.arange(5)
    )
    assert bare.names == () and scores.shape == (5, 0) and not sum_facets(scores).any()

"""Texts read as changes, in the words of a small shop."""

from __future__ import annotations

import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.embed.search.catalogue_words import ShopWords, facts_of
from bowerbird.embed.search.modification import Wish, modification_of


def shop_items() -> list[Item]:
    colours = ("Blue", "Dark Blue", "Red", "Black", "White")
    necks = ("V-neck", "round neck")
    sleeves = ("long sleeves", "short sleeves", "no sleeves: sleeveless")
    lengths = ("Maxi dress", "Mini dress")
    items = []
    for k in range(120):
        said = (
            f"{lengths[k % 2]} with a {necks[k // 2 % 2]}, {sleeves[k % 3]}{' and a belt' if k % 4 else ''}."
        )
        pattern = ("Solid", "Stripe", "Dot")[k // 5 % 3]
        attributes = {"type": "Dress", "colour": colours[k % 5], "pattern": pattern}
        items.append(
            Item(f"d{k}", "Dress", said + (" In shiny satin." if k % 7 == 0 else ""), attributes=attributes)
        )
    return [
        *items,
        *(Item(f"p{k}", "Shorts", attributes={"type": "Shorts"}) for k in range(5)),
        *(Item(f"s{k}", "Shirt", attributes={"type": "Shirt", "colour": "Red"}) for k in range(9)),
    ]


@pytest.fixture(scope="module")
def shop() -> ShopWords:
    return ShopWords.of(Catalogue.of(shop_items()))


def read(text: str, shop: ShopWords) -> dict[str | None, Wish]:
    return {wish.facet or wish.said: wish for wish in modification_of(text, shop).wishes}


def test_values_replace_values_and_scales_have_two_ends(shop: ShopWords) -> None:
    wishes = read("but longer and in blue", shop)
    assert wishes["colour"].wanted == {("blue",), ("dark", "blue")}
    assert wishes["longer"].wanted == {("maxi",), ("long",)}
    assert wishes["longer"].unwanted == {("mini",), ("short",)}
    assert ("maxi",) in read("is less short", shop)["short"].wanted


@pytest.mark.parametrize(
    ("text", "meets", "fails"),
    [
        ("is darker blue", {"colour": "Dark Blue"}, {"colour": "Blue"}),
        ("is white instead of blue", {"colour": "White"}, {"colour": "Blue"}),
        ("is not blue", {"colour": "Red"}, {"colour": "Blue"}),
        ("has stripes", {"pattern": "Stripe"}, {"pattern": "Solid"}),
        ("the dress is red", {"colour": "Red"}, {"colour": "White"}),
        ("white with a black trim", {"colour": "White"}, {"colour": "Black"}),
    ],
)
def test_facets_are_met_and_failed(
    shop: ShopWords, text: str, meets: dict[str, str], fails: dict[str, str]
) -> None:
    (wish,) = [wish for wish in modification_of(text, shop).wishes if wish.facet]
    assert wish.met(facts_of(Item("a", attributes=meets))) > 0
    assert wish.met(facts_of(Item("b", attributes=fails))) < 0
    assert wish.met(facts_of(Item("c", "unstated"))) == 0


@pytest.mark.parametrize(
    ("text", "meets", "fails"),
    [
        ("has shorter sleeves", "A shirt with short sleeves", "A shirt with long sleeves"),
        ("has no sleeves", "A sleeveless top", "A top with sleeves"),
        ("has a vneck", "A top with a v-neck", ""),
        ("without the belt", "", "A skirt with a belt"),
        ("is less shiny", "", "A top in shiny satin"),
        ("is shorter", "A mini skirt", "A maxi skirt"),
        ("has long sleves", "long sleeves", "short sleeves"),
    ],
)
def test_words_are_met_and_failed(shop: ShopWords, text: str, meets: str, fails: str) -> None:
    (wish,) = modification_of(text, shop).wishes
    assert not meets or wish.met(facts_of(Item("a", meets))) > 0
    assert not fails or wish.met(facts_of(Item("b", fails))) < 0


def test_what_asks_for_nothing_and_what_the_shop_has_no_words_for(shop: ShopWords) -> None:
    assert not modification_of("the same colour", shop)
    assert modification_of("has a different pattern", shop).other == {"pattern"}
    assert modification_of("cheaper please", shop).price == -1
    unknown = modification_of("has a dragon on it", shop)
    assert not unknown and unknown.rest == ("dragon",)
    assert not modification_of("blue " * 200, shop).wishes
    assert not modification_of("?!", shop)

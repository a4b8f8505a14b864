"""Texts parsed as edits, in the words of a small catalogue."""

from __future__ import annotations

import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.embed.search.edits.catalogue_facts import CatalogueWords, extract_facts
from bowerbird.embed.search.edits.edit import AttributeEdit
from bowerbird.embed.search.edits.modification import parse_modification


def catalogue_items() -> list[Item]:
    colours = ("Blue", "Dark Blue", "Red", "Black", "White")
    necks = ("V-neck", "round neck")
    sleeves = ("long sleeves", "short sleeves", "no sleeves: sleeveless")
    lengths = ("Maxi dress", "Mini dress")
    items = []
    for number in range(120):
        description = f"{lengths[number % 2]} with a {necks[number // 2 % 2]}, {sleeves[number % 3]}"
        description += " and a belt." if number % 4 else "."
        pattern = ("Solid", "Stripe", "Dot")[number // 5 % 3]
        attributes = {"type": "Dress", "colour": colours[number % 5], "pattern": pattern}
        items.append(
            Item(
                f"d{number}",
                "Dress",
                description + (" In shiny satin." if number % 7 == 0 else ""),
                attributes=attributes,
            )
        )
    return [
        *items,
        *(Item(f"p{number}", "Shorts", attributes={"type": "Shorts"}) for number in range(5)),
        *(Item(f"s{number}", "Shirt", attributes={"type": "Shirt", "colour": "Red"}) for number in range(9)),
    ]


@pytest.fixture(scope="module")
def words() -> CatalogueWords:
    return CatalogueWords.of(Catalogue.of(catalogue_items()))


def parse(text: str, words: CatalogueWords) -> dict[str | None, AttributeEdit]:
    return {edit.facet or edit.text: edit for edit in parse_modification(text, words).edits}


def test_values_replace_values_and_scales_have_two_ends(words: CatalogueWords) -> None:
    edits = parse("but longer and in blue", words)
    assert edits["colour"].wanted == {("blue",), ("dark", "blue")}
    assert edits["longer"].wanted == {("maxi",), ("long",)}
    assert edits["longer"].unwanted == {("mini",), ("short",)}
    assert ("maxi",) in parse("is less short", words)["short"].wanted


@pytest.mark.parametrize(
    ("text", "satisfying", "contradicting"),
    [
        ("is darker blue", {"colour": "Dark Blue"}, {"colour": "Blue"}),
        ("is white instead of blue", {"colour": "White"}, {"colour": "Blue"}),
        ("is not blue", {"colour": "Red"}, {"colour": "Blue"}),
        ("has stripes", {"pattern": "Stripe"}, {"pattern": "Solid"}),
        ("the dress is red", {"colour": "Red"}, {"colour": "White"}),
        ("white with a black trim", {"colour": "White"}, {"colour": "Black"}),
    ],
)
def test_edits_of_facets_match(
    words: CatalogueWords, text: str, satisfying: dict[str, str], contradicting: dict[str, str]
) -> None:
    (edit,) = [edit for edit in parse_modification(text, words).edits if edit.facet]
    assert edit.match(extract_facts(Item("a", attributes=satisfying))) > 0
    assert edit.match(extract_facts(Item("b", attributes=contradicting))) < 0
    assert edit.match(extract_facts(Item("c", "unstated"))) == 0


@pytest.mark.parametrize(
    ("text", "satisfying", "contradicting"),
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
def test_edits_of_words_match(words: CatalogueWords, text: str, satisfying: str, contradicting: str) -> None:
    (edit,) = parse_modification(text, words).edits
    assert not satisfying or edit.match(extract_facts(Item("a", satisfying))) > 0
    assert not contradicting or edit.match(extract_facts(Item("b", contradicting))) < 0


def test_texts_without_edits_and_unknown_words(words: CatalogueWords) -> None:
    assert not parse_modification("the same colour", words)
    assert parse_modification("has a different pattern", words).different == {"pattern"}
    assert parse_modification("cheaper please", words).price_direction == -1
    unparsed = parse_modification("has a dragon on it", words)
    assert not unparsed and unparsed.unknown_words == ("dragon",)
    assert not parse_modification("blue " * 200, words).edits
    assert not parse_modification("?!", words)

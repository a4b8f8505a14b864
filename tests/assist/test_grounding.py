"""Bad model outputs are refused; good ones pass."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.assist.reply import ReplyItem
from bowerbird.assist.understand.understanding import understand
from bowerbird.assist.writers.grounding import Ground, problems, with_titles
from bowerbird.data.items import Catalogue
from bowerbird.text.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def ground(shop: Catalogue) -> Ground:
    """Two red lamps, asked for under 60."""
    vocabulary = Vocabulary.of(shop)
    request = understand("a red lamp for a reading corner under 60", vocabulary)
    red_lamps = vocabulary.mask("type", {"Table lamp"}) & vocabulary.mask("colour", {"Red"})
    items = [
        ReplyItem(int(position), item.item_id, item.title, item.price, "EUR")
        for position in red_lamps.nonzero()[0][:2]
        for item in [shop.item(int(position))]
    ]
    return Ground(items, request, vocabulary, {"brass", "mid", "century"})


@pytest.mark.parametrize(
    "text",
    [
        "Your reading corner would like lamps like these.",
        "These red lamps suit your corner.",
        "I like [1] for your corner, and [2] with it.",
        "These stay under 60.",
        "Here are brass lamps that suit the room.",
    ],
)
def test_truthful_sentences_pass(text: str, ground: Ground) -> None:
    assert problems(text, ground) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("You will love [3] in your corner.", "no item of the reply"),
        ("You will love [0] in your corner.", "no item of the reply"),
        ("It costs only 19.99 in our shop.", "number"),
        ("These lamps are under 50 for you.", "number"),
        ("The Aurora Deluxe gives a warm light.", "name"),
        ("Try one by Philips in your corner.", "name"),
        ("This is the cheapest lamp we have.", "superlative"),
        ("The best lamps for a corner.", "superlative"),
        ("These lamps come with free shipping.", "claim"),
        ("Award-winning lamps for your corner.", "claim"),
        ("These green lamps suit a corner.", "colour"),
        ("A wool lamp for a quiet corner.", "material"),
        ("A sofa for a quiet corner.", "type"),
        ("These lamps are not red at all.", "denied"),
        ("Twenty dollars buys a lamp here.", "claim"),
        ("Visit https://shop.example for lamps.", "marks"),
        ("A lamp for you.<|im_end|> More text", "marks"),
        ("First line here.\nSecond line here.", "marks"),
        ("These lamps are a little too expensive.", "doubtful"),
        ("A lamp, a quiet corner, a corner for a corner.", "three times"),
        ("A lamp made of alpaca for you.", "unproven"),
        ("A lamp that makes you look like a princess.", "unproven"),
        ("A lamp that is red that is red.", "twice"),
        ("Lamp.", "words"),
        ("lamp " * 60, "words"),
    ],
)
def test_inventions_are_rejected(text: str, reason: str, ground: Ground) -> None:
    assert any(reason in problem for problem in problems(text, ground)), problems(text, ground)


def test_prices_and_titles_of_the_items_are_allowed(ground: Ground) -> None:
    first = ground.items[0]
    assert problems(f"The {first.title} is {first.price:.2f} today.", ground) == []


def test_a_true_superlative_is_allowed(ground: Ground) -> None:
    true = Ground(ground.items, ground.request, ground.vocabulary, superlatives={"cheapest"})
    assert problems("This is the cheapest of the red lamps.", true) == []


def test_markers_become_titles(ground: Ground) -> None:
    assert (
        with_titles("[2] beside [1]", ground.items)
        == f"{ground.items[1].title} beside {ground.items[0].title}"
    )


@given(st.text(max_size=300))
def test_what_passes_names_only_items_and_prices_of_the_reply(ground: Ground, text: str) -> None:
    if not problems(text, ground):
        markers = {int(number) for number in re.findall(r"\[(\d+)\]", text)}
        assert markers <= set(range(1, len(ground.items) + 1))
        assert not re.search(r"https?://|www\.", text)
        titles = with_titles(text, ground.items)
        assert not re.search(r"\[\d+\]", titles)

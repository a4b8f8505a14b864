"""Messages are understood in the catalogue's own words; follow-ups keep, change and drop constraints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.assist.price_range import PriceRange
from bowerbird.assist.request import Order, Request, Shown
from bowerbird.assist.understand.understanding import understand
from bowerbird.data.items import Catalogue, Item
from bowerbird.errors import InputError
from bowerbird.text.lexicon import Lexicon
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import normalize_text

LAMPS = {"Table lamp", "Floor lamp"}
BLUES = {"Blue", "Dark Blue"}
SHOWN = (Shown("i1", "Fjord Boho Table lamp", 40.0), Shown("i2", "Alma Table lamp", 30.0))


@pytest.fixture(scope="module")
def words(shop: Catalogue) -> Vocabulary:
    return Vocabulary.of(shop)


@pytest.fixture(scope="module")
def real(shop: Catalogue) -> Lexicon:
    return Lexicon.of(shop)


@pytest.mark.parametrize(
    ("text", "facets"),
    [
        ("a lamp", {"type": LAMPS}),
        ("table lamps", {"type": {"Table lamp"}}),
        ("TABLE-LAMP", {"type": {"Table lamp"}}),
        ("a tabel lamp", {"type": {"Table lamp"}}),
        ("a couch in gray", {"type": {"Sofa"}, "colour": {"Grey"}}),
        ("carpets", {"type": {"Rug"}}),
        ("a jumper", {"type": {"Sweater"}}),
        ("a tshirt", {"type": {"T-shirt"}}),
        ("a tee", {"type": {"T-shirt"}}),
        ("a shirt", {"type": {"Shirt"}}),
        ("blue rug", {"type": {"Rug"}, "colour": BLUES}),
        ("dark-blue rug", {"type": {"Rug"}, "colour": {"Dark Blue"}}),
        ("a striped woollen rug", {"type": {"Rug"}, "pattern": {"Stripe"}, "material": {"wool"}}),
        ("plain sofa", {"type": {"Sofa"}, "pattern": {"Solid"}}),
        ("a flowery t-shirt", {"type": {"T-shirt"}, "pattern": {"Floral"}}),
        ("something bohemian", {"style": {"Boho"}}),
        ("mid century sofa", {"type": {"Sofa"}, "style": {"Mid-century"}}),
        ("a red or green rug", {"type": {"Rug"}, "colour": {"Red", "Green"}}),
        ("a lamp or a rug", {"type": LAMPS | {"Rug"}}),
        ("a lamp for my blue sofa", {"type": LAMPS}),
        ("a rug to go with a grey sofa, in red", {"type": {"Rug"}, "colour": {"Red"}}),
        ("i am looking for a sofa", {"type": {"Sofa"}}),
        ("I am bored and discovered nothing", {}),
        ("a great greenhouse", {}),
        ("a purple unicorn", {}),
    ],
)
def test_facets(text: str, facets: dict[str, set[str]], words: Vocabulary, real: Lexicon) -> None:
    request = understand(text, words, real_words=real.items_by_stem)
    assert {facet: set(values) for facet, values in request.facets.items()} == facets


@pytest.mark.parametrize(
    ("text", "excluded"),
    [
        ("a rug, not red", {"colour": {"Red"}}),
        ("a rug but no stripes", {"pattern": {"Stripe"}}),
        ("a rug without a floral pattern", {"pattern": {"Floral"}}),
        ("a rug in anything but blue", {"colour": BLUES}),
        ("a rug in no red or green", {"colour": {"Red", "Green"}}),
        ("a rug that isn't grey", {"colour": {"Grey"}}),
        ("a rug, I don't like red", {"colour": {"Red"}}),
        ("a rug other than red", {"colour": {"Red"}}),
    ],
)
def test_exclusions(text: str, excluded: dict[str, set[str]], words: Vocabulary) -> None:
    request = understand(text, words)
    assert {facet: set(values) for facet, values in request.excluded.items()} == excluded
    assert {facet: set(values) for facet, values in request.facets.items()} == {"type": {"Rug"}}


def test_a_negation_ends_with_its_list(words: Vocabulary) -> None:
    request = understand("not red but green lamp", words)
    assert request.excluded == {"colour": {"Red"}} and request.facets["colour"] == {"Green"}


def test_whole_values_differ_from_partial_ones(words: Vocabulary) -> None:
    assert understand("blue rug", words).exact["colour"] == {"Blue"}


def test_further_attributes_are_soft(words: Vocabulary) -> None:
    request = understand("a rug, living room", words)
    assert "room" not in request.facets and request.preferred["room"] == {"Living room"}


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("the cheapest lamp", Order.CHEAPEST),
        ("a cheap lamp", Order.CHEAP),
        ("a lamp, not too expensive", Order.CHEAP),
        ("the most expensive lamp", Order.MOST_EXPENSIVE),
        ("a lamp on a shelf", Order.RELEVANCE),
    ],
)
def test_order(text: str, order: Order, words: Vocabulary) -> None:
    assert understand(text, words).order == order


# -- follow-ups -------------------------------------------------------------------------------------------


def after(first: str, second: str, words: Vocabulary) -> Request:
    return understand(second, words, understand(first, words), SHOWN)


@pytest.mark.parametrize("message", ["but in green", "in green instead", "make it green", "green please"])
def test_a_follow_up_replaces_the_colour_and_keeps_the_rest(message: str, words: Vocabulary) -> None:
    request = after("a red table lamp under 60", message, words)
    assert request.follow_up
    assert request.facets["colour"] == {"Green"} and request.facets["type"] == {"Table lamp"}
    assert request.price == PriceRange(high=60, high_open=True)
    assert "red" not in request.words.split()


def test_also_adds(words: Vocabulary) -> None:
    assert after("a red lamp", "also in green", words).facets["colour"] == {"Red", "Green"}


@pytest.mark.parametrize(
    ("message", "facet"),
    [("any colour", "colour"), ("the color doesn't matter", "colour"), ("any type", "type")],
)
def test_a_constraint_can_be_dropped(message: str, facet: str, words: Vocabulary) -> None:
    before = understand("a red lamp under 60", words)
    request = understand(message, words, before, SHOWN)
    assert set(request.facets) == set(before.facets) - {facet} and request.price == before.price


@pytest.mark.parametrize("message", ["any price", "no budget", "forget the price", "price doesn't matter"])
def test_the_price_can_be_dropped(message: str, words: Vocabulary) -> None:
    request = after("a red lamp under 60", message, words)
    assert not request.price.bounded and set(request.facets) == {"type", "colour"}


def test_cheaper_than_one_shown_is_strictly_cheaper(words: Vocabulary) -> None:
    request = after("a lamp under 60", "cheaper than the second one", words)
    assert request.price == PriceRange(high=30, high_open=True) and request.facets["type"] == LAMPS


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("cheaper", PriceRange(high=30, high_open=True)),
        ("something cheaper please", PriceRange(high=30, high_open=True)),
        ("cheaper than that", PriceRange(high=40, high_open=True)),
        ("more expensive than the first", PriceRange(40, 60, low_open=True, high_open=True)),
        ("under 20", PriceRange(high=20, high_open=True)),
        ("cheaper than the ninth one", PriceRange(high=30, high_open=True)),
    ],
)
def test_prices_of_follow_ups(message: str, expected: PriceRange, words: Vocabulary) -> None:
    assert after("a lamp under 60", message, words).price == expected


@pytest.mark.parametrize(
    "message", ["something like the second one", "more like the second", "similar to item 2"]
)
def test_resemblance(message: str, words: Vocabulary) -> None:
    request = after("a lamp under 60", message, words)
    assert request.like == ("i2",) and "i2" in request.without and request.facets["type"] == LAMPS


def test_more_does_not_repeat_what_was_shown(words: Vocabulary) -> None:
    assert set(after("a lamp", "show me more", words).without) == {"i1", "i2"}


@pytest.mark.parametrize("message", ["also show rugs", "rugs", "now a rug for the hall", "I need a rug"])
def test_another_type_is_a_new_topic(message: str, words: Vocabulary) -> None:
    request = after("a red lamp under 60", message, words)
    assert request.facets == {"type": {"Rug"}} and not request.price.bounded and not request.follow_up


def test_a_new_topic_keeps_what_is_the_same(words: Vocabulary) -> None:
    request = after("a red lamp under 60", "a rug in the same colour", words)
    assert request.facets == {"type": {"Rug"}, "colour": {"Red"}} and not request.price.bounded


@pytest.mark.parametrize("message", ["a rug instead", "but as a rug", "rather a rug"])
def test_another_type_instead_keeps_the_rest(message: str, words: Vocabulary) -> None:
    request = after("a red lamp under 60", message, words)
    assert request.facets == {"type": {"Rug"}, "colour": {"Red"}} and request.price.high == 60


def test_a_narrower_type_keeps_the_rest(words: Vocabulary) -> None:
    request = after("a red lamp under 60", "table lamps only", words)
    assert request.facets == {"type": {"Table lamp"}, "colour": {"Red"}}


def test_starting_over(words: Vocabulary) -> None:
    assert not after("a red lamp under 60", "start over", words).constrained


# -- any text ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "   ", "\n", "?!", "…"])
def test_an_empty_request_is_an_error(text: str, words: Vocabulary) -> None:
    with pytest.raises(InputError, match="say what you are looking for"):
        understand(text, words)


@pytest.mark.parametrize("part", ["lamp under ", "9", "not ", "a", "1,", "between 1 and ", "cheaper than "])
def test_a_hundred_thousand_characters_are_cut_first(part: str, words: Vocabulary, real: Lexicon) -> None:
    text = (part * 100_000)[:100_000]
    assert len(normalize_text(text)) <= 2010, "what follows works on the cut text only"
    assert len(understand(text, words, None, SHOWN, real.items_by_stem).words) <= 500


def test_a_request_at_the_end_of_a_long_text_counts(words: Vocabulary) -> None:
    assert understand("bla " * 30_000 + "a red rug", words).facets == {"type": {"Rug"}, "colour": {"Red"}}


_KNOWN_WORDS = (
    "a not no but in or red blue green lamp rug under over 60 20-40 cheaper than the second one any colour "
    "price like first instead also § $5 , . for with shirt t-shirt striped more same"
)
_WORDS = st.sampled_from(_KNOWN_WORDS.split(" "))
_TEXTS = st.text(max_size=200) | st.lists(_WORDS, min_size=1, max_size=15).map(" ".join)


@given(_TEXTS, _TEXTS)
def test_no_text_breaks_it_and_requests_survive_json(words: Vocabulary, first: str, second: str) -> None:
    previous = None
    for text in (first, second):
        try:
            request = understand(text, words, previous, SHOWN)
        except InputError:
            continue
        assert 0 <= request.price.low <= request.price.high
        assert all(values <= set(words.positions[facet]) for facet, values in request.facets.items())
        assert Request.from_dict(request.as_dict()) == request
        previous = request


def test_words_that_only_look_like_values(shop: Catalogue) -> None:
    items = [
        Item("a", title="Fancy dress", attributes={"type": "Dress", "colour": "Other Blue"}),
        Item(
            "b", title="Hat", attributes={"type": "Hat/beanie", "colour": "unknown", "genre": "Sci-Fi|Drama"}
        ),
        Item("c", title="Vest", attributes={"type": "Pyjama set", "size": "M"}),
    ]
    words = Vocabulary.of(Catalogue.of(items))
    assert understand("a beanie", words).facets == {"type": {"Hat/beanie"}}
    assert understand("a set of things in unknown m", words).facets == {}
    assert understand("size m", words).facets == {"size": {"M"}}
    assert understand("science fiction", words).facets == {"genre": {"Sci-Fi"}}


@pytest.mark.parametrize(
    "text", ["a vase by salt & pine", "salt and pine vases", "vases by SALT PINE", "a Salt&Pine vase"]
)
def test_a_brand_of_two_names_is_one_brand(text: str) -> None:
    items = [Item("i1", "Vase", brand="Salt & Pine", attributes={"type": "Vase", "material": "pine"})]
    words = Vocabulary.of(
        Catalogue.of([*items, Item("i2", "Vase", attributes={"type": "Vase", "material": "glass"})])
    )
    assert understand(text, words).facets == {"type": {"Vase"}, "brand": {"Salt & Pine"}}


@pytest.mark.parametrize(
    ("text", "recipient"),
    [
        ("it's my sister's birthday soon, any ideas?", "my sister"),
        ("my aunt's birthday is coming up", "my aunt"),
    ],
)
def test_a_birthday_is_for_whoever_has_it(text: str, recipient: str, words: Vocabulary) -> None:
    request = understand(text, words)
    assert (request.recipient, request.is_gift, request.unknown_kind, request.noun) == (
        recipient,
        True,
        "",
        "",
    )


def test_a_price_goes_before_the_question(words: Vocabulary) -> None:
    assert understand("which rugs starting at 60 do you have", words).price == PriceRange(low=60)


@pytest.mark.parametrize(
    "text", ["got something more affordable?", "I was hoping to pay less", "I'd rather spend a bit less"]
)
def test_less_money_is_less_than_the_cheapest_on_screen(text: str, words: Vocabulary) -> None:
    before = understand("a table lamp", words)
    assert understand(text, words, before, SHOWN).price == PriceRange(high=30, high_open=True)


def test_a_birthday_starts_afresh(words: Vocabulary) -> None:
    before = understand("a red sofa", words)
    request = understand("it's my uncle's birthday soon, any ideas?", words, before, SHOWN)
    assert request.recipient == "my uncle" and not request.facets

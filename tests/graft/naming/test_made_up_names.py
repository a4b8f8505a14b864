"""Names of other items and made-up names are detected; descriptions, courtesy and the candidates' names are
not.

The sentences were written before the detector was run on them, including difficult ones. Misses and false
alarms are listed with the resulting rates, and the tests check that there are no others.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.graft.naming.made_up_names import MadeUpName, TitleIndex
from bowerbird.graft.naming.spelling import normalise_word, normalise_words

CANDIDATES = (
    "Fjord Boho Table Lamp",
    'Alma "Night" Lamp #2',
    "Tove Wool Rug 200",
    "Nordlys",
    "Salt & Pepper Mill",
)
OTHERS = (
    "Fjord Boho Table Lamp Mini",
    "Alma",
    "Tove Oak Sofa",
    "Linde Linen Cushion Cover",
    "Kanto Stripe Cotton Shirt",
    "Hearth & Home Candle",
    "Brisa Floor Lamp",
    "The Quiet Room",
    "Morgen Extra Soft Alpaca Blanket",
    "Table Lamp",
    "Ronda",
    "Elm 3000 Desk Chair",
    "Wool Rug",
    "Palma Striped Bath Towel Set",
)
TITLES = TitleIndex.from_titles([*CANDIDATES, *OTHERS])
REQUEST = (
    "something warm for Anna's “reading corner” in Lisbon, like the Vesta Throw, under 60 for Mother's Day"
)
CATALOGUE_WORDS = frozenset(
    normalise_words(
        "lamp table floor rug wool sofa oak linen cushion cotton shirt red green blue dark grey boho stripe"
    )
    + normalise_words("striped solid brass soft mill night set towel bath chair desk blanket candle")
)

SENTENCES_WITH_NAMES = {
    # other items of the catalogue
    "I would take the Tove Oak Sofa.": "Tove Oak Sofa",
    "The Linde Linen Cushion Cover goes with it.": "Linde Linen Cushion Cover",
    "Try Brisa Floor Lamp in your corner.": "Brisa Floor Lamp",
    "It goes well with the Kanto Stripe Cotton Shirt and [1].": "Kanto Stripe Cotton Shirt",
    "You may like “The Quiet Room” too.": "The Quiet Room",
    "The Fjord Boho Table Lamp Mini is smaller.": "Fjord Boho Table Lamp Mini",
    "My favourite is the Alma.": "Alma",
    "A kanto stripe cotton shirt would suit you.": "kanto stripe cotton shirt",
    "take the morgen extra soft alpaca blanket for cold evenings": "morgen extra soft alpaca blanket",
    "An extra soft alpaca blanket is warm.": "extra soft alpaca blanket",
    "Sit down on an Elm 3000 Desk Chair.": "Elm 3000 Desk Chair",
    "Light the Hearth & Home Candle at night.": "Hearth & Home Candle",
    "[2] stands well beside a Ronda.": "Ronda",
    "Palma striped bath towel set for your mother.": "Palma striped bath towel set",
    "the tove oak sofa is lovely": "tove oak sofa",
    "Here is the brisa floor lamp.": "brisa floor lamp",
    # names of the candidates put together wrongly
    "Look at the Fjord Oak Sofa.": "Fjord Oak Sofa",
    "The Alma Wool Rug is soft.": "Alma Wool Rug",
    "I suggest the Tove Boho Table Lamp.": "Tove Boho Table Lamp",
    "Take the Nordlys Deluxe home.": "Deluxe",
    # made up
    "The Aurora Deluxe gives a warm light.": "Aurora Deluxe",
    "I recommend the Lumina 300 for reading.": "Lumina 300",
    "Try one by Philips in your corner.": "Philips",
    "Our “Sunset Glow” lamp is warm.": "Sunset Glow",
    "Look at 'Cosy Nook' for your corner.": "Cosy Nook",
    "The XR-200 is bright.": "XR-200",
    "You would love the iGlow.": "iGlow",
    "Pick [9], it is the warmest.": "[9]",
    "Pick [0] or [1].": "[0]",
    "I like [1] and the Velora Throw.": "Velora Throw",
    "Made by Casa Bella in wool.": "Casa Bella",
    "Here it is: the Ember & Oak lantern.": "Ember",
    "Anna will like the Polaris.": "Polaris",
    "Warm and soft, the Hygge Nest is for you.": "Hygge Nest",
    "Two lamps and a Bjørn Étoile stand here.": "Bjørn Étoile",
    # difficult: these look like a description, or the capital is that of a sentence's first word
    "Ronda is a warm one.": "Ronda",
    "Aurora gives a warm light.": "Aurora",
    "Take the aurora deluxe for your corner.": "aurora deluxe",
    "a velora throw keeps you warm": "velora throw",
}
MISSED = (
    "Ronda is a warm one.",
    "Aurora gives a warm light.",
    "Take the aurora deluxe for your corner.",
    "a velora throw keeps you warm",
)

SENTENCES_WITHOUT_NAMES = (
    "It is SO soft.",
    "I like [1] for your corner, and [2] with it.",
    "The Fjord Boho Table Lamp gives a warm light.",
    "Your reading corner would like lamps like these.",
    "Here are some warm lamps for Anna.",
    "In Lisbon the evenings are warm: [3] is enough.",
    "For Mother's Day I would take [4].",
    "The Vesta Throw that you named is not here, [3] comes close.",
    'The Alma "Night" Lamp #2 is small.',
    "Fjord and Nordlys stand well side by side.",
    "The Fjord Lamp is the smaller one.",
    "A table lamp in brass, and a wool rug.",
    "Here are two soft things for cold evenings.",
    "A soft, dark blue rug for your floor.",
    "These are under 60.",
    "It costs 45.00 EUR today.",
    "You asked for a “reading corner”: [1] lights it.",
    "I'd start with [1]; I've put [2] beside it.",
    "Nordlys is the one to see first.",
    "The Salt & Pepper Mill is a good gift.",
    "Tove Wool Rug 200 keeps your feet warm.",
    "A gift that your mother will use every day.",
    "Warm. Soft. Yours.",
    "[1] The warmest of them, in brass.",
    "[1]: Warm light for reading.",
    "1. Fjord Boho Table Lamp, 45.00 EUR: brass, boho",
    "Say “thank you” with a candle.",
    "She said: “This is what I wanted.”",
    "An LED bulb fits into [1].",
    "In December and on a Sunday, light is what you need.",
    "Don't you like a lamp that's easy to move?",
    "Nordlys' light and Tove's wool keep you warm.",
    "Is it for the bedroom? Then take [2].",
    "It is a lamp (brass) and fits the corner.",
    "For Anna’s corner: [1] or [2].",
    "TABLE LAMP in brass for your desk",
    # difficult: a description in the words of a title, a place, a style, a capital for emphasis
    "The quiet room you want needs a soft rug.",
    "A Scandinavian look for your corner.",
    "This would look at home in Paris.",
    "Your cat will be the Queen of this rug.",
)
FALSE_ALARMS = (
    "The quiet room you want needs a soft rug.",
    "A Scandinavian look for your corner.",
    "This would look at home in Paris.",
    "Your cat will be the Queen of this rug.",
)


def find_names(text: str) -> list[MadeUpName]:
    return TITLES.find_made_up(
        text, CANDIDATES, REQUEST, lambda word: normalise_word(word) in CATALOGUE_WORDS
    )


# Made-up names and sentences around them.
SYLLABLES = ("va", "lo", "ri", "ken", "su", "mi", "tor", "bel")
MADE_UP_NAMES = st.lists(st.sampled_from(SYLLABLES), min_size=2, max_size=3).map(
    lambda s: "".join(s).capitalize()
)
FRAMES = ("I like the {} best.", "Take {} for your corner.", "[1] and {} are warm.", "See “{}” here.")


@pytest.mark.parametrize("text", [text for text in SENTENCES_WITH_NAMES if text not in MISSED])
def test_names_of_no_candidate_are_detected(text: str) -> None:
    names = find_names(text)
    assert [text[slice(*name.span)] for name in names] == [name.text for name in names]
    assert any(
        SENTENCES_WITH_NAMES[text] in name.text or name.text in SENTENCES_WITH_NAMES[text] for name in names
    ), names


@pytest.mark.parametrize("text", [text for text in SENTENCES_WITHOUT_NAMES if text not in FALSE_ALARMS])
def test_text_without_names_is_not_flagged(text: str) -> None:
    assert find_names(text) == []


def test_recall_and_precision_of_the_detector() -> None:
    """Recall 35 of 39 (90 %), precision 35 of 39 (90 %); 4 of 40 innocent sentences are flagged (10 %)."""
    hits = sum(bool(find_names(text)) for text in SENTENCES_WITH_NAMES)
    alarms = sum(bool(find_names(text)) for text in SENTENCES_WITHOUT_NAMES)
    assert (hits, len(SENTENCES_WITH_NAMES)) == (35, 39)
    assert (alarms, len(SENTENCES_WITHOUT_NAMES)) == (4, 40)
    assert tuple(text for text in SENTENCES_WITH_NAMES if not find_names(text)) == MISSED
    assert tuple(text for text in SENTENCES_WITHOUT_NAMES if find_names(text)) == FALSE_ALARMS


@given(st.lists(MADE_UP_NAMES, min_size=1, max_size=3).map(" ".join), st.sampled_from(FRAMES))
def test_capitalised_made_up_names_are_detected_in_full(name: str, frame: str) -> None:
    assert [hit.text for hit in find_names(frame.format(name))] == [name]


@given(st.sampled_from(CANDIDATES), st.sampled_from(FRAMES))
def test_candidates_are_never_flagged(name: str, frame: str) -> None:
    assert find_names(frame.format(name)) == []


@given(st.sampled_from(OTHERS), st.sampled_from(FRAMES))
def test_other_items_are_always_detected(name: str, frame: str) -> None:
    if name in ("Table Lamp", "Wool Rug"):  # words of candidates' titles
        assert find_names(frame.format(name)) == []
    else:
        assert "".join(hit.text for hit in find_names(frame.format(name))) == name


@settings(max_examples=300)
@given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=4), st.text(max_size=60))
def test_spans_are_ordered_for_any_text(text: str, titles: list[str], request: str) -> None:
    names = TitleIndex.from_titles([*titles, *OTHERS]).find_made_up(text, titles, request)
    assert all(name.text == text[slice(*name.span)] and name.text for name in names)
    ends = [0, *(end for name in names for end in name.span)]
    assert ends == sorted(ends)


def test_a_title_that_is_a_prefix_of_another_is_distinguished() -> None:
    short, long = "Alma Lamp", "Alma Lamp Mini"
    title_index = TitleIndex.from_titles([short, long])
    assert title_index.find_made_up("Take the Alma Lamp home.", [short]) == []
    assert title_index.find_made_up("Take the Alma Lamp Mini home.", [long]) == []
    assert [name.text for name in title_index.find_made_up("Take the Alma Lamp Mini home.", [short])] == [
        long
    ]
    assert [name.text for name in title_index.find_made_up("Take the Alma Lamp home.", [long])] == [short]
    assert title_index.find_made_up("Alma Lamp Mini or Alma Lamp: both.", [short, long]) == []


@pytest.mark.parametrize("title", ["[2]", "#1", "Lamp #12", "The 'Alma' “Nook”", "Elm [3] Chair", "!!!", ""])
def test_unusual_titles_are_handled(title: str) -> None:
    title_index = TitleIndex.from_titles([title, "Ronda"])
    assert title_index.find_made_up("Take the Ronda home.", [title]) == [MadeUpName((9, 14), "Ronda")]

"""Rules of conversations that people expect, over toy shops whose every fact is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.languages import CODES, HEADS_FIRST, load_language
from bowerbird.assist.parts import Parts
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState
from bowerbird.assist.understand.recipients import take_recipient
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import InputError

CHAIRS = [
    Item(f"c{n}", f"Stuhl {n}", f"Ein Stuhl aus Eiche in {colour} und für die Küche.", price=50.0 + n,
         category=("Möbel", "Stuhl"), attributes={"Farbe": colour})
    for n, colour in enumerate(("Grün", "Rot", "Blau"))
]  # fmt: skip


@pytest.fixture(scope="module")
def lamps(shop_store: Store) -> Assistant:
    """Six lamps at 10 to 60, green and red by turns; no other kind."""
    items = [
        Item(f"l{n}", f"Lamp {n}", price=10.0 * (n + 1), attributes={"type": "Lamp", "colour": colour})
        for n, colour in enumerate(("Green", "Red") * 3)
    ]
    return _over(items, shop_store)


def _over(items: list[Item], store: Store) -> Assistant:
    parts = Parts(store.snapshot(), Catalogue.of(items), np.eye(len(items), 8, dtype=np.float32))
    parts.__dict__["encoder"] = None
    # The store's vocabulary is another catalogue's.
    from bowerbird.text.lexicon import Lexicon
    from bowerbird.text.vocabulary import Vocabulary

    parts.__dict__["vocabulary"] = Vocabulary.of(
        parts.catalogue, parts.to_english, heads_first=parts.language_code in HEADS_FIRST
    )
    parts.__dict__["lexicon"] = Lexicon.of(parts.catalogue, parts.to_english)
    return Assistant(parts).without_model()


def _talk(assistant: Assistant, *messages: str) -> Reply:
    state, reply = DialogueState(), None
    for message in messages:
        reply = assistant.reply(state, message)
        state = DialogueState.from_dict(reply.state.as_dict())
    assert reply is not None
    return reply


def test_more_expensive_lifts_the_bound_of_cheaper(lamps: Assistant) -> None:
    reply = _talk(lamps, "lamps", "cheaper than the third one", "more expensive")
    assert reply.request.price.high == float("inf") and reply.items


def test_cheaper_lifts_no_budget(lamps: Assistant) -> None:
    reply = _talk(lamps, "lamps under 35", "more expensive than the first one", "in red")
    assert all(item.price is not None and item.price < 35 for item in reply.shown)


def test_where_nothing_costs_less_the_reply_says_so(lamps: Assistant) -> None:
    reply = _talk(lamps, "green lamps", "cheaper")
    assert "10.00" in reply.text and not reply.items and reply.request.facets["colour"] == {"Green"}
    assert not reply.request.price.bounded


@pytest.mark.parametrize(
    "message", ("a green chair", "ein grüner Stuhl", "una silla verde", "une chaise verte")
)
def test_a_german_catalogue_is_asked_in_any_language(shop_store: Store, message: str) -> None:
    reply = _talk(_over(CHAIRS, shop_store), message)
    assert [item.item_id for item in reply.items] == ["c0"]


def test_a_shop_without_prices_says_so(shop_store: Store) -> None:
    plates = [replace(item, price=None) for item in CHAIRS]
    for message in ("the cheapest chair", "a chair under 60"):
        assert "no prices" in _talk(_over(plates, shop_store), message).text


@pytest.mark.parametrize("name", ("like", "without"))
def test_a_client_can_not_send_endless_lists(lamps: Assistant, name: str) -> None:
    raw = _talk(lamps, "lamps").state.as_dict()
    raw["request"][name] = ["l1"] * 10_000
    with pytest.raises(InputError, match="at most"):
        DialogueState.from_dict(raw)


def test_wordings_of_a_key_have_the_placeholders_of_the_english_one() -> None:
    """A wording may leave one out, and names no other: `say` would fail for it."""
    from string import Formatter

    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    english = load_language("en").replies
    for code in CODES:
        for key, wordings in load_language(code).replies.items():
            if key in english:
                allowed = set().union(*(names(text) for text in english[key]))
                assert all(names(text) <= allowed for text in wordings), (code, key)


def _dresses() -> list[Item]:
    audiences = {"w": "Women", "m": "Men", "g": "Kids Girl", "x": ""}
    return [
        Item(f"{kind}-{name}", f"Plain {kind}", category=("Fashion", section, kind) if section else (kind,))
        for kind in ("Dress", "Shirt")
        for name, section in audiences.items()
        if (kind, name) != ("Dress", "m")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("women's dresses", {"Dress-w"}),
        ("shirts for men", {"Shirt-m"}),
        ("a shirt for girls", {"Shirt-g"}),
        ("a kids shirt", {"Shirt-g"}),
        ("a shirt for my husband", {"Shirt-m"}),
        ("a shirt for my 5 year old", {"Shirt-g"}),
        ("a shirt for my sister", {"Shirt-w", "Shirt-g"}),
        ("a dress for my uncle", {"Dress-x"}),  # the only one that may be
        ("a shirt for my friend", {"Shirt-w", "Shirt-m", "Shirt-g", "Shirt-x"}),
    ],
)
def test_audiences_and_recipients(text: str, expected: set[str], shop_store: Store) -> None:
    items = [replace(item, title=f"{item.title} {item.item_id}") for item in _dresses()]
    reply = _over(items, shop_store).reply(DialogueState(), text)
    assert {item.item_id for item in reply.items} == expected


# -- exclusions and undo ------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", ["stop showing me rugs", "no rugs please", "keine Teppiche bitte"])
def test_an_exclusion_can_be_undone(assistant: Assistant, message: str) -> None:
    excluding = _talk(assistant, message)
    assert "Rug" in excluding.state.excluded["type"]
    undone = assistant.reply(excluding.state, "undo that")
    assert not undone.state.excluded and not undone.request.excluded
    assert "nothing" not in undone.text


def test_a_kind_that_includes_what_is_excluded_does_not_bring_it_back(assistant: Assistant) -> None:
    reply = _talk(assistant, "stop showing me table lamps", "a lamp")
    kinds = [assistant.parts.vocabulary.values_of(item.position, "type") for item in reply.items]
    assert kinds and all(kind == ["Floor lamp"] for kind in kinds)


def test_too_expensive_ends_the_most_expensive_first(lamps: Assistant) -> None:
    reply = _talk(lamps, "the most expensive lamps", "too expensive")
    assert reply.request.order.value == "relevance"


def test_a_kind_named_again_with_a_price_drops_the_price_before(lamps: Assistant) -> None:
    assert _talk(lamps, "lamps between 30 and 60", "lamps under 25").request.price.low == 0


# -- kinds that there are not -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        "a bicycle for my son",
        "do you have fish?",
        "an iphone case",
        "quiero un móvil",
        "necesito unos pantalones negros",
        "avez-vous un casque audio ?",
        "ein Fahrrad",
        "Lederschuhe",
    ],
)
def test_an_unknown_kind_is_reported_as_missing(lamps: Assistant, message: str) -> None:
    reply = _talk(lamps, message)
    assert reply.unmet and not reply.shown


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("a salt & pepper set", "salt and pepper sets"),
        ("do you have salt and pepper mills?", "salt and pepper mills"),
        ("a coffee machine and a toaster", "coffee machines or toasters"),
        ("I need a hair dryer and a curling iron", "hair dryers or curling irons"),
        ("a knife block, a cutting board and pans", "knife blocks, cutting boards or pans"),
    ],
)
def test_compounds_and_lists_of_unknown_kinds_are_named_whole(
    message: str, kinds: str, lamps: Assistant
) -> None:
    reply = _talk(lamps, message)
    assert kinds in reply.text and not reply.shown


@pytest.mark.parametrize(
    "message", ["a surprise for my wife", "something for six people", "sans motif"]
)  # fmt: skip
def test_what_names_no_kind_is_not_reported_as_missing(assistant: Assistant, message: str) -> None:
    reply = _talk(assistant, message)
    assert reply.items or reply.act.value == "unclear"


# -- words of other languages -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "kind", "facets"),
    [
        ("ein Wollteppich", "Rug", {"material": {"wool"}}),
        ("eine Stehlampe", "Floor lamp", {}),
        ("¿me enseñas jerséis?", "Sweater", {}),
        ("una alfonbra roja", "Rug", {"colour": {"Red"}}),  # typo
    ],
)
def test_forms_of_other_languages_are_read(
    assistant: Assistant, message: str, kind: str, facets: dict[str, set[str]]
) -> None:
    reply = _talk(assistant, message)
    assert kind in reply.request.facets["type"]
    assert {facet: set(reply.request.facets[facet]) for facet in facets} == facets


WINES = [
    Item(f"w{n}", f"Vin {n}", "Un vin de la cave, et pour les repas.", price=price,
         category=("Cave", kind))
    for n, (kind, price) in enumerate(
        (("Vins rouges", 12.0), ("Vins rouges", 30.0), ("Vins blancs", 9.0), ("Jus de fruits", 3.0))
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        ("du vin", {"w0", "w1", "w2"}),
        ("un vin rouge", {"w0", "w1"}),
        ("a red wine", {"w0", "w1"}),
        ("wine under 10", {"w2"}),
        ("un jus", {"w3"}),
    ],
)
def test_in_a_french_shop_the_first_word_is_the_kind(shop_store: Store, message: str, ids: set[str]) -> None:
    reply = _talk(_over(WINES, shop_store), message)
    assert {item.item_id for item in reply.items} == ids


# -- what a message points at -------------------------------------------------------------------------------


def test_which_is_cheaper_is_asked_of_the_items_compared_last(lamps: Assistant) -> None:
    reply = _talk(lamps, "lamps", "compare the second and the third", "which one is cheaper?")
    shown = [item.item_id for item in _talk(lamps, "lamps").items]
    compared = sorted(lamps.catalogue.item(lamps.catalogue.position[i]).price or 0 for i in shown[1:3])
    assert f"{compared[0]:.2f}" in reply.text


def test_it_in_another_colour_is_the_item_spoken_of(assistant: Assistant) -> None:
    first = _talk(assistant, "something in red", "what is the first one made of?")
    focus = assistant.parts.catalogue.position[first.state.focus or ""]
    reply = assistant.reply(first.state, "do you have it in blue?")
    assert reply.request.facets["type"] == set(assistant.parts.vocabulary.values_of(focus, "type"))


def test_leaving_out_the_red_ones_is_an_exclusion(lamps: Assistant) -> None:
    reply = _talk(lamps, "lamps", "skip the red ones")
    assert reply.request.excluded == {"colour": {"Red"}} and not reply.request.like


def test_a_gift_of_no_kind_is_of_several(assistant: Assistant) -> None:
    reply = _talk(assistant, "a gift for my aunt")
    kinds = [assistant.parts.vocabulary.values_of(item.position, "type")[0] for item in reply.items]
    assert len(set(kinds)) == len(kinds)


def test_for_children_is_for_no_child() -> None:
    assert take_recipient("a raincoat for children")[0] == ""


# -- a library of films -------------------------------------------------------------------------------------

FILMS = [
    Item(f"f{n}", title, "A story of the old days.", category=("film", *genres[:1]),
         attributes={"genre": ", ".join(genres), **({"director": director} if director else {})})
    for n, (title, genres, director) in enumerate(
        (
            ("Toy Tale (1995)", ("Comedy", "Children"), "Ada Berg"),
            ("Night Train (2001)", ("Thriller",), ""),
            ("Old Friends (1984)", ("Comedy", "Drama"), ""),
            ("A Short Film", (), ""),
        )
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def library(shop_store: Store) -> Assistant:
    return _over(FILMS, shop_store)


def test_a_film_is_any_film(library: Assistant) -> None:
    reply = _talk(library, "a film about friends")
    assert "type" not in reply.request.facets and reply.items[0].item_id == "f2"


def test_each_genre_of_a_list_is_a_genre(library: Assistant) -> None:
    reply = _talk(library, "a drama")
    assert [item.item_id for item in reply.items] == ["f2"]


def test_a_title_is_known_without_its_year(library: Assistant) -> None:
    assert _talk(library, "something like toy tale").request.like == ("f0",)


def test_who_directed_it_is_answered_by_the_listing_or_not_at_all(library: Assistant) -> None:
    assert "Ada Berg" in _talk(library, "toy tale", "who directed it?").text
    assert "doesn't say" in _talk(library, "night train", "who directed it?").text


def test_a_gift_for_somebody_who_likes_something_is_a_gift(assistant: Assistant) -> None:
    reply = _talk(assistant, "busco un regalo para mi hermana que le gusta el café")
    assert reply.items and reply.request.recipient


def test_it_in_another_colour_after_a_list_is_the_list_in_that_colour(assistant: Assistant) -> None:
    reply = _talk(assistant, "a red sofa", "do you have it in blue?")
    assert reply.request.facets["type"] == {"Sofa"} and "Blue" in reply.request.facets["colour"]


@pytest.mark.parametrize(
    "messages",
    [
        ("a rug", "no red", "actually red is fine"),
        ("a rug", "nothing in red", "why not red?"),
        ("i hate red", "show me rugs", "forget what I said about red"),
        ("a red rug", "it doesn't have to be red"),
        ("a rug, not necessarily red",),
    ],
    ids=lambda messages: messages[-1],
)
def test_what_is_taken_back_holds_no_more(messages: tuple[str, ...], assistant: Assistant) -> None:
    reply = _talk(assistant, *messages)
    assert reply.request.facets == {"type": {"Rug"}} and not reply.request.excluded
    assert not reply.state.excluded and reply.items


def test_what_is_fine_too_is_wanted_as_well(assistant: Assistant) -> None:
    reply = _talk(assistant, "a green rug", "red is fine too")
    assert reply.request.facets["colour"] == {"Green", "Red"}


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("something to sit on", {"Sofa"}),
        ("algo para sentarse", {"Sofa"}),
        ("something to read by", {"Table lamp", "Floor lamp"}),
        ("a rug to sit on", {"Rug"}),
    ],
)
def test_a_use_means_the_kinds_that_serve_it(message: str, kinds: set[str], assistant: Assistant) -> None:
    assert _talk(assistant, message).request.facets["type"] == kinds


@pytest.mark.parametrize(
    ("message", "materials"),
    [("a wooden lamp", {"oak"}), ("metal lamps", {"brass"}), ("una lámpara de madera", {"oak"})],
)
def test_a_group_of_materials_means_those_of_the_catalogue(
    message: str, materials: set[str], assistant: Assistant
) -> None:
    reply = _talk(assistant, message)
    assert reply.request.facets["material"] == materials and reply.items


def test_a_material_is_no_unknown_kind(assistant: Assistant) -> None:
    assert not _talk(assistant, "table lamps", "which ones are made of wood?").request.unknown_kind


def test_cheaper_is_measured_by_the_kind_that_is_named(assistant: Assistant) -> None:
    reply = _talk(assistant, "a rug and a sofa")
    rugs = [item.price for item in reply.items if "Rug" in item.title and item.price is not None]
    reply = assistant.reply(reply.state, "cheaper rugs")
    assert reply.request.facets["type"] == {"Rug"} and reply.request.price.high == min(rugs)


def test_more_of_another_kind_is_of_that_kind(assistant: Assistant) -> None:
    reply = _talk(assistant, "a rug", "show me more sofas")
    assert reply.items and all("Sofa" in item.title for item in reply.items)


def test_cheaper_than_an_item_that_is_named_by_its_id(shop_store: Store) -> None:
    items = [
        Item(f"LAMP-{n}", f"Lamp {n}", price=10.0 * (n + 1), attributes={"type": "Lamp"}) for n in range(5)
    ]
    reply = _talk(_over(items, shop_store), "something cheaper than LAMP-2")
    assert {item.item_id for item in reply.items} == {"LAMP-0", "LAMP-1"}


def test_the_same_colour_is_that_of_the_item_spoken_of(assistant: Assistant) -> None:
    reply = _talk(assistant, "a rug", "how much is the second one?")
    position = assistant.catalogue.position[reply.state.focus or ""]
    colour = set(assistant.parts.vocabulary.values_of(position, "colour"))
    reply = assistant.reply(reply.state, "show me sofas in the same colour")
    assert reply.request.facets == {"type": {"Sofa"}, "colour": colour}


@pytest.mark.parametrize(
    ("message", "start"),
    [
        ("rugs on sale", "No rugs are on sale right now"),
        ("anything on sale?", "Nothing is on sale right now"),
        ("best selling headphones", "We don't have headphones"),
    ],
)
def test_lists_of_the_shop_are_of_what_is_named(message: str, start: str, assistant: Assistant) -> None:
    reply = _talk(assistant, message)
    assert reply.text.startswith((start, "I'm afraid we have no headphones")) and not reply.items


@pytest.mark.parametrize("message", ["asdkjhaskjd", "sdkfjhsdkfjh bags"])
def test_letters_at_random_are_no_kind(message: str, assistant: Assistant) -> None:
    assert not _talk(assistant, message).unmet


def test_a_complaint_about_an_item_hides_nothing(assistant: Assistant) -> None:
    assert _talk(assistant, "a rug", "the third is too short").act.value != "hide"


def test_what_something_is_for_is_not_what_is_wanted(assistant: Assistant) -> None:
    assert "type" not in _talk(assistant, "something cosy for the sofa").request.facets


def test_a_group_of_colours_means_those_of_the_catalogue(assistant: Assistant) -> None:
    reply = _talk(assistant, "rugs in a cool colour")
    assert reply.request.facets["colour"] == {"Blue", "Dark Blue", "Green", "Grey"}


def test_another_word_for_the_kind_that_is_wanted_excludes_nothing(assistant: Assistant) -> None:
    reply = _talk(assistant, "a sofa, but not a couch")
    assert reply.request.facets["type"] == {"Sofa"} and not reply.request.excluded and reply.items


def test_of_three_kinds_each_is_shown(assistant: Assistant) -> None:
    reply = _talk(assistant, "a sofa, two rugs and a sweater")
    kinds = {
        kind for item in reply.items for kind in assistant.parts.vocabulary.values_of(item.position, "type")
    }
    assert kinds == {"Sofa", "Rug", "Sweater"}


def test_a_budget_alone_stays_in_force(assistant: Assistant) -> None:
    reply = _talk(assistant, "my budget is 50", "a present for my teacher", "no wait, make it 30")
    assert reply.request.budget.high == 30 and reply.request.recipient == "my teacher"
    assert all(item.price is not None and item.price <= 30 for item in reply.items)


@pytest.mark.parametrize("message", ["sort by price", "lowest price first"])
def test_a_list_can_be_sorted_by_price(message: str, lamps: Assistant) -> None:
    prices = [item.price for item in _talk(lamps, "lamps", message).items]
    assert prices == [10, 20, 30, 40]


def test_which_would_you_pick_names_one_and_why(assistant: Assistant) -> None:
    reply = _talk(assistant, "rugs", "which would you pick?")
    assert reply.act.value == "why" and "matches what you asked for" in reply.text


def test_the_same_question_of_another_item_compares_nothing(assistant: Assistant) -> None:
    reply = _talk(assistant, "rugs", "what colour is the first one?", "and the second?")
    assert reply.act.value == "item_question" and "doesn't say" not in reply.text


@pytest.mark.parametrize("message", ["30 – 50", "and 30 to 50"])
def test_two_amounts_are_a_price(message: str, lamps: Assistant) -> None:
    reply = _talk(lamps, "lamps", message)
    assert (reply.request.price.low, reply.request.price.high) == (30, 50)


def test_have_you_got_names_a_kind(assistant: Assistant) -> None:
    assert _talk(assistant, "a grey rug", "have you got headphones?").unmet == ("headphones",)


@pytest.mark.parametrize("message", ["cerco un tappetto verde", "je cherche un tapiis vert"])
def test_a_letter_too_many_is_a_typing_mistake_in_every_language(message: str, assistant: Assistant) -> None:
    assert _talk(assistant, message).request.facets["type"] <= {"Table lamp", "Floor lamp", "Rug"}

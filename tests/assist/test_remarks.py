"""What people remark on lists, items and the shop is answered for what it is."""

from __future__ import annotations

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.data.items import Catalogue, Item
from bowerbird.text.departments import collect_departments
from bowerbird.text.vocabulary import Vocabulary
from talking import talk_to


@pytest.mark.parametrize(
    ("message", "act", "text"),
    [
        ("you are terrible, my order never arrived", "about_shop", "customer service"),
        ("meine Bestellung ist nicht angekommen", "about_shop", "Kundenservice"),
        ("I want to talk to a manager", "about_shop", "customer service"),
        ("quiero hablar con una persona", "about_shop", "atención al cliente"),
        ("so who am I talking to?", "about_assistant", "assistant"),
        ("put it in my cart", "save", "own page"),
        ("add to cart", "save", "own page"),
        ("can you wrap it?", "about_shop", "gift wrapping"),
        ("hmm, let me think about it", "how_are_you", "take your time"),
        ("je vais réfléchir", "how_are_you", "prenez votre temps"),
        ("ci penso", "how_are_you", "prenditi il tempo"),
        ("¿alguno de estos es rojo?", "item_question", "€"),
        ("the other one", "unclear", "the other one"),
        ("second one, is that in stock?", "item_question", "in stock"),
        ("the one on the left", "unclear", "the one on the left"),
        ("a gift card please", "about_shop", "gift cards"),
        ("you're not listening", "abuse", "sorry|help"),
        ("what about a bench instead?", "find", "benches"),
        ("which of these is the biggest?", "compare", "don't say"),
        ("are any of these green or red?", "item_question", "€"),
        ("are any of these waterproof?", "item_question", "None of these"),
        ("which colours do your sofas come in?", "about_shop", "dark blue"),
    ],
)
def test_remarks_about_a_list(message: str, act: str, text: str, assistant: Assistant) -> None:
    *_, reply = talk_to(assistant, "rugs", "tell me about the first one", message)
    assert reply.act.value == act
    assert any(option in reply.text for option in text.split("|"))


@pytest.mark.parametrize(
    ("message", "act"),
    [("hi, I've just moved and it's all empty", "greeting"), ("where do I start?", "find")],
)
def test_remarks_that_open_a_conversation(message: str, act: str, assistant: Assistant) -> None:
    (reply,) = talk_to(assistant, message)
    assert reply.act.value == act and not reply.request.constrained


@pytest.mark.parametrize(
    "message",
    [
        *("I prefer the third", "number 3 looks nice", "the third one is lovely!", "la tercera me gusta"),
        *("das dritte ist schön", "je préfère le troisième", "il terzo mi piace"),
    ],
)
def test_praise_makes_an_item_the_one_spoken_of(message: str, assistant: Assistant) -> None:
    rugs, praised, price = talk_to(assistant, "rugs", message, "how much is it?")
    third = rugs.items[2]
    assert praised.state.focus == third.item_id and praised.act.value == "item_question"
    assert third.title in praised.text and third.priced in price.text


@pytest.mark.parametrize(
    ("messages", "wanted", "excluded"),
    [
        (["a gift for my mum", "she already has loads of rugs"], {}, {"type": {"Rug"}}),
        (["rugs", "green is out, what about red"], {"colour": {"Red"}}, {"colour": {"Green"}}),
        (["rugs", "not red please, everyone buys red"], {}, {"colour": {"Red"}}),
        (["red rugs", "what else do you have in green?"], {"colour": {"Green"}}, {}),
        (["a sofa", "forget the sofa, just rugs"], {"type": {"Rug"}}, {"type": {"Sofa"}}),
        (["I never wear red, but I need t-shirts"], {"type": {"T-shirt"}}, {"colour": {"Red"}}),
        (["rugs", "long ones would be nice"], {"type": {"Rug"}}, {}),
        (["red t-shirts", "she hates red"], {}, {"colour": {"Red"}}),
        (["red rugs", "the first one", "in the same colour"], {"type": {"Rug"}, "colour": {"Red"}}, {}),
        (["floral rugs", "without a pattern"], {"pattern": {"Solid"}}, {}),
    ],
)
def test_remarks_change_what_is_looked_for(
    messages: list[str], wanted: dict[str, set[str]], excluded: dict[str, set[str]], assistant: Assistant
) -> None:
    request = talk_to(assistant, *messages)[-1].request
    facets = {facet: set(request.facets.get(facet, ())) for facet in wanted}
    rejected = {facet: set(request.excluded.get(facet, ())) for facet in excluded}
    assert (facets, rejected) == (wanted, excluded)
    assert "colour" in wanted or "colour" not in request.facets


@pytest.mark.parametrize(
    ("message", "facet"), [("I don't like the colour", "colour"), ("another pattern please", "pattern")]
)
def test_a_value_of_the_item_spoken_of_is_rejected(message: str, facet: str, assistant: Assistant) -> None:
    rugs, _, reply = talk_to(assistant, "rugs", "tell me about the first one", message)
    values_of = assistant.parts.vocabulary.values_of
    rejected = values_of(rugs.items[0].position, facet)
    assert rejected and reply.items
    assert all(set(values_of(item.position, facet)).isdisjoint(rejected) for item in reply.items)


def test_others_of_one_of_several_kinds_keep_the_rest(assistant: Assistant) -> None:
    first, reply = talk_to(assistant, "budget 300 total: a sofa, a rug and a lamp", "another rug")
    assert first.request.budget.high == reply.request.budget.high == 300 and len(reply.request.kinds) == 3
    assert "300 in total" in first.text
    shown = {item.item_id for item in first.items if "Rug" in item.title}
    assert shown and not shown & {item.item_id for item in reply.items}


@pytest.mark.parametrize(
    ("message", "recipient"),
    [
        ("I've got nothing to wear for my sister's wedding", ""),
        ("a shirt for my brother's wedding", ""),
        ("a gift for my sister's wedding", "my sister"),
        ("shirts for my daughter, aged 6", "my daughter, aged 6"),
        ("una camisa para mi hija de 6 años", "my daughter of 6 years old"),
    ],
)
def test_for_whom_something_is(message: str, recipient: str, assistant: Assistant) -> None:
    assert talk_to(assistant, message)[-1].request.recipient == recipient


def test_the_other_of_two_is_the_one_not_spoken_of(assistant: Assistant) -> None:
    two, _, reply = talk_to(assistant, "red rugs under 50", "tell me about the first one", "the other one")
    assert len(two.items) == 2 and reply.state.focus == two.items[1].item_id


def test_a_comparison_of_what_is_not_shown_is_a_search(assistant: Assistant) -> None:
    (reply,) = talk_to(assistant, "compare red and green rugs")
    assert reply.items and reply.request.facets["colour"] == {"Red", "Green"}


def test_a_change_is_measured_by_what_is_on_screen(assistant: Assistant) -> None:
    *_, lighter = talk_to(assistant, "dark blue sofas", "lamps that go with it", "too dark")
    assert lighter.items and "Sofa" not in lighter.text


def test_what_follows_a_colon_is_asked_for(assistant: Assistant) -> None:
    request = talk_to(assistant, "things for my home: a sofa and a rug")[-1].request
    assert [kind.wording["type"] for kind in request.kinds] == ["sofa", "rug"]


def test_a_department_widens_the_word_for_some_of_its_types() -> None:
    rows = [*[("Shoes", kind) for kind in ("Flat shoe", "Boots", "Sneakers")], *[("Tops", "Shirt")] * 4]
    catalogue = Catalogue.of([Item(f"i{n}", f"Thing {n}", category=row) for n, row in enumerate(rows)])
    vocabulary = Vocabulary.of(catalogue)
    assert collect_departments(catalogue, vocabulary.positions["type"])["Shoes"] == {
        *("Flat shoe", "Boots", "Sneakers")
    }
    assert vocabulary.phrases[("shoe",)][0].values == {"Flat shoe", "Boots", "Sneakers"}

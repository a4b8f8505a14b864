"""Rules of conversations that people expect, over toy shops whose every fact is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.languages import CODES, load_language
from bowerbird.assist.parts import Parts
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState
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

    parts.__dict__["vocabulary"] = Vocabulary.of(parts.catalogue, parts.to_english)
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

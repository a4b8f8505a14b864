"""The state survives JSON and a file; one that was damaged or tampered with is a clear error."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.facet_needs import KindNeed
from bowerbird.assist.price_range import PriceRange
from bowerbird.assist.request import Request
from bowerbird.assist.state import MAX_OFFERED, ClarifyingQuestion, DialogueState, ItemAction
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.errors import InputError

KIND = KindNeed(frozenset({"Rug"})).as_dict()
FULL = DialogueState(
    request=Request(
        text="a red lamp",
        facets={"type": frozenset({"Table lamp"})},
        excluded={"colour": frozenset({"Red", "Blue"})},
        wording={"type": "lamp"},
        price=PriceRange(10, 60, high_open=True),
        like=("i1",),
        without=("i2",),
        follow_up=True,
        kinds=(
            KindNeed(frozenset({"Table lamp"}), price=PriceRange(high=40.0)),
            KindNeed(frozenset({"Rug"}), {"colour": frozenset({"Red"})}, {"type": "rug", "colour": "red"}),
        ),
        recipient="my sister",
        is_gift=True,
    ),
    on_screen=("i1", "i2", "gone"),
    offered=("i0", "i1", "i2"),
    is_near_miss=True,
    focus="i2",
    excluded={"type": frozenset({"Sofa"})},
    question=ClarifyingQuestion("colour", ("Red", "Green")),
    actions=(
        ItemAction("save", ("i2", "i3")),
        ItemAction("hide", ("i2",)),
        ItemAction("exclude", excluded={"type": frozenset({"Sofa"})}),
    ),
    language="es",
    turns=3,
)
MESSAGES = (
    *("a red rug under 100", "but in green", "cheaper than the second one", "more", "the first one"),
    *("compare the first two", "stop showing me rugs", "why?", "undo", "something for my sister", "no"),
)


def test_the_state_survives_json() -> None:
    assert DialogueState.from_dict(json.loads(json.dumps(FULL.as_dict()))) == FULL


def test_the_state_of_every_turn_survives_json(assistant: Assistant) -> None:
    state = DialogueState()
    for number, message in enumerate(MESSAGES, start=1):
        reply = assistant.reply(state, message)
        sent_back = DialogueState.from_dict(json.loads(json.dumps(reply.state.as_dict())))
        assert sent_back == reply.state and sent_back.turns == number
        again = assistant.reply(DialogueState.from_dict(state.as_dict()), message)
        assert again == reply, "nothing but the state is kept between turns"
        state = sent_back


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    FULL.save(tmp_path / "talk.json")
    assert DialogueState.load(tmp_path / "talk.json") == FULL
    assert [path.name for path in tmp_path.iterdir()] == ["talk.json"]


def test_no_file_is_a_new_conversation(tmp_path: Path) -> None:
    assert DialogueState.load(tmp_path / "none.json") == DialogueState()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}",
        b'{"format": 1, "turns": []}',
        b'{"format": 99}',
        b'{"format": 2, "on_screen": 3}',
        b'{"format": 2, "request": {"price": 3}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"can't be read|not a conversation"):
        DialogueState.load(path)
    assert path.read_bytes() == content


def test_a_cut_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    FULL.save(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError):
        DialogueState.load(path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be written"):
        FULL.save(tmp_path / "no" / "such" / "folder.json")


def tampered(path: str, value: Any) -> dict[str, Any]:
    """The full state with one entry changed."""
    raw: dict[str, Any] = json.loads(json.dumps(FULL.as_dict()))
    *parents, last = path.split(".")
    place = raw
    for name in parents:
        place = place[name]
    place[last] = value
    return raw


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", None),
        ("on_screen", "i1"),
        ("on_screen", ["i1"] * 21),
        ("on_screen", [1, 2]),
        ("offered", ["i1"] * (MAX_OFFERED + 1)),
        ("focus", 7),
        ("focus", "x" * 501),
        ("excluded", {"type": 3}),
        ("excluded", {str(k): ["a"] for k in range(51)}),
        ("question", {"facet": "colour"}),
        ("question", {"facet": "colour", "options": ["a"] * 21}),
        ("actions", [{"action": "save"}]),
        ("actions", ["save"]),
        ("actions", 7),
        ("turns", "many"),
        ("turns", 1e400),
        ("request.price", None),
        ("request.price.low", "cheap"),
        ("request.price.low", math.nan),
        ("request.price.high", -1),
        ("request.order", "random"),
        ("request.facets", {"type": 5}),
        ("request.like", 5),
    ],
)
def test_a_state_that_was_tampered_with_is_an_error(path: str, value: Any) -> None:
    with pytest.raises(InputError, match="can't be read"):
        DialogueState.from_dict(tampered(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("on_screen", ["no such item"]),
        ("focus", "no such item"),
        ("excluded", {"nonsense": ["a"]}),
        ("excluded", {"type": ["Spaceship"]}),
        ("question", {"facet": "nonsense", "options": ["a"]}),
        ("question", {"facet": "colour", "options": []}),
        ("actions", [{"action": "explode", "item_ids": ["i1"]}]),
        ("language", "tlh"),
        ("request.facets", {"nonsense": ["a"]}),
        ("request.facets", {"type": ["Spaceship"]}),
        ("request.like", ["no such item"]),
        ("request.kinds", [KIND | {"types": ["Spaceship"]}, KIND]),
        ("request.kinds", [KIND | {"types": []}]),
        ("actions", [{"action": "exclude", "item_ids": [], "excluded": {"nonsense": ["x"]}}]),
        ("request.preferred", {"nonsense": ["a"]}),
        ("request.wording", {"colour": "{0.__class__}"}),
    ],
)
@pytest.mark.parametrize(
    "message", ["but in green", "more", "no", "undo", "why?", "compare them", "is it red?"]
)
def test_what_the_catalogue_does_not_hold_is_never_shown(
    path: str, value: Any, message: str, assistant: Assistant
) -> None:
    try:
        reply = assistant.reply(DialogueState.from_dict(tampered(path, value)), message)
    except InputError:
        return
    assert all(item.item_id in assistant.catalogue for item in reply.shown)


# -- anything ---------------------------------------------------------------------------------------------

_IDS = st.sampled_from(["i1", "i2", "i7", "gone"]) | st.text(max_size=5)
_TABLES = st.dictionaries(
    st.sampled_from(["type", "colour", "brand", "nonsense"]),
    st.lists(st.sampled_from(["Rug", "Red", "Blue", "x"]), max_size=3),
    max_size=3,
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | _IDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "format": st.just(2),
    "on_screen": st.lists(_IDS, max_size=5),
    "offered": st.lists(_IDS, max_size=5),
    "is_near_miss": st.booleans(),
    "focus": st.none() | _IDS,
    "excluded": _TABLES,
    "question": st.none()
    | st.fixed_dictionaries({"facet": st.sampled_from(["type", "x"]), "options": st.lists(_IDS)}),
    "actions": st.lists(
        st.fixed_dictionaries(
            {"action": st.sampled_from(["save", "hide", "x"]), "item_ids": st.lists(_IDS, max_size=3)}
        ),
        max_size=3,
    ),
    "language": st.sampled_from(["en", "es", "de", "fr", "it", "xx", ""]),
    "turns": st.integers(-1, 10),
}
_PRICES = st.fixed_dictionaries(
    {
        "low": st.floats() | st.integers(),
        "high": st.none() | st.floats() | st.integers(),
        "low_open": st.booleans(),
        "high_open": st.booleans(),
    }
)
_KINDS = st.fixed_dictionaries(
    {
        "types": st.lists(st.sampled_from(["Rug", "Sofa", "x"]), max_size=2),
        "facets": _TABLES,
        "wording": st.dictionaries(st.sampled_from(["type", "colour"]), st.text(max_size=5)),
        "price": _PRICES,
    }
)
_REQUESTS = st.fixed_dictionaries(
    {
        "text": st.text(max_size=5),
        "words": st.text(max_size=10),
        "order": st.sampled_from(["relevance", "cheap", "cheapest", "dearest", "x"]),
        "like": st.lists(_IDS, max_size=3),
        "without": st.lists(_IDS, max_size=3),
        "wording": st.dictionaries(st.sampled_from(["type", "colour"]), st.text(max_size=5)),
        "follow_up": st.booleans(),
        "kinds": st.lists(_KINDS, max_size=3),
        "price": _PRICES,
        "facets": _TABLES,
        "exact": _TABLES,
        "excluded": _TABLES,
        "preferred": _TABLES,
    }
)
_STATES = st.fixed_dictionaries(
    {**_LIKELY, "request": st.none() | _REQUESTS | _JSON}
) | st.fixed_dictionaries({name: values | _JSON for name, values in _LIKELY.items()})
_TEXTS = st.text(max_size=60) | st.lists(
    st.sampled_from(
        [
            "the",
            "first",
            "two",
            "one",
            "both",
            "it",
            "compare",
            "why",
            "is",
            "cheaper",
            "than",
            "more",
            "like",
            "save",
            "hide",
            "undo",
            "no",
            "yes",
            "stop",
            "showing",
            "me",
            "rugs",
            "but",
            "in",
            "green",
            "under",
            "60",
            "for",
            "my",
            "sister",
            "una",
            "verde",
            "¿",
            "?",
            "thanks",
            "warmer",
            "what",
        ]
    ),
    max_size=8,
).map(" ".join)


@settings(max_examples=200)
@given(_STATES | _JSON, _TEXTS)
def test_no_text_and_no_state_breaks_it(assistant: Assistant, raw: Any, text: str) -> None:
    try:
        reply = assistant.reply(DialogueState.from_dict(raw), text)
    except InputError:
        return
    assert reply.text and all(item.item_id in assistant.catalogue for item in reply.shown)
    assert DialogueState.from_dict(json.loads(json.dumps(reply.state.as_dict()))) == reply.state


def test_an_edited_need_is_listed_again_without_words(assistant: Assistant) -> None:
    state = assistant.reply(DialogueState(), "a green lamp under 90").state.as_dict()
    request = state["request"]
    for field in ("facets", "exact", "wording"):
        request[field].pop("colour")
    request["price"] = request["budget"] = {"low": 0.0, "high": 40.0, "low_open": False, "high_open": False}
    reply = assistant.reply(DialogueState.from_dict(state), "", n=20)
    assert reply.act == Act.FIND and reply.items
    assert all(item.price is not None and item.price <= 40 for item in reply.items)
    assert len({assistant.catalogue.item(item.position).attributes["color"] for item in reply.items}) > 1
    assert "lamp" in reply.text
    assert assistant.reply(DialogueState(), "").act == Act.UNCLEAR

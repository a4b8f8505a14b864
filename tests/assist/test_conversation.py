"""Conversations survive the file; a damaged file is a clear error."""

import json
from pathlib import Path

import pytest

from bowerbird.assist.conversation import Conversation, Turn
from bowerbird.assist.request import PriceRange, Request, Shown
from bowerbird.errors import InputError


def a_conversation() -> Conversation:
    request = Request(
        text="a red lamp",
        facets={"type": frozenset({"Lamp"})},
        excluded={"colour": frozenset({"Red", "Blue"})},
        named={"type": "lamp"},
        price=PriceRange(10, 60, high_open=True),
        like=("a",),
        without=("b",),
        follow_up=True,
    )
    return Conversation(
        [Turn("a red lamp", request, (Shown("a", "Läm\ud800p", None), Shown("b", "B", 3.5)), "x")]
    )


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    conversation = a_conversation()
    conversation.save(tmp_path / "talk.json")
    loaded = Conversation.load(tmp_path / "talk.json")
    assert loaded.turns[0].request == conversation.turns[0].request
    assert [item.price for item in loaded.shown] == [None, 3.5]
    assert [path.name for path in tmp_path.iterdir()] == ["talk.json"]


def test_no_file_is_a_new_conversation(tmp_path: Path) -> None:
    assert Conversation.load(tmp_path / "none.json").turns == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"format": 99, "turns": []}',
        b'{"format": 1, "turns": [{}]}',
        b'{"format": 1, "turns": [{"text": "a", "request": {"price": 3}, "shown": [], "reply": ""}]}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="delete it or name another file"):
        Conversation.load(path)
    assert path.read_bytes() == content


def test_a_cut_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    a_conversation().save(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError):
        Conversation.load(path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be written"):
        a_conversation().save(tmp_path / "no" / "such" / "folder.json")


def test_only_the_last_turns_are_kept() -> None:
    conversation = Conversation()
    for number in range(80):
        conversation.add(Turn(str(number), Request(text=str(number)), ()))
    assert len(conversation.turns) == 50 and conversation.turns[-1].text == "79"
    json.dumps([turn.request.as_dict() for turn in conversation.turns])

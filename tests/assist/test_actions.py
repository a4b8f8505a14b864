"""Saving and hiding by words are events of the real log; undo takes them back; hidden items stay away."""

from __future__ import annotations

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.parts import Parts
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState
from bowerbird.cli.requests.ask import record_in
from bowerbird.data.events import Action, Event
from bowerbird.data.store import Store
from bowerbird.recommend.filtering.filters import ItemFilter
from bowerbird.recommend.rerank.shop_rules import RuleFile, ShopRules

USER = "u0"


@pytest.fixture
def talk(store_with_users: Store) -> Talk:
    return Talk(store_with_users)


class Talk:
    """A conversation of a user over a real store; no ranker is trained for it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        parts = Parts.open(store.snapshot())
        parts.__dict__.update(encoder=None, recommender=None)
        self.assistant, self.state = Assistant(parts), DialogueState()

    def send(self, text: str, user: str | None = USER) -> Reply:
        reply = self.assistant.reply(self.state, text, user, record=record_in(self.store))
        self.state = reply.state
        return reply

    def events(self) -> list[Event]:
        """What the assistant logged."""
        return [event for event in self.store.log.tail_since(0)[0] if event.surface == "assistant"]


def test_saving_is_an_event(talk: Talk) -> None:
    rugs = talk.send("a rug").items
    reply = talk.send("save the second one")
    assert reply.act == "save" and rugs[1].title in reply.text
    assert [(e.user_id, e.item_id, e.action) for e in talk.events()] == [(USER, rugs[1].item_id, Action.SAVE)]


def test_a_hidden_item_stays_away_until_undone(talk: Talk) -> None:
    first = talk.send("a rug").items[0]
    assert talk.send("hide the first one").act == "hide"
    assert first.item_id not in talk.state.on_screen
    assert first.item_id not in [item.item_id for item in talk.send("rugs").items]
    assert talk.send("undo").act == "undo"
    assert [e.action for e in talk.events()] == [Action.HIDE]


def test_what_the_shop_hides_is_not_named(talk: Talk) -> None:
    first, second, *_ = [item.item_id for item in talk.send("a rug").items]
    rules = RuleFile(talk.store.path)
    rules.publish(ShopRules(hide=(ItemFilter(item_id=(first,)),)))
    listed = [item.item_id for item in talk.send("a rug").items]
    assert first not in listed and second in listed
    rules.publish(ShopRules())
    assert first in [item.item_id for item in talk.send("a rug").items]


def test_undo_takes_one_action_back_once(talk: Talk) -> None:
    talk.send("a rug")
    talk.send("save the first one")
    assert "no longer saved" in talk.send("undo").text
    assert "nothing to undo" in talk.send("undo").text


def test_a_decision_is_saved_and_a_change_of_mind_is_not(talk: Talk) -> None:
    rugs = talk.send("a rug").items[:2]
    reply = talk.send("I'd go for the cheaper of the two")
    cheaper = min(rugs, key=lambda rug: rug.price or 0)
    assert reply.act == "save" and cheaper.title in reply.text
    assert talk.send("I'd go for the first but in red").act == "find"


@pytest.mark.parametrize("message", ["remove the first one from my saved items", "unsave the first"])
def test_a_saved_item_is_taken_from_the_list(message: str, talk: Talk) -> None:
    talk.send("a rug")
    first, second = (item.item_id for item in talk.send("a rug").items[:2])
    talk.send("save the first two")
    assert "no longer saved" in talk.send(message).text
    assert {first, second} & {item.item_id for item in talk.send("what have I saved?").items} == {second}


def test_undo_takes_back_all_that_a_message_did(talk: Talk) -> None:
    rugs = talk.send("a rug").items
    talk.send("save the first two")
    text = talk.send("undo").text
    assert rugs[0].title in text and rugs[1].title in text and "are no longer saved" in text


def test_undo_takes_back_several_messages(talk: Talk) -> None:
    talk.send("a rug")
    for rank in ("first", "second", "third"):
        talk.send(f"save the {rank} one")
    assert "are no longer saved" in talk.send("undo the last two").text
    assert "is no longer saved" in talk.send("undo everything").text
    assert "nothing to undo" in talk.send("undo").text


def test_nobody_can_save(talk: Talk) -> None:
    talk.send("a rug", user=None)
    reply = talk.send("save the first one", user=None)
    assert "sign in" in reply.text.lower() and talk.events() == []


@pytest.mark.parametrize("text", ["hide the first one", "take the first one out", "nimm den ersten raus"])
def test_what_nobody_wants_leaves_their_conversation_only(text: str, talk: Talk) -> None:
    first = talk.send("a rug", user=None).items[0]
    assert first.title in talk.send(text, user=None).text and talk.events() == []
    assert first.item_id not in talk.state.on_screen
    assert first.item_id not in [item.item_id for item in talk.send("in wool", user=None).items]


def test_nothing_is_logged_for_a_reference_to_nothing(talk: Talk) -> None:
    talk.send("a rug")
    talk.send("save the ninth one")
    talk.send("save both")
    assert talk.events() == []

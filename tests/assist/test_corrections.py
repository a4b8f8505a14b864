"""What people take back, add or refuse in other words than "no": the wish before is changed, not dropped."""

from __future__ import annotations

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.text.audiences import AUDIENCE
from talking import talk_to


@pytest.mark.parametrize(
    "message",
    [
        "too many rugs, show me something else",
        "I already have enough rugs",
        "zu viele Teppiche",
        "demasiadas alfombras",
        "trop de tapis",
        "troppi tappeti",
    ],
)
def test_too_many_of_a_kind_is_a_refusal(assistant: Assistant, message: str) -> None:
    _, reply = talk_to(assistant, "rugs", message)
    assert "Rug" in reply.request.excluded.get("type", ()) and "type" not in reply.request.facets
    assert reply.items and not any("Rug" in item.title for item in reply.items)


def test_a_recipient_alone_is_whom_the_kind_before_is_for(assistant: Assistant) -> None:
    shirts, reply = talk_to(assistant, "shirts", "it's for my husband")
    assert reply.request.facets["type"] == shirts.request.facets["type"]
    assert reply.request.recipient == "my husband"
    _, gift = talk_to(assistant, "shirts", "something for my husband")
    assert "type" not in gift.request.facets, "that is another wish"


def test_a_pronoun_is_the_recipient_before(assistant: Assistant) -> None:
    _, reply = talk_to(assistant, "a gift for my sister", "something boho for her")
    assert reply.request.recipient == "my sister"


@pytest.mark.parametrize("message", ["20 was too low, 60 is ok", "60 is fine"])
def test_an_amount_is_corrected(assistant: Assistant, message: str) -> None:
    _, reply = talk_to(assistant, "a rug, max 20", message)
    assert reply.request.price.high == 60 and reply.act == Act.FIND and "less low" not in reply.text


@pytest.mark.parametrize(
    "message",
    [
        "round would be best",
        "no, not floral",
        "how about striped",
        "not round, rather square",
        "I have nothing soft",
    ],
)
def test_a_description_is_no_yes_or_no(assistant: Assistant, message: str) -> None:
    _, reply = talk_to(assistant, "rugs", message)
    assert reply.act == Act.FIND and reply.items


@pytest.mark.parametrize(
    "message", ["actually let's focus on shelves", "we're moving into our first flat, something for the hall"]
)
def test_no_clause_is_taken_for_a_kind_or_an_item(assistant: Assistant, message: str) -> None:
    reply = talk_to(assistant, message)[0]
    assert "let's focus" not in reply.text and "shown you anything" not in reply.text


def test_numbers_for_rooms_point_at_nothing(assistant: Assistant) -> None:
    reply = talk_to(assistant, "I need rugs, two for the bedroom and one for the hall")[0]
    assert reply.act == Act.FIND and reply.items and "hall" not in reply.text.splitlines()[0]


def test_many_kinds_are_rejected_by_their_common_name(assistant: Assistant) -> None:
    _, reply, why = talk_to(assistant, "a gift for my sister", "no lamps", "why the first one?")
    assert reply.request.rejected == {"lamps": frozenset({"Table lamp", "Floor lamp"})}
    assert "(no lamps)" in reply.text and "floor" not in reply.text.splitlines()[0]
    assert "gift for your sister, no lamps)" in why.text and "((" not in why.text


def test_what_is_rejected_attracts_nothing(assistant: Assistant) -> None:
    _, reply = talk_to(assistant, "a round rug", "not round")
    assert "round" not in reply.request.words.split()


def test_a_recipient_replaces_another_audience(assistant: Assistant) -> None:
    _, reply = talk_to(assistant, "shirts for men", "it's for my sister")
    assert AUDIENCE not in reply.request.facets


def test_a_price_of_other_kinds_is_no_limit_of_rugs(assistant: Assistant) -> None:
    _, _, reply = talk_to(assistant, "a gift for my mother", "something cheaper", "show me rugs")
    assert "type" in reply.request.facets and not reply.request.price.bounded


@pytest.mark.parametrize("message", ["too expensive", "something cheaper", "anything by the same brand?"])
def test_a_comparison_with_nothing_is_clarified(assistant: Assistant, message: str) -> None:
    (reply,) = talk_to(assistant, message)
    assert reply.act == Act.UNCLEAR and not reply.items


def test_a_kind_is_proposed_where_items_are_on_screen(assistant: Assistant) -> None:
    _, reply = talk_to(assistant, "rugs", "what about a sofa for it?")
    assert reply.act == Act.FIND and all("Sofa" in item.title for item in reply.items)


def test_items_that_share_a_value_are_asked_for_not_the_value(assistant: Assistant) -> None:
    question = "is there anything in the same material as the first one?"
    rugs, reply = talk_to(assistant, "rugs", question)
    assert rugs.items and reply.items and reply.request.facets["material"] == {"wool"}
    assert "more from" not in talk_to(assistant, "rugs", "more from this style")[1].text


def test_what_users_are_is_whom_the_items_are_for(assistant: Assistant) -> None:
    (reply,) = talk_to(assistant, "an outfit for a job interview, I'm a woman")
    assert "interview" not in reply.text and "womens" not in reply.text
    (shirts,) = talk_to(assistant, "a shirt, I'm a tall man")
    assert {item.title.split()[-1] for item in shirts.items} == {"Shirt"}


def test_what_completes_a_gift_is_for_the_same_recipient(assistant: Assistant) -> None:
    _, reply = talk_to(assistant, "a sweater for my sister", "and a matching shirt")
    assert reply.act == Act.COMPLETE and reply.request.recipient == "my sister"


def test_a_number_alone_is_a_place_in_the_list(assistant: Assistant) -> None:
    rugs, reply = talk_to(assistant, "rugs", "2")
    assert reply.state.focus == rugs.items[1].item_id and reply.act == Act.ITEM_QUESTION


def test_a_value_is_hidden_as_a_value(assistant: Assistant) -> None:
    _, reply = talk_to(assistant, "rugs", "hide the green")
    assert reply.act == Act.EXCLUDE and reply.state.excluded["colour"] == {"Green"}


def test_a_word_of_several_languages_changes_none(assistant: Assistant) -> None:
    *_, reply = talk_to(assistant, "rugs", "total?")
    assert reply.state.language == "en"

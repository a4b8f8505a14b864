"""The evaluation of the assistant on annotated conversations: right ones score 1, planted faults are seen."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.evaluation.annotations import (
    AnnotatedDialogue,
    AnnotatedMessage,
    parse_expected_state,
    read_annotated,
)
from bowerbird.assist.evaluation.claims import false_claims
from bowerbird.assist.evaluation.expected_state import wrong_slots
from bowerbird.assist.evaluation.listings import Listings
from bowerbird.assist.evaluation.replay import MAX_DIALOGUES, MAX_WITHOUT_STATES, sample_dialogues
from bowerbird.assist.evaluation.summary import AssistantEvaluation, Share, evaluate_assistant
from bowerbird.assist.reply import Comparison, Reply
from bowerbird.assist.state import DialogueState
from bowerbird.data.ingest.dialogues import read_dialogue_files
from bowerbird.data.items import Catalogue
from bowerbird.errors import InputError

TURNS = [
    ("a", 0, "user", "a red rug under 90", {"type": "rug", "color": "red", "price": [None, 90]}, ["find"]),
    ("a", 1, "assistant", "Here are two.", None, []),
    ("a", 2, "user", "but in green", {"type": "rug", "colour": ["green"], "price": [None, 90]}, ["find"]),
    ("a", 3, "user", "compare the first two", None, ["compare"]),
    ("b", 0, "user", "a sofa, not blue", {"type": "sofa", "excluded": {"colour": ["blue"]}}, ["find"]),
    ("b", 1, "assistant", "Here is one.", None, []),
    ("b", 2, "user", "put it in my cart", None, ["REQUEST:ADD_TO_CART"]),
    ("b", 3, "user", "that one over there", None, ["INFORM:DISAMBIGUATE"]),
]


@pytest.fixture(scope="module")
def listings(shop: Catalogue) -> Listings:
    return Listings.of(shop)


def evaluate(assistant: Assistant, turns: list[tuple[object, ...]], folder: Path) -> AssistantEvaluation:
    path = folder / "annotated.jsonl"
    names = ("dialogue_id", "turn", "role", "text", "state", "acts")
    path.write_text("".join(json.dumps(dict(zip(names, turn, strict=True))) + "\n" for turn in turns))
    return evaluate_assistant(assistant, path, read_dialogue_files([path], frozenset()))


def test_what_is_understood_scores_one(assistant: Assistant, tmp_path: Path) -> None:
    result = evaluate(assistant, TURNS, tmp_path)
    assert result.turns == 6
    assert result.acts["all"] == 1.0 and result.acts["compare"] == 1.0
    assert result.acts_left_out == {"INFORM:DISAMBIGUATE": 1}
    assert result.states["joint"] == Share(1.0, 3) and result.states["colour"].share == 1.0
    assert result.first_item == Share(1.0, 3)
    assert (result.invented_items, result.false_claims) == (0, 0)
    assert set(result.latency_ms) == {"understand_ms", "find_ms", "write_ms", "ms"}


def test_conversations_with_states_are_replayed_first_and_few_of_others() -> None:
    annotated = AnnotatedMessage("a blue rug", parse_expected_state({}, Listings.of(Catalogue.of([]))))
    others = [AnnotatedDialogue(f"d{n}", (AnnotatedMessage("hello"),)) for n in range(MAX_DIALOGUES + 1)]
    assert len(sample_dialogues(others)) == MAX_WITHOUT_STATES
    with_state = AnnotatedDialogue("s", (AnnotatedMessage("hello"), annotated))
    assert sample_dialogues([*others, with_state]) == [with_state]


def test_wrong_expectations_are_missed_slot_by_slot(assistant: Assistant, tmp_path: Path) -> None:
    first = (*TURNS[0][:4], {"type": "rug", "colour": "blue", "recipient": "sister"}, ["save"])
    result = evaluate(assistant, [first], tmp_path)
    assert result.acts == {"save": 0.0, "all": 0.0}
    missed = {slot for slot, share in result.states.items() if share.share == 0.0}
    assert missed == {"joint", "colour", "price", "recipient"} and result.states["type"].share == 1.0
    assert result.first_item.share == 0.0


def test_a_value_may_be_a_shade_but_no_other_colour(assistant: Assistant, listings: Listings) -> None:
    reply = assistant.reply(DialogueState(), "a blue rug")  # Blue and Dark Blue
    blue = parse_expected_state({"type": "Rug", "colour": "Blue"}, listings)
    assert list(wrong_slots(reply, blue)) == []
    request = replace(reply.request, facets={**reply.request.facets, "colour": frozenset(("Blue", "Red"))})
    other = replace(reply, state=replace(reply.state, request=request))
    assert list(wrong_slots(other, blue)) == ["colour"]


@pytest.mark.parametrize("state", ["[]", '{"price": "cheap"}', '{"type": [1]}', "{"])
def test_a_broken_state_names_its_place(tmp_path: Path, listings: Listings, state: str) -> None:
    path = tmp_path / "broken.jsonl"
    row = {"dialogue_id": "d7", "turn": 0, "role": "user", "text": "a rug", "state": state}
    path.write_text(json.dumps(row))
    with pytest.raises(InputError, match=r"broken.jsonl, dialogue d7, turn 0"):
        read_annotated(path, listings)


def planted(reply: Reply, listings: Listings) -> list[Reply]:
    """The reply with one fault each."""
    first = reply.items[0]
    line = reply.text.split("\n")[1]
    other = next(title for title in (each.title for each in listings.sold()) if title != first.title)
    return [
        replace(reply, text=reply.text.replace(first.priced, "€1.23", 1)),
        replace(reply, text=reply.text.replace(line, f"1. {other}, {first.priced}")),
        replace(reply, text=reply.text.replace(line, f"{line}, velvet")),
        replace(reply, text=reply.text + "\n9. Another one"),
        replace(reply, text=reply.text + "\nIt costs only €1.11."),
        replace(reply, text="These nine rugs could suit:" + reply.text[reply.text.index("\n") :]),
        replace(reply, comparison=Comparison((first.item_id,), (("colour", ("violet",)),))),
    ]


def test_every_planted_claim_is_seen(assistant: Assistant, listings: Listings) -> None:
    reply = assistant.reply(DialogueState(), "a red rug")
    assert len(reply.items) > 1 and not list(false_claims(reply, listings))
    for number, faulty in enumerate(planted(reply, listings)):
        assert list(false_claims(faulty, listings)), f"fault {number} was not seen"


@pytest.mark.parametrize(
    "reason", ["liked by 3 people", "piace a 3 persone", "tendance : a plu à 2 personnes du 1 au 9"]
)
def test_reasons_from_events_are_no_claims_about_the_listing(reason: str, assistant: Assistant) -> None:
    reply = assistant.reply(DialogueState(), "a rug")
    first = reply.text.split("\n")[1]
    worded = replace(reply, text=reply.text.replace(first, f"{first}; {reason}"))
    listings = Listings.of(assistant.catalogue)
    assert not list(false_claims(worded, listings))
    assert list(false_claims(replace(worded, text=worded.text.replace(reason, "flies")), listings))

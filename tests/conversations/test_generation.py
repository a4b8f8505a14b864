"""Generated dialogues are about what people chose, true to the catalogue, and worded in many ways."""

import re

import numpy as np
import pytest

from bowerbird.conversations.generation.criteria import load_phrases
from bowerbird.conversations.generation.dialogues import GenerationConfig, generate_dialogues
from bowerbird.data.dialogues import Dialogue, Role
from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item

KINDS, COLOURS = ("Lamp", "Rug", "Chair"), ("Green", "Red", "Blue", "White")
ITEMS = [
    Item(
        f"{kind}-{colour}",
        f"{colour} {kind.lower()} number {row}",
        price=20.0 + 10 * row,
        currency="EUR",
        attributes={"type": kind, "colour": colour},
    )
    for row, (kind, colour) in enumerate((kind, colour) for kind in KINDS for colour in COLOURS)
]
CATALOGUE = Catalogue.of(ITEMS)
N_USERS = 40


def likes() -> Interactions:
    """Everybody likes the first item, then one other."""
    item = np.array([[0, 1 + user % (len(ITEMS) - 1)] for user in range(N_USERS)]).ravel()
    return Interactions(
        users=[f"u{user}" for user in range(N_USERS)],
        user=np.repeat(np.arange(N_USERS), 2),
        item=item,
        action=np.full(len(item), ACTION_CODE["purchase"], np.int8),
        at=np.arange(len(item), dtype=np.int64),
        n_items=len(ITEMS),
    )


@pytest.fixture(scope="module")
def dialogues() -> list[Dialogue]:
    return generate_dialogues(CATALOGUE, likes(), GenerationConfig(dialogues=400))


def test_half_of_the_users_are_known_by_what_they_liked_before(dialogues: list[Dialogue]) -> None:
    buyers = [each for each in dialogues if each.turns[-1].recommended != (ITEMS[0].item_id,)]
    known = [each for each in buyers if each.liked_before]
    assert all(each.liked_before == (ITEMS[0].item_id,) for each in known), "everybody liked it first"
    assert 0 < len(known) < len(buyers)


def test_each_ends_with_an_item_that_fits_the_whole_request(dialogues: list[Dialogue]) -> None:
    for dialogue in dialogues:
        (item_id,) = dialogue.turns[-1].recommended
        kind, colour = item_id.split("-")
        request = " ".join(turn.text for turn in dialogue.turns if turn.role is Role.USER).lower()
        for item in ITEMS:  # names of items liked before say nothing of the request
            request = request.replace(item.title.lower(), "")
        assert {word for word in COLOURS if re.search(rf"\b{word.lower()}\b", request)} <= {colour}
        assert {word for word in KINDS if re.search(rf"\b{word.lower()}\b", request)} <= {kind}
        price = CATALOGUE.prices[CATALOGUE.position[item_id]]
        assert all(float(bound) >= price for bound in re.findall(r"\b(\d+)\b", request))


def test_items_come_as_often_as_they_are_liked(dialogues: list[Dialogue]) -> None:
    events = likes()
    targets = [dialogue.turns[-1].recommended[0] for dialogue in dialogues[: len(events)]]
    assert sorted(targets) == sorted(CATALOGUE.ids[item] for item in events.item)


def test_only_items_that_the_same_user_liked_before_are_named(dialogues: list[Dialogue]) -> None:
    liked = {turn.liked[0] for dialogue in dialogues for turn in dialogue.turns if turn.liked}
    assert liked == {CATALOGUE.ids[0]}


def test_wordings_vary_and_no_choice_is_left_open(dialogues: list[Dialogue]) -> None:
    texts = [turn.text for dialogue in dialogues for turn in dialogue.turns]
    assert len({dialogue.turns[0].text for dialogue in dialogues}) > 0.8 * len(dialogues)
    assert not any(re.search(r"[\[\](){}|]|  | [,.!?]", text) or not text for text in texts)


def test_the_same_seed_gives_the_same_dialogues_another_others(dialogues: list[Dialogue]) -> None:
    assert generate_dialogues(CATALOGUE, likes(), GenerationConfig(dialogues=400)) == dialogues
    assert generate_dialogues(CATALOGUE, likes(), GenerationConfig(dialogues=400, seed=1)) != dialogues


def test_without_events_items_are_asked_for_at_random() -> None:
    dialogues = generate_dialogues(CATALOGUE, None, GenerationConfig(dialogues=60))
    assert {dialogue.turns[-1].recommended[0] for dialogue in dialogues} == set(CATALOGUE.ids)


def test_every_move_has_several_wordings() -> None:
    assert all(len(phrases) >= 3 for phrases in load_phrases().values())

"""Replies name only items that exist and satisfy what was asked, judged by the items themselves."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.model_words import ModelWords
from bowerbird.assist.parts import Parts
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import InputError

KINDS = ("Table lamp", "Floor lamp", "Rug", "Sofa", "T-shirt", "Shirt", "Sweater")
COLOURS = ("Red", "Green", "Blue", "Dark Blue", "Grey")


def satisfying(shop: Catalogue, kind: str, colour: str, bound: float) -> set[str]:
    """Ids of the items that a request asks for, by looking at every item."""
    return {
        item.item_id
        for item in map(shop.item, range(len(shop)))
        if item.category[-1] == kind
        and item.attributes["color"] == colour
        and item.price is not None
        and item.price < bound
        and item.availability == "in_stock"
    }


_REQUESTS = st.tuples(st.sampled_from(KINDS), st.sampled_from(COLOURS), st.integers(5, 110))


@given(
    _REQUESTS,
    st.sampled_from(["a {c} {k} under {p}", "{k} in {c}, below ${p}", "I need a {c} {k} less than {p}"]),
)
def test_every_named_item_satisfies_the_request(
    assistant: Assistant, shop: Catalogue, asked: tuple[str, str, int], form: str
) -> None:
    kind, colour, bound = asked
    reply = assistant.reply(DialogueState(), form.format(c=colour.lower(), k=kind.lower(), p=bound))
    expected = satisfying(shop, kind, colour, bound)
    if expected:
        assert reply.items and reply.items[0].item_id in expected
        assert not reply.nearest and not reply.unmet
    for named in reply.items:
        item = shop.item(shop.position[named.item_id])
        assert item.price is not None and item.price < bound
        assert item.category[-1] == kind and item.availability == "in_stock"
        assert colour in item.attributes["color"], "blue may be dark blue, nothing else"
        assert named.title == item.title and named.title in reply.text
    if not reply.items:
        assert reply.unmet and all(near.differences for near in reply.nearest)
        assert "Nothing in the catalogue" in reply.text


def test_where_nothing_fits_the_nearest_is_named_with_its_difference(
    assistant: Assistant, shop: Catalogue
) -> None:
    reply = assistant.reply(DialogueState(), "a red sofa under 11")
    assert reply.items == () and reply.unmet == ("red sofa, under 11",)
    differences = {d for near in reply.nearest for d in near.differences}
    for near in reply.nearest:
        item = shop.item(near.position)
        if item.category[-1] == "Sofa" and item.attributes["color"] == "Red":
            assert item.price is not None
            assert near.differences == (f"{item.price - 11:.2f} above your limit",)
    assert any("above your limit" in difference for difference in differences)
    assert reply.nearest[0].title in reply.text


def test_a_difference_in_colour_is_named(assistant: Assistant) -> None:
    items = [Item("a", title="Blue mug", attributes={"type": "Mug", "colour": "Blue"}, price=5.0)]
    items.append(Item("b", title="Green bowl", attributes={"type": "Bowl", "colour": "Green"}, price=5.0))
    other = _assistant_over(items, assistant.snapshot.store)
    reply = other.reply(DialogueState(), "a green mug")
    assert reply.nearest[0].item_id == "a", "the kind of thing is the last to give up"
    assert reply.nearest[0].differences == ("blue rather than green",)


def test_an_item_without_a_price_is_never_under_a_bound(assistant: Assistant) -> None:
    items = [
        Item("a", title="Mug", attributes={"type": "Mug"}),
        Item("b", title="Cup", attributes={"type": "Bowl"}),
    ]
    reply = _assistant_over(items, assistant.snapshot.store).reply(DialogueState(), "a mug under 60")
    assert not reply.items and reply.nearest[0].differences == ("no stated price",)


def test_a_dialogue_keeps_changes_and_tightens(assistant: Assistant, shop: Catalogue) -> None:
    talk = DialogueState()
    first = assistant.reply(talk, "a red rug under 100")
    assert {shop.item(i.position).attributes["color"] for i in first.items} == {"Red"}
    second = assistant.reply(talk, "but in green")
    facts = [shop.item(i.position) for i in second.items]
    assert facts and {(f.category[-1], f.attributes["color"]) for f in facts} == {("Rug", "Green")}
    limit = second.items[1].price
    third = assistant.reply(talk, "cheaper than the second one")
    assert limit is not None
    assert all(named.price is not None and named.price < limit for named in third.items)
    fourth = assistant.reply(talk, "any colour")
    assert all(shop.item(i.position).category[-1] == "Rug" for i in fourth.items)
    assert all(i.price is not None and i.price < limit for i in fourth.items)


def test_more_shows_others(assistant: Assistant) -> None:
    talk = DialogueState()
    first = {i.item_id for i in assistant.reply(talk, "a shirt").items}
    second = {i.item_id for i in assistant.reply(talk, "show me more").items}
    third = {i.item_id for i in assistant.reply(talk, "show me more").items}
    assert first and second and third and not first & second and not (first | second) & third


def test_cheapest_comes_in_order_of_price(assistant: Assistant) -> None:
    prices = [i.price for i in assistant.reply(DialogueState(), "the cheapest lamps").items]
    assert prices == sorted(prices, key=float) and len(prices) > 1  # type: ignore[arg-type]


def test_items_to_resemble_come_by_their_vectors(
    assistant: Assistant, shop: Catalogue, shop_vectors: np.ndarray
) -> None:
    reply = assistant.reply(DialogueState(), "", items=["i7"])
    similar = shop_vectors @ shop_vectors[7]
    similar[~shop.available] = -2
    similar[7] = -2
    assert [named.position for named in reply.items] == np.argsort(-similar)[:4].tolist()


def test_an_unknown_item_is_an_error(assistant: Assistant) -> None:
    with pytest.raises(InputError, match="nonesuch"):
        assistant.reply(DialogueState(), "like this", items=["nonesuch"])


def test_nothing_said_is_an_error(assistant: Assistant) -> None:
    with pytest.raises(InputError, match="empty"):
        assistant.reply(DialogueState(), "  ")


def test_thanks_are_no_wish(assistant: Assistant) -> None:
    talk = DialogueState()
    assistant.reply(talk, "a red rug")
    reply = assistant.reply(talk, "Thanks!")
    assert not reply.items and "welcome" in reply.text and len(talk.turns) == 1


def test_an_unknown_thing_is_admitted(assistant: Assistant) -> None:
    reply = assistant.reply(DialogueState(), "a unicorn")
    assert "unicorn" in reply.text and reply.unmet


def test_the_stream_is_the_reply(assistant: Assistant) -> None:
    *pieces, last = assistant.stream(DialogueState(), "a blue rug")
    assert (
        isinstance(last, Reply)
        and "".join(map(str, pieces)) == last.text
        and len(pieces) == 1 + len(last.items)
    )


def test_replay_makes_the_same_conversation(assistant: Assistant) -> None:
    talk = DialogueState()
    messages = ["a red rug under 100", "but in green", "cheaper than the second one"]
    for message in messages:
        assistant.reply(talk, message)
    again = Conversation.replay(messages, assistant)
    assert again.request == talk.request and again.shown == talk.shown


# -- with a model that says anything ----------------------------------------------------------------------


class Parrot:
    """Stands for a graft; says the given sentences in turn."""

    def __init__(self, said: Sequence[str]) -> None:
        self.said, self.asked = list(said), 0

    def constrain_markers(self, candidates: int) -> None:
        """A parrot says what it says."""

    def generate(self, prompt: Sequence[str | int], max_tokens: int, **how: object) -> Iterator[str]:
        self.asked += 1
        yield self.said[(self.asked - 1) % len(self.said)]


def with_model(assistant: Assistant, said: Sequence[str]) -> Assistant:
    other = Assistant(assistant.snapshot, assistant.catalogue, assistant.matrix)
    voice = ModelWords(Parrot(said), assistant.vocabulary, assistant.catalogue)  # type: ignore[arg-type]
    other.__dict__.update(encoder=None, voice=voice, vocabulary=assistant.vocabulary)
    return other


def test_good_words_are_used(assistant: Assistant) -> None:
    model = with_model(
        assistant, [" lamps for your reading corner.\n", " a lamp that makes your corner lovely."]
    )
    reply = model.reply(DialogueState(), "a red lamp")
    assert reply.text.startswith("Here are some lamps for your reading corner.\n1. ")
    assert "a lamp that makes your corner lovely" in reply.text and reply.wording == "mixed"


def test_inventions_of_the_model_never_reach_the_reply(assistant: Assistant) -> None:
    bad = ["Buy the Aurora Deluxe now.", "Only 9.99 today, the cheapest.", "This green wool sofa is great."]
    plain = assistant.reply(DialogueState(), "a red lamp")
    reply = with_model(assistant, bad).reply(DialogueState(), "a red lamp")
    assert reply.text == plain.text and reply.wording == "template"


@settings(deadline=None)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=3))
def test_whatever_the_model_says_the_items_stand(assistant: Assistant, said: list[str]) -> None:
    reply = with_model(assistant, said).reply(DialogueState(), "a red lamp under 60")
    plain = assistant.reply(DialogueState(), "a red lamp under 60")
    assert reply.items == plain.items and all(named.title in reply.text for named in reply.items)


def _assistant_over(items: list[Item], store: Store) -> Assistant:
    catalogue = Catalogue.of(items)
    assistant = Assistant(store.snapshot(), catalogue, np.eye(len(items), 8, dtype=np.float32))
    assistant.__dict__["encoder"] = None
    return assistant

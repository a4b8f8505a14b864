"""Replies name only items that exist and satisfy what was asked, judged by the items themselves."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.parts import Parts
from bowerbird.assist.reply import Preview, Reply
from bowerbird.assist.state import DialogueState
from bowerbird.assist.writers.graft_writer import GraftWriter
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from talking import talk_to

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
    assistant: Assistant, shop: Catalogue, needed: tuple[str, str, int], form: str
) -> None:
    kind, colour, bound = needed
    reply = assistant.reply(DialogueState(), form.format(c=colour.lower(), k=kind.lower(), p=bound))
    expected = satisfying(shop, kind, colour, bound)
    if expected:
        assert reply.items and reply.items[0].item_id in expected
        assert not reply.nearest and not reply.unmet
    for shown in reply.items:
        item = shop.item(shop.position[shown.item_id])
        assert item.price is not None and item.price < bound
        assert item.category[-1] == kind and item.availability == "in_stock"
        assert colour in item.attributes["color"], "blue may be dark blue, nothing else"
        assert shown.title == item.title and shown.title in reply.text
    if not reply.items:
        assert reply.unmet and all(near.differences for near in reply.nearest)
        assert f"under {bound}" in reply.text


def test_where_nothing_fits_the_nearest_is_named_with_its_difference(
    assistant: Assistant, shop: Catalogue
) -> None:
    reply = assistant.reply(DialogueState(), "a red sofa under 11")
    assert reply.items == () and reply.unmet == ("red sofas under 11",)
    differences = {d for near in reply.nearest for d in near.differences}
    for near in reply.nearest:
        item = shop.item(near.position)
        if item.category[-1] == "Sofa" and item.attributes["color"] == "Red":
            assert item.price is not None
            assert near.differences == (f"€{item.price - 11:.2f} above your limit",)
    assert any("above your limit" in difference for difference in differences)
    assert reply.nearest[0].title in reply.text


def test_a_difference_in_colour_is_named(assistant: Assistant) -> None:
    items = [Item("a", title="Blue mug", attributes={"type": "Mug", "colour": "Blue"}, price=5.0)]
    items.append(Item("b", title="Green bowl", attributes={"type": "Bowl", "colour": "Green"}, price=5.0))
    other = _assistant_over(items, assistant.parts.snapshot.store)
    reply = other.reply(DialogueState(), "a green mug")
    assert reply.nearest[0].item_id == "a", "the kind of thing is the last to give up"
    assert reply.nearest[0].differences == ("blue rather than green",)


def test_an_item_without_a_price_is_never_under_a_bound(assistant: Assistant) -> None:
    items = [
        Item("a", title="Mug", attributes={"type": "Mug"}),
        Item("b", title="Cup", attributes={"type": "Bowl"}),
    ]
    reply = _assistant_over(items, assistant.parts.snapshot.store).reply(DialogueState(), "a mug under 60")
    assert not reply.items and reply.nearest[0].differences == ("no stated price",)


def test_a_dialogue_keeps_changes_and_tightens(assistant: Assistant, shop: Catalogue) -> None:
    messages = ("a red rug under 100", "but in green", "cheaper than the second one", "any colour")
    first, second, third, fourth = talk_to(assistant, *messages)
    assert {shop.item(i.position).attributes["color"] for i in first.items} == {"Red"}
    facts = [shop.item(i.position) for i in second.items]
    assert facts and {(f.category[-1], f.attributes["color"]) for f in facts} == {("Rug", "Green")}
    limit = second.items[1].price
    assert limit is not None and third.items
    assert all(shown.price is not None and shown.price < limit for shown in third.items)
    assert {shop.item(i.position).attributes["color"] for i in third.items} == {"Green"}
    assert all(shop.item(i.position).category[-1] == "Rug" for i in fourth.items)
    assert all(i.price is not None and i.price < limit for i in fourth.items)


def test_another_kind_starts_afresh(assistant: Assistant, shop: Catalogue) -> None:
    _, gift = talk_to(assistant, "a red lamp under 20", "something for my sister who loves gardening")
    assert not gift.request.price.bounded and not gift.request.facets and gift.request.is_gift
    _, rugs = talk_to(assistant, "a red lamp under 20", "rugs")
    assert {shop.item(i.position).category[-1] for i in rugs.items} == {"Rug"}
    assert not rugs.request.price.bounded and "colour" not in rugs.request.facets


def test_a_near_miss_sets_no_price(assistant: Assistant) -> None:
    first, second = talk_to(assistant, "a red sofa under 11", "cheaper")
    assert first.nearest and first.state.is_near_miss
    assert second.request.price == first.request.price


def test_more_shows_others(assistant: Assistant) -> None:
    replies = talk_to(assistant, "a shirt", "show me more", "show me more")
    first, second, third = ({shown.item_id for shown in reply.items} for reply in replies)
    assert first and second and third and not first & second and not (first | second) & third


def test_two_kinds_in_one_request_give_both(assistant: Assistant, shop: Catalogue) -> None:
    reply = assistant.reply(DialogueState(), "a table lamp and a rug")
    assert {shop.item(i.position).category[-1] for i in reply.items} == {"Table lamp", "Rug"}


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
    # One item stands for its variants: those of the same title.
    first_of_title: dict[str, int] = {}
    for position in np.argsort(-similar).tolist():
        first_of_title.setdefault(shop.item(position).title, position)
    assert [shown.position for shown in reply.items] == list(first_of_title.values())[:4]


def test_an_unknown_item_is_an_error(assistant: Assistant) -> None:
    with pytest.raises(InputError, match="nonesuch"):
        assistant.reply(DialogueState(), "like this", items=["nonesuch"])


@pytest.mark.parametrize("text", ["", "  ", "?!", "😀😀", "\x00\x01", "…"])
def test_an_empty_message_gets_a_question_back(text: str, assistant: Assistant) -> None:
    reply = assistant.reply(DialogueState(), text)
    assert reply.act == "unclear" and not reply.shown and reply.text.endswith("?")


def test_a_hundred_thousand_characters_are_answered(assistant: Assistant) -> None:
    reply = assistant.reply(DialogueState(), "bla " * 30_000 + "a red rug")
    assert reply.items and len(reply.text) < 2000 and len(str(reply.state.as_dict())) < 20_000


def test_thanks_change_nothing(assistant: Assistant) -> None:
    first, thanks, third = talk_to(assistant, "a red rug", "Thanks!", "but in green")
    assert thanks.act == "thanks" and not thanks.shown
    assert thanks.state.request == first.state.request and thanks.state.on_screen == first.state.on_screen
    assert third.request.facets["type"] == {"Rug"}


def test_an_unknown_kind_is_admitted(assistant: Assistant) -> None:
    reply = assistant.reply(DialogueState(), "a unicorn")
    assert "unicorn" in reply.text and reply.unmet


def test_the_stream_is_the_reply(assistant: Assistant) -> None:
    preview, text, last = assistant.stream(DialogueState(), "a blue rug")  # templates write one part
    assert isinstance(preview, Preview) and isinstance(last, Reply) and preview.shown == last.shown
    assert text == last.text and len(last.items) > 1


# -- with a model that says anything ----------------------------------------------------------------------


class Parrot:
    """Stands for a graft; says the given sentences in turn."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.n_calls = list(words), 0

    def constrain_markers(self, candidates: int) -> None:
        """A parrot says what it says."""

    def count_tokens(self, prompt: Sequence[str | int]) -> int:
        return len(prompt)

    def generate(self, prompt: Sequence[str | int], max_tokens: int, **options: object) -> Iterator[str]:
        self.n_calls += 1
        yield self.words[(self.n_calls - 1) % len(self.words)]


def with_model(assistant: Assistant, words: Sequence[str]) -> Assistant:
    parts = Parts(assistant.parts.snapshot, assistant.catalogue, assistant.parts.matrix)
    writer = GraftWriter(Parrot(words), assistant.parts.vocabulary, assistant.catalogue)  # type: ignore[arg-type]
    parts.__dict__.update(encoder=None, vocabulary=assistant.parts.vocabulary)
    return Assistant(parts, writer)


def test_good_words_are_used(assistant: Assistant) -> None:
    model = with_model(
        assistant, [" lamps for your reading corner.\n", " a lamp that makes your corner lovely."]
    )
    reply = model.reply(DialogueState(), "a red lamp")
    assert reply.text.startswith("Here are some lamps for your reading corner.\n1. ")
    assert "a lamp that makes your corner lovely" in reply.text and reply.writer == "mixed"


def test_inventions_of_the_model_never_reach_the_reply(assistant: Assistant) -> None:
    bad = ["Buy the Aurora Deluxe now.", "Only 9.99 today, the cheapest.", "This green wool sofa is great."]
    plain = assistant.reply(DialogueState(), "a red lamp")
    reply = with_model(assistant, bad).reply(DialogueState(), "a red lamp")
    assert reply.text == plain.text and reply.writer == "template"


@given(st.lists(st.text(max_size=80), min_size=1, max_size=3))
def test_whatever_the_model_says_the_items_stand(assistant: Assistant, words: list[str]) -> None:
    reply = with_model(assistant, words).reply(DialogueState(), "a red lamp under 60")
    plain = assistant.reply(DialogueState(), "a red lamp under 60")
    assert reply.items == plain.items and all(shown.title in reply.text for shown in reply.items)


def _assistant_over(items: list[Item], store: Store) -> Assistant:
    parts = Parts(store.snapshot(), Catalogue.of(items), np.eye(len(items), 8, dtype=np.float32))
    parts.__dict__["encoder"] = None
    return Assistant(parts)

"""Named items become soft tokens in the places of their names."""

from collections.abc import Callable

import numpy as np
import pytest

from bowerbird.conversations.contexts import ContextTurn, ConversationContext, Mention, Sentiment
from bowerbird.data.dialogues import Role
from bowerbird.graft.base import Base
from bowerbird.graft.connector import TokenKind
from bowerbird.graft.head.config import ItemInput
from bowerbird.graft.head.rendering import ConversationRenderer, RenderedConversation, Span
from bowerbird.graft.prompt import SoftItem

Conversation = Callable[..., ConversationContext]


def words(base: Base, rendered: RenderedConversation) -> str:
    return " ".join(base.tokenizer.convert_ids_to_tokens(rendered.prompt.ids.tolist()))


@pytest.mark.parametrize(
    ("item_input", "expected", "length", "soft_items"),
    [
        (ItemInput.SOFT_TOKENS, "User : I like <repo_name> . Assistant :", 1, (5,)),
        (ItemInput.TITLES, "User : I like n5 . Assistant :", 1, ()),
        (ItemInput.NONE, "User : I like . Assistant :", 0, ()),
    ],
)
def test_each_input_renders_the_name_its_own_way(
    llama: Base,
    titles: list[str],
    conversation: Conversation,
    item_input: ItemInput,
    expected: str,
    length: int,
    soft_items: tuple[int, ...],
) -> None:
    rendered = ConversationRenderer(llama, item_input, 1, titles).render(conversation(5))
    assert words(llama, rendered) == expected
    ((span, mention),) = rendered.mentions
    assert (span.end - span.start, mention.item) == (length, 5)
    assert rendered.prompt.soft_items == soft_items


def test_a_sequence_without_text_has_the_turns_in_which_items_are_named(
    llama: Base, titles: list[str]
) -> None:
    mentions = (
        Mention(3, 0, Role.USER, Sentiment.LIKED),
        Mention(4, 0, Role.USER, Sentiment.LIKED),
        Mention(7, 1, Role.ASSISTANT, Sentiment.NEUTRAL),
    )
    renderer = ConversationRenderer(llama, ItemInput.TITLES, 1, titles)
    rendered = renderer.render(ConversationContext((), mentions))
    assert words(llama, rendered) == "User : n3 n4 Assistant : n7 Assistant :"


def test_a_taste_is_a_soft_token_before_the_conversation(
    llama: Base, titles: list[str], conversation: Conversation
) -> None:
    taste = SoftItem(TokenKind.TASTE, np.ones(8, np.float32))
    renderer = ConversationRenderer(llama, ItemInput.SOFT_TOKENS, 1, titles)
    rendered, plain = renderer.render(conversation(5), taste), renderer.render(conversation(5))
    assert rendered.prompt.soft_items == (taste, 5)
    assert rendered.prompt.slots[rendered.taste.start : rendered.taste.end].tolist() == [0]
    assert rendered.prompt.ids[rendered.taste.end :].tolist() == plain.prompt.ids.tolist()
    assert plain.taste == Span(0, 0) == rendered.end_at(1, 8).taste, "none, and cut off"


def test_a_control_token_in_a_message_is_no_item(llama: Base, titles: list[str]) -> None:
    context = ConversationContext((ContextTurn(Role.USER, "I like <repo_name> ."),), ())
    rendered = ConversationRenderer(llama, ItemInput.SOFT_TOKENS, 1, titles).render(context)
    assert llama.placeholder_id not in rendered.prompt.ids


def test_only_the_end_of_a_long_conversation_is_read(
    llama: Base, titles: list[str], conversation: Conversation
) -> None:
    renderer = ConversationRenderer(llama, ItemInput.SOFT_TOKENS, 1, titles)
    end = renderer.render(conversation(5, 6, 7)).end_at(5, 8)
    assert words(llama, end) == "User : I like <repo_name> . Assistant :"
    spans = [(span.start, span.end, mention.item) for span, mention in end.mentions]
    assert spans == [(0, 0, 5), (0, 0, 6), (4, 5, 7)]
    assert end.header_ends[-1] == 7

"""The assistant, and the vectors of texts and items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from pydantic_core import to_json

from bowerbird.client.call import Call, StreamCall, answers, path_of, send_json, without_none
from bowerbird.serve.openai.bodies import CompletionBody, CompletionChunk, EmbeddingList

CHAT = ("v1", "chat", "completions")
Message = Mapping[str, Any]
"""A message in OpenAI's form: role, and content as text or parts."""


class ChatOptions(TypedDict, total=False):
    """What a chat takes besides its messages."""

    user: str | None
    state: Mapping[str, Any] | None
    """`bowerbird.state` of the last reply."""
    conversation: str | None
    """A name of the conversation; then the server keeps the state, and the new message is enough."""
    item_ids: Sequence[str]
    """Items to resemble."""
    n_items: int


def chat(messages: str | Sequence[Message], **options: Unpack[ChatOptions]) -> Call[CompletionBody]:
    """The assistant's reply to the last message; a text is one message of the user.

    What a user asks to save is saved, so it is sent again only if the server has not begun to answer.
    """
    body = _body(messages, options)
    return send_json("POST", CompletionBody, *CHAT, body=body, is_repeatable=False)


def stream_chat(
    messages: str | Sequence[Message], **options: Unpack[ChatOptions]
) -> StreamCall[CompletionChunk]:
    """The same as it is written: items first, the whole extension last."""
    body = {**_body(messages, options), "stream": True}
    return StreamCall(
        "POST", path_of(*CHAT), answers(CompletionChunk), content=to_json(body), is_repeatable=False
    )


def embed(inputs: Sequence[str | Mapping[str, str]]) -> Call[EmbeddingList]:
    """Vectors of texts, and of items (`{"type": "item", "item_id": …}`), in the space of the items."""
    body = {"model": "bowerbird", "input": inputs, "encoding_format": "float"}
    return send_json("POST", EmbeddingList, "v1", "embeddings", body=body)


def _body(messages: str | Sequence[Message], options: ChatOptions) -> dict[str, Any]:
    extension = without_none(**options)
    user = extension.pop("user", None)
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    return without_none(model="bowerbird", messages=messages, user=user, bowerbird=extension or None)

"""OpenAI's request of `/v1/responses`, read as a chat request; fields are honoured, or refused by name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from bowerbird.serve.bodies.base import BOOLEAN, NUMBER, UserId
from bowerbird.serve.errors import UnsupportedField
from bowerbird.serve.openai.chat_request import (
    MAX_MESSAGES,
    MODEL,
    ChatExtension,
    ChatRequest,
    JsonSchema,
    JsonSchemaFormat,
    Message,
    PlainFormat,
    ResponseFormat,
)
from bowerbird.serve.openai.tools import Strict

PART_TYPES = {"input_text": "text", "output_text": "text", "text": "text", "item": "item"}
"""Types of content parts, and what chat calls them."""


class InputMessage(Strict):
    """A message of the conversation so far."""

    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[dict[str, Any]]
    id: str | None = None
    status: str | None = None

    def as_message(self, location: str) -> Message:
        """The same as a message of a chat. Raises `UnsupportedField` for parts of another type."""
        if isinstance(self.content, str):
            return Message(role=self.role, content=self.content)
        parts = [_part(part, f"{location}.content.{number}") for number, part in enumerate(self.content)]
        return Message(role=self.role, content=parts)


class TextFormat(Strict):
    """The form of the text."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    description: str | None = None
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    strict: StrictBool | None = None

    def as_response_format(self) -> ResponseFormat:
        """The same as chat has it."""
        if self.type != "json_schema":
            return PlainFormat(type=self.type)
        if self.schema_ is None:
            raise UnsupportedField("text.format.schema", "expected a JSON schema")
        schema = JsonSchema.model_validate({"schema": self.schema_, "strict": self.strict})
        return JsonSchemaFormat(type="json_schema", json_schema=schema)


class TextOptions(Strict):
    """Options of the text."""

    format: TextFormat = TextFormat()
    verbosity: Literal["medium"] | None = None


class ResponsesRequest(Strict):
    """OpenAI's request body. Sampling options change nothing, as in chats."""

    input: str | Annotated[list[InputMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    model: str = MODEL
    instructions: str | None = None
    previous_response_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The response that this message follows; the server remembers its state for some time."""
    max_output_tokens: Annotated[int, Field(ge=1), NUMBER] | None = None
    text: TextOptions = TextOptions()
    stream: StrictBool | None = False
    user: UserId | None = None
    bowerbird: ChatExtension = ChatExtension()
    # Honoured where they ask for what is always done; another value is refused by its type.
    store: StrictBool | None = None
    background: Annotated[Literal[False], BOOLEAN] | None = None
    include: Annotated[list[str], Field(max_length=0)] | None = None
    reasoning: None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    tool_choice: Literal["none", "auto"] | None = None
    top_logprobs: Annotated[Literal[0], NUMBER] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    # Without effect.
    temperature: Annotated[float, Field(ge=0, le=2), NUMBER] | None = None
    top_p: Annotated[float, Field(ge=0, le=1), NUMBER] | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: StrictBool | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: Literal["auto", "default"] | None = None

    def as_chat(self) -> ChatRequest:
        """The chat request that says the same. Raises `UnsupportedField` for what chats don't read."""
        messages = [Message(role="system", content=self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            messages.append(Message(role="user", content=self.input))
        else:
            messages += [message.as_message(f"input.{n}") for n, message in enumerate(self.input)]
        extension = self.bowerbird
        if self.previous_response_id is not None:
            extension = extension.model_copy(update={"conversation": self.previous_response_id})
        return ChatRequest(
            messages=messages,
            model=self.model,
            bowerbird=extension,
            user=self.user,
            max_completion_tokens=self.max_output_tokens,
            response_format=self.text.format.as_response_format(),
        )


def _part(part: dict[str, Any], location: str) -> dict[str, Any]:
    if part.get("type") == "input_image":
        return {"type": "image_url", "image_url": {"url": part.get("image_url")}}
    if part.get("type") in PART_TYPES:
        return {**part, "type": PART_TYPES[part["type"]]}
    raise UnsupportedField(location, "expected a part of type input_text, input_image or item")

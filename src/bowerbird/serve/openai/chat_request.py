"""OpenAI's chat request: a field is honoured, or refused with status 400 and its name.

Fields that change nothing are documented here (`WITHOUT_EFFECT`); a field that is not declared is an error.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StrictBool, StringConstraints, model_validator
from pydantic.config import JsonDict
from starlette.responses import JSONResponse

from bowerbird.errors import InputError
from bowerbird.serve.bodies.base import BOOLEAN, NUMBER, UserId
from bowerbird.serve.errors import UnsupportedField, error_response
from bowerbird.serve.openai.schema_filler import SchemaFiller
from bowerbird.serve.openai.tools import EarlierCall, Strict, ToolChoice, Tools

MODEL = "bowerbird"
MAX_MESSAGES = 1000
WITHOUT_EFFECT = (
    "temperature", "top_p", "seed", "metadata", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention", "service_tier",
)  # fmt: skip
"""Accepted without effect: replies are not sampled (the same request has the same answer), and nothing is
stored by these fields."""

Stop = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Penalty = Annotated[float, Field(ge=0, le=0), NUMBER] | None


BY_USER: JsonDict = {"required": ["role"], "properties": {"role": {"const": "user"}}}
"""A message that there must be, in terms of JSON Schema."""


class Message(BaseModel):
    """A message of the conversation; content is text, or parts of text and `data:` pictures."""

    model_config = ConfigDict(extra="allow")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[EarlierCall] | None = None
    """Of the assistant."""
    tool_call_id: str | None = None
    """Of a tool: which call it answers."""

    @property
    def text(self) -> str:
        """Its text, without pictures."""
        if isinstance(self.content, list):
            return " ".join(str(part.get("text", "")) for part in self.content if part.get("type") == "text")
        return self.content or ""

    def parts(self, name: str) -> tuple[str, bytes | None, list[str]]:
        """Text, picture and item ids of a message. Raises `UnsupportedField`, which begins with `name`."""
        if isinstance(self.content, str) or self.content is None:
            return self.content or "", None, []
        texts, pictures, items = [], [], []
        for number, part in enumerate(self.content):
            match part.get("type"):
                case "text":
                    texts.append(str(part.get("text", "")))
                case "image_url":
                    pictures.append(_picture(part.get("image_url")))
                case "item" if isinstance(part.get("item_id"), str):
                    items.append(part["item_id"])
                case _:
                    location = f"{name}.content.{number}"
                    raise UnsupportedField(location, "expected a part of type text, image_url or item")
        if len(pictures) > 1:
            raise UnsupportedField(f"{name}.content", "one picture is read in a message, and it has more")
        return " ".join(texts), pictures[0] if pictures else None, items


class ChatExtension(Strict):
    """What bowerbird's own clients send along."""

    state: dict[str, Any] | None = None
    """The state of the last reply; without it, the messages tell where the conversation is."""
    conversation: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """A name of the conversation, chosen by the client: the server remembers its state."""
    item_ids: Annotated[list[str], Field(max_length=50)] = Field(default=[])
    """Items to resemble."""
    n_items: Annotated[int, Field(ge=1, le=20), NUMBER] = 4
    """Most items of a list."""


class StreamOptions(Strict):
    """What a stream holds besides the reply."""

    include_usage: StrictBool = False
    include_obfuscation: StrictBool | None = None


class JsonSchema(Strict):
    """A schema that `content` follows."""

    name: Annotated[str, Field(max_length=100)] = ""
    description: str | None = None
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    strict: StrictBool | None = None


class PlainFormat(Strict):
    """Text, or some JSON object."""

    type: Literal["text", "json_object"]


class JsonSchemaFormat(Strict):
    """JSON by a schema: the reply's text and items by the names of the fields."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat = Annotated[PlainFormat | JsonSchemaFormat, Field(discriminator="type")]
"""The form of `content`."""


class ChatRequest(Strict):
    """OpenAI's request body. `WITHOUT_EFFECT` lists what is accepted and changes nothing."""

    messages: Annotated[
        list[Message], Field(min_length=1, max_length=MAX_MESSAGES, json_schema_extra={"contains": BY_USER})
    ]
    model: str = MODEL
    bowerbird: ChatExtension = ChatExtension()
    user: UserId | None = None
    stream: StrictBool | None = False
    stream_options: StreamOptions | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    max_tokens: Annotated[int, Field(ge=1), NUMBER] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1), NUMBER] | None = None
    response_format: ResponseFormat | None = None
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: StrictBool | None = None
    # Honoured where they ask for what is always done; another value is refused by its type.
    n: Annotated[Literal[1], NUMBER] | None = None
    store: Annotated[Literal[False], BOOLEAN] | None = None
    logprobs: Annotated[Literal[False], BOOLEAN] | None = None
    top_logprobs: Annotated[Literal[0], NUMBER] | None = None
    modalities: list[Literal["text"]] | None = None
    presence_penalty: Penalty = None
    frequency_penalty: Penalty = None
    logit_bias: Annotated[dict[str, Any], Field(max_length=0)] | None = None
    functions: Annotated[list[Any], Field(max_length=0)] | None = None
    function_call: Literal["none", "auto"] | None = None
    # Without effect.
    temperature: Annotated[float, Field(ge=0, le=2), NUMBER] | None = None
    top_p: Annotated[float, Field(ge=0, le=1), NUMBER] | None = None
    seed: Annotated[int, NUMBER] | None = None
    metadata: dict[str, str] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    service_tier: Literal["auto", "default"] | None = None
    _schema_filler: SchemaFiller | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _check_stream_options(self) -> ChatRequest:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options is only for streams: set stream to true")
        return self

    def model_post_init(self, _: Any) -> None:
        """Check that a reply can follow the schema. Raises `UnfitSchema`."""
        if isinstance(self.response_format, JsonSchemaFormat):
            self._schema_filler = SchemaFiller(self.response_format.json_schema.schema_)

    @property
    def schema_filler(self) -> SchemaFiller | None:
        """What makes a reply's JSON by the client's schema; None where it has none."""
        return self._schema_filler

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts before which the reply ends."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def max_reply_tokens(self) -> int | None:
        """Most tokens of the reply."""
        limits = [limit for limit in (self.max_tokens, self.max_completion_tokens) if limit is not None]
        return min(limits, default=None)

    @property
    def is_json(self) -> bool:
        """Whether `content` is to be a JSON object."""
        return self.response_format is not None and self.response_format.type != "text"


def _picture(image_url: Any) -> bytes:
    address = image_url.get("url") if isinstance(image_url, dict) else image_url
    media_type, _, data = address.partition(";base64,") if isinstance(address, str) else ("", "", "")
    if not media_type.startswith("data:image/"):
        raise InputError("a picture must come as data:image/…;base64,…: no address is fetched")
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        raise InputError("the picture's base64 is broken") from None


def unknown_model(name: str) -> JSONResponse:
    """The response to a request for another model."""
    message = f"there is no model {name[:100]!r}: the only one is {MODEL}"
    return error_response(404, message, "invalid_request_error", param="model", code="model_not_found")

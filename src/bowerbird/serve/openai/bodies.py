"""OpenAI's bodies as the documents describe them; answers are written without a check, tests compare."""

from __future__ import annotations

from typing import Any, Literal

from bowerbird.serve.bodies.base import Body
from bowerbird.serve.openai.extension import PreviewExtension, ReplyExtension


class ModelBody(Body):
    """A model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(Body):
    """All models: there is one."""

    object: Literal["list"]
    data: list[ModelBody]


class Embedding(Body):
    """The vector of one input."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str
    """Numbers, or base64 of float32."""


class PromptUsage(Body):
    """Tokens of the inputs."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Body):
    """The vectors of all inputs, in their order."""

    object: Literal["list"]
    model: str
    data: list[Embedding]
    usage: PromptUsage


class Usage(PromptUsage):
    """Tokens of a chat."""

    completion_tokens: int


class CalledFunction(Body):
    """A function, and its arguments as JSON text."""

    name: str
    arguments: str


class ToolCallBody(Body):
    """A call of a tool, which the client makes."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class ToolCallDelta(ToolCallBody):
    """A call of a tool in a stream; it comes whole."""

    index: int


class AssistantMessage(Body):
    """What the assistant says."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    tool_calls: list[ToolCallBody] | None = None
    """What the client has to call; then there is no content."""


class Choice(Body):
    """The reply."""

    index: int
    message: AssistantMessage
    logprobs: None
    finish_reason: Literal["stop", "length", "tool_calls"]


class CompletionBody(Body):
    """A chat completion; `bowerbird` is our extension."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage
    bowerbird: ReplyExtension


class Delta(Body):
    """What a chunk adds to the reply."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    tool_calls: list[ToolCallDelta] | None = None


class ChunkChoice(Body):
    """The reply's next part."""

    index: int
    delta: Delta
    logprobs: None
    finish_reason: Literal["stop", "length", "tool_calls"] | None


class CompletionChunk(Body):
    """An event of a streamed chat completion; the items come in `bowerbird` of the first, all else in the
    last."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    """None in the chunk of the usage."""
    usage: Usage | None = None
    bowerbird: ReplyExtension | PreviewExtension | None = None


class OutputText(Body):
    """A part of a message."""

    type: Literal["output_text"]
    text: str
    annotations: list[Any]
    logprobs: list[Any]


class OutputMessage(Body):
    """A message of a response."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    status: Literal["completed", "incomplete"]
    content: list[OutputText]


class ResponseBody(Body):
    """A response; `bowerbird` is our extension."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["completed", "incomplete"]
    error: None
    incomplete_details: dict[str, str] | None
    instructions: str | None
    max_output_tokens: int | None
    metadata: dict[str, str]
    model: str
    output: list[OutputMessage]
    parallel_tool_calls: bool
    previous_response_id: str | None
    temperature: float | None
    text: dict[str, Any]
    tool_choice: str
    tools: list[Any]
    top_p: float | None
    usage: dict[str, Any]
    bowerbird: ReplyExtension

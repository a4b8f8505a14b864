"""Tools of OpenAI's chat request, and the calls of them in its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from bowerbird.assist.writers.contract import ClientTools
from bowerbird.serve.errors import UnsupportedField

MAX_TOOLS = 128
MAX_RESULT_LENGTH = 4000  # characters of a tool's result that are read


class Strict(BaseModel):
    """A body in which a field that is not declared is an error."""

    model_config = ConfigDict(extra="forbid")


FunctionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class FunctionSpec(Strict):
    """A function that the client can call."""

    name: FunctionName
    description: Annotated[str, Field(max_length=4000)] | None = None
    parameters: dict[str, Any] | None = None
    """A JSON schema."""
    strict: StrictBool | None = None


class FunctionTool(Strict):
    """A tool."""

    type: Literal["function"]
    function: FunctionSpec


class NamedFunction(Strict):
    """A function by its name."""

    name: FunctionName


class NamedTool(Strict):
    """The tool that has to be called."""

    type: Literal["function"]
    function: NamedFunction


Tools: TypeAlias = Annotated[list[FunctionTool], Field(max_length=MAX_TOOLS)]
ToolChoice: TypeAlias = Literal["none", "auto", "required"] | NamedTool


class EarlierFunction(BaseModel):
    """The function of an earlier call; what clients add to it is read over."""

    name: str
    arguments: str


class EarlierCall(BaseModel):
    """A call that the model made before, as clients send it back; some add to it."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    type: Literal["function"] = "function"
    function: EarlierFunction


class Message(Protocol):
    """What is read of the messages of a conversation."""

    @property
    def role(self) -> str:
        """Who sent it."""
        ...

    @property
    def text(self) -> str:
        """Its text."""
        ...

    @property
    def tool_calls(self) -> list[EarlierCall] | None:
        """Of the assistant."""
        ...

    @property
    def tool_call_id(self) -> str | None:
        """Of a tool: which call it answers."""
        ...


def client_tools(
    tools: Sequence[FunctionTool],
    choice: ToolChoice | None,
    are_parallel: bool,
    messages: Sequence[Message],
    last_user: int,
) -> ClientTools | None:
    """The tools that a model may call, and what came of them since the user's last message (its number).

    None where there are neither. Raises `UnsupportedField`.
    """
    _check_choice(tools, choice)
    history = _read_history(messages, last_user)
    if not history and (not tools or choice == "none"):
        return None
    return ClientTools(
        tuple(tool.model_dump(exclude_none=True) for tool in tools),
        choice.model_dump() if isinstance(choice, NamedTool) else choice,
        are_parallel,
        history,
    )


def _check_choice(tools: Sequence[FunctionTool], choice: ToolChoice | None) -> None:
    if choice in (None, "none", "auto"):
        return
    if not tools:
        raise UnsupportedField("tool_choice", "there are no tools to choose from")
    if isinstance(choice, NamedTool) and choice.function.name not in {tool.function.name for tool in tools}:
        raise UnsupportedField("tool_choice", f"there is no tool {choice.function.name!r} among tools")


def _read_history(messages: Sequence[Message], last_user: int) -> tuple[Mapping[str, Any], ...]:
    """Calls of tools and their results since the user's last message; results are cut to
    `MAX_RESULT_LENGTH`."""
    history: list[Mapping[str, Any]] = []
    unanswered: set[str | None] = set()
    for number, message in enumerate(messages):
        if message.role == "assistant" and message.tool_calls:
            calls = [call.model_dump() for call in message.tool_calls]
            unanswered |= {call["id"] for call in calls}
            row = {"role": "assistant", "content": message.text or None, "tool_calls": calls}
        elif message.role == "tool":
            if message.tool_call_id not in unanswered:
                raise UnsupportedField(f"messages.{number}.tool_call_id", "no message before makes this call")
            unanswered.discard(message.tool_call_id)
            result = message.text[:MAX_RESULT_LENGTH]
            row = {"role": "tool", "tool_call_id": message.tool_call_id, "content": result}
        else:
            continue
        if number > last_user:
            history.append(row)
    if unanswered:
        raise UnsupportedField("messages", "a call of a tool has no message with its result")
    return tuple(history)

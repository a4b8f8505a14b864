"""One call of the API as a value: what is sent, and how its answer is read. Nothing here does I/O.

The same calls are sent by the synchronous and by the asynchronous client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from bowerbird.client.errors import InvalidAnswer

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
JSON = "application/json"


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request whose answer is a `T`."""

    method: str
    path: str
    read: Callable[[bytes], T]
    """Reads the answer's body; raises `InvalidAnswer`."""
    params: Mapping[str, Any] = field(default_factory=dict)
    content: bytes | None = None
    media_type: str = JSON
    is_repeatable: bool = True
    """Whether sending it twice does no more than sending it once."""


class StreamCall(Call[T]):
    """A request whose answer is a stream of server-sent events, each a `T`."""


def path_of(*segments: str) -> str:
    """A path of names and ids; ids may hold any characters.

    >>> path_of("users", "team/anna", "taste")
    '/users/team%2Fanna/taste'
    """
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def without_none(**fields: Any) -> dict[str, Any]:
    """Fields that have a value.

    >>> without_none(q="a lamp", cursor=None)
    {'q': 'a lamp'}
    """
    return {name: value for name, value in fields.items() if value is not None}


def answers(model: type[M]) -> Callable[[bytes], M]:
    """What reads a body as a model. Fields that a newer server adds are left out."""

    def read(content: bytes) -> M:
        try:
            return model.model_validate_json(content, extra="ignore")
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            field = ".".join(map(str, fault["loc"]))
            raise InvalidAnswer(
                f"the answer is no {model.__name__} ({field}: {fault['msg']}): "
                "is it bowerbird's address, and its version the client's?"
            ) from None

    return read


def get(model: type[M], *path: str, **params: Any) -> Call[M]:
    """A call that reads; parameters that are None are left out."""
    return Call("GET", path_of(*path), answers(model), without_none(**params))


def send_json(
    method: str, model: type[M], *path: str, body: Any = None, is_repeatable: bool = True
) -> Call[M]:
    """A call with a JSON body, if any."""
    content = None if body is None else to_json(body)
    return Call(method, path_of(*path), answers(model), content=content, is_repeatable=is_repeatable)

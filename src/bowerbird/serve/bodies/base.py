"""What all bodies share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    WithJsonSchema,
)

from bowerbird.errors import InputError
from bowerbird.ids import MAX_ID_LENGTH, id_fault


class Body(BaseModel):
    """Base of all answers: a field that is not declared is an error, which the tests would see."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


def _valid_user_id(user: str) -> str:
    if fault := id_fault(user):
        raise ValueError(f"the user id {fault}")
    return user


_USER_ID = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_ID_LENGTH,
    "pattern": r"^(?!\.{1,2}$)[^\x00]+$",
}
UserId = Annotated[str, AfterValidator(_valid_user_id), WithJsonSchema(_USER_ID)]
"""A user's id: any characters, at most 500."""


def _only_text(moment: object) -> object:
    if not isinstance(moment, str | datetime):
        raise ValueError("expected a time as text, such as 2026-01-31T00:00:00Z")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_only_text)]
"""A time with its zone: a number has more than one reading."""


def _no_boolean(number: object) -> object:
    """JSON's `true` is not the number 1, which pydantic would read it as."""
    if isinstance(number, bool):
        raise ValueError("expected a number, but got true or false")
    return number


def _no_number(value: object) -> object:
    """The number 0 is not JSON's `false`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("expected true or false, but got a number")
    return value


def _no_text(number: object) -> object:
    if isinstance(number, str):
        raise ValueError("expected a number, but got a text")
    return _no_boolean(number)


NUMBER = BeforeValidator(_no_boolean)
"""Of numbers in addresses, too, where they are texts."""
BOOLEAN = BeforeValidator(_no_number)
JSON_NUMBER = BeforeValidator(_no_text)
"""Of numbers in bodies; a whole one may be written 2.0, as JSON Schema says."""


@contextmanager
def reject_invalid(subject: str = "") -> Iterator[None]:
    """Raise `InputError` where what was sent does not fit into bowerbird's own model of it.

    `subject` is the beginning of the message.
    """
    try:
        yield
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise InputError(f"{subject}{place}: {fault['msg']}") from None

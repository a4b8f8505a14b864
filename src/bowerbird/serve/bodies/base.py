"""What all bodies share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

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

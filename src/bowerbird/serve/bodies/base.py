"""What all bodies share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from bowerbird.ids import id_fault


class Body(BaseModel):
    """Base of all answers: a field that is not declared is an error, which the tests would see."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


def _valid_user_id(user: str) -> str:
    if fault := id_fault(user):
        raise ValueError(f"the user id {fault}")
    return user


UserId = Annotated[str, AfterValidator(_valid_user_id)]
"""A user's id: any characters, at most 500."""

"""Bodies of interests."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from bowerbird.ids import MAX_ID_LENGTH
from bowerbird.serve.bodies.base import NUMBER, Body


class InterestChoice(BaseModel):
    """One interest, by its name or its rank in the user's list."""

    interest: Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]


class Correction(InterestChoice):
    """The weight to set, in clicks; 0 is "not me", none undoes what was set."""

    weight: Annotated[float | None, Field(ge=0, le=1e9), NUMBER] = None


class InterestBody(Body):
    """One interest of a user."""

    id: int
    name: str
    theme: str
    words: list[str]
    weight: float
    """In clicks, decayed."""
    share: float
    muted: bool
    boosted: bool
    corrected: bool


class InterestList(Body):
    """A user's interests, strongest first."""

    user: str
    interests: list[InterestBody]


class ScaledInterestList(InterestList):
    """The same at one time-scale, or at the mean of all."""

    scale: str | None

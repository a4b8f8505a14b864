"""One person's taste: seen whole, explained, changed by themselves, and taken away as a document.

What a person says of their taste holds for the next request, in this process and in every other one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from bowerbird.serve.app_state import Shop
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.ranking import Scale
from bowerbird.taste.profile.export import exported
from bowerbird.taste.profile.profile import TasteReader


class Word(BaseModel):
    """What a person says of one interest, by its name or its place in their list."""

    interest: Annotated[str, Field(min_length=1, max_length=500)]


class Correction(Word):
    """The weight that they give it, in clicks; 0 is "not me", none takes back what was set."""

    weight: Annotated[float | None, Field(ge=0, le=1e9)] = None


class Disowned(BaseModel):
    """An item that was not for them."""

    item_id: Annotated[str, Field(min_length=1, max_length=500)]


def _up_to_date(shop: Shop) -> TasteGraph:
    """The graph that answers now, with every event that the log holds."""
    taste = shop.now.taste
    taste.refresh()
    return taste


def _reader(shop: Shop) -> TasteReader:
    """A reader of the versions that answer now, with every event that the log holds."""
    return shop.now.reader  # opening it takes in what the log has


def routes(shop: Shop) -> APIRouter:
    router = APIRouter()
    _reading(router, shop)
    _saying(router, shop)
    return router


def _reading(router: APIRouter, shop: Shop) -> None:
    @router.get("/users/{user}/taste")
    def taste(user: str, log: bool = False) -> dict[str, Any]:
        """Interests by time-scale, distinct tastes, price comfort, dislikes, what changed this month.

        With `log` also searches, and what was passed over; the whole log is read for them.
        """
        found = _reader(shop)
        return found.told(found.profile(user, log=log))

    @router.get("/users/{user}/taste/interests")
    def interests(user: str, scale: Scale | None = None) -> dict[str, Any]:
        """Interests, strongest first, at one time-scale or at their mean."""
        graph = _up_to_date(shop)
        ranked = graph.interests(graph.state(user), scale=scale)
        return {"user": user, "scale": scale, "interests": [one.as_dict() for one in ranked]}

    @router.get("/users/{user}/taste/explain")
    def explain(user: str, item: str) -> dict[str, Any]:
        """Why an item may be for a person: the events and the interest that lead to it."""
        found = _reader(shop)
        return {"user": user, "item_id": item, **found.because(user, item).as_dict()}

    @router.get("/users/{user}/taste/crowd")
    def crowd(user: str) -> dict[str, Any]:
        """What people of similar taste share; never of fewer than 20, never who they are."""
        found = _reader(shop)
        return {"user": user, **found.told_crowd(found.crowd(user))}

    @router.get("/users/{user}/taste/export")
    def export(user: str) -> dict[str, Any]:
        """Everything kept of a person."""
        return exported(_reader(shop), user)


def _saying(router: APIRouter, shop: Shop) -> None:
    @router.post("/users/{user}/taste/{what}")
    def toggle(user: str, what: Literal["mute", "boost"], said: Word) -> dict[str, Any]:
        """Mute or boost an interest; again takes it back."""
        graph = _up_to_date(shop)
        change = graph.mute if what == "mute" else graph.boost
        return change(user, said.interest).as_dict()

    @router.put("/users/{user}/taste/weight")
    def correct(user: str, said: Correction) -> dict[str, Any]:
        """Set an interest's weight, or take back what was set."""
        return _up_to_date(shop).correct(user, said.interest, said.weight).as_dict()

    @router.put("/users/{user}/taste/not-mine")
    def not_mine(user: str, said: Disowned) -> dict[str, Any]:
        """Let what they did to an item not count; again takes it back."""
        return {"item_id": said.item_id, "set_aside": _up_to_date(shop).set_aside(user, said.item_id)}

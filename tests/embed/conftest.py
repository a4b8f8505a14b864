"""A toy shop with a known answer: squares of four colours, two crowds that like two colours each."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from bowerbird.data.events import Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import BackboneError
from bowerbird.models import fetch

COLOURS = {"red": (200, 30, 30), "green": (30, 160, 40), "blue": (30, 60, 200), "yellow": (230, 210, 40)}
CROWDS = (("red", "blue"), ("green", "yellow"))
OF_EACH = 12
START = datetime(2026, 1, 1, tzinfo=UTC)


def square(colour: str, k: int = 0) -> bytes:
    """A PNG of one colour, a little different for each k."""
    red, green, blue = COLOURS[colour]
    out = io.BytesIO()
    Image.new("RGB", (48, 48), (red, green + k, blue)).save(out, "PNG")
    return out.getvalue()


def toy_items() -> list[Item]:
    things = ("chair", "lamp", "rug", "vase")
    return [
        Item(f"{colour}-{k}", f"{colour} {things[k % 4]} number {k}", image=square(colour, k))
        for colour in COLOURS
        for k in range(OF_EACH)
    ]


def toy_events(people: int = 40) -> list[Event]:
    """Person p likes the colours of crowd p mod 2, in turn; the last two items of each colour stay cold."""
    events = []
    for person in range(people):
        for step in range(10):
            colour = CROWDS[person % 2][step % 2]
            item = f"{colour}-{(person * 3 + step // 2) % (OF_EACH - 2)}"
            at = START + timedelta(minutes=step, hours=person)
            events.append(Event(f"p{person}", item, Action.CLICK, at))
    return events


@pytest.fixture(scope="session")
def toy_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Store]:
    """Makes a store of the toy shop. Skips where the backbones are neither here nor to be had."""
    try:
        fetch("efficientnet-lite0"), fetch("minilm-l6")
    except BackboneError as error:
        pytest.skip(f"backbones are not here: {error}")

    def make(items: list[Item] | None = None, events: list[Event] | None = None) -> Store:
        folder: Path = tmp_path_factory.mktemp("toy") / "store"
        store = Store.create(folder)
        store.publish_catalogue(Catalogue.of(toy_items() if items is None else items))
        store.log.append(toy_events() if events is None else events)
        return store

    return make

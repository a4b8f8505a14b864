"""An operator's story: why a user sees an item, a rule tried and published, a version rolled back, a key."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urljoin

import pytest
from PIL import Image
from playwright.sync_api import expect

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.recommend.train import complete
from bowerbird.taste.control.boards import Boards
from factories import group_vectors, publish_vectors, toy_events

WIDE = 1440
LATENCY_MS = 700
N_ITEMS = 40
PICTURED = 3
"""Every third item has a picture."""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SECTIONS = {
    "": ".figures",
    "users": ".ranked",
    "catalogue": ".ranked",
    "rules": ".rules",
    "versions": ".version-set",
    "outcomes": ".state, .panel",
    "inspector": ".log-line, .state",
    "access": "#audit-title",
}


def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(content, "PNG")
    return content.getvalue()


@pytest.fixture(scope="module")
def operated_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two complete sets of versions: their vectors differ."""
    store = Store.create(tmp_path_factory.mktemp("operator") / "store")
    items = [
        Item(f"i{k}", f"thing {k}", image=None if k % PICTURED else picture(), price=5.0 + k)
        for k in range(N_ITEMS)
    ]
    store.publish_catalogue(Catalogue.of(items))
    store.log.append(toy_events(12, N_ITEMS))
    for seed in (1, 2):
        publish_vectors(store, group_vectors(N_ITEMS, seed=seed))
        complete(store)
    return store


@pytest.fixture(scope="module")
def address(operated_store: Store, serve: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    with serve(operated_store.path) as address:
        yield address


@pytest.fixture(scope="module")
def shoppers() -> Iterator[str]:
    return itertools.cycle(["u1"])


@pytest.mark.slow
@pytest.mark.parametrize("width", [WIDE, 768, 390])
def test_an_operators_story(
    open_page: Any, violations: Callable[[Any], list[str]], operated_store: Store, width: int
) -> None:
    page = open_page("/admin", width, latency_ms=0 if width == WIDE else LATENCY_MS)
    for section, shown in SECTIONS.items():
        page.locator(f".sections a[href='/admin{'/' if section else ''}{section}']").click()
        page.wait_for_selector(shown)
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, section
        assert violations(page) == [], section
    pinned = find_why(page)
    publish_a_pin(page, violations, pinned)
    roll_back(page, operated_store)


@pytest.mark.slow
@pytest.mark.parametrize(("section", "shown"), SECTIONS.items())
def test_nothing_jumps_whichever_answer_is_late(
    shifts_with_late_answers: Callable[..., dict[str, list[str]]], section: str, shown: str
) -> None:
    assert shifts_with_late_answers(f"/admin/{section}".removesuffix("/"), shown, width=768) == {}


@pytest.mark.slow
def test_a_picture_that_is_not_there_is_not_asked_for(open_page: Any, operated_store: Store) -> None:
    """`open_page` fails where the console shows an error."""
    Boards(operated_store.path).create("u1", "Mixed", [f"i{k}" for k in range(8)])
    page = open_page("/")
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    for path, shown in (("/", ".picture.none"), ("/boards", ".cover"), ("/taste", ".interest .name")):
        page.goto(urljoin(page.url, path))
        page.wait_for_selector(shown)
    page.locator(".interest .name").first.click()
    page.locator(".examples .thumbnail.none").first.click()
    page.wait_for_selector("dialog .picture.none")
    numbers = {int(match[1]) for url in urls if (match := re.search(r"/items/i(\d+)/image", url))}
    assert numbers and not any(number % PICTURED for number in numbers)


def find_why(page: Any) -> str:
    """Look behind the first item of a list; returns the id of the fifth."""
    page.locator(".sections a", has_text="As a user").click()
    page.fill("#as", "u3")
    page.press("#as", "Enter")
    page.wait_for_selector(".ranked-list[aria-label='List of u3']")
    page.locator(".ranked button").first.click()
    expect(page.locator(".behind")).to_contain_text("Proposed by")
    item_id: str = page.locator(".ranked").nth(4).get_attribute("data-item")
    return item_id


def publish_a_pin(page: Any, violations: Callable[[Any], list[str]], item_id: str) -> None:
    page.locator(".sections a", has_text="Rules").click()
    page.wait_for_selector(".rules")
    while page.locator(".rule").count():  # of the story at another width
        page.locator(".rule button", has_text="Remove").first.click()
    page.get_by_role("button", name="Pin an item").click()
    page.get_by_label("Item id", exact=True).fill(item_id)
    page.get_by_label("Show the list of").fill("u3")
    expect(page.get_by_role("button", name="Publish")).to_be_disabled()
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".preview")).to_contain_text("would change")
    assert violations(page) == []
    page.get_by_role("button", name="Publish").click()
    page.locator("dialog").get_by_role("button", name="Publish").dblclick()  # counts once
    expect(page.locator(".toast")).to_contain_text("Published")
    page.locator(".sections a", has_text="As a user").click()
    page.fill("#as", "u3")
    page.press("#as", "Enter")
    expect(page.locator(".ranked").first).to_have_attribute("data-item", item_id)


def roll_back(page: Any, store: Store) -> None:
    current = store.history().sets[-1].number
    earlier = store.history().previous.number
    page.locator(".sections a", has_text="Versions").click()
    page.locator(f".version-set[data-set='{earlier}'] a", has_text="Compare").click()
    expect(page.get_by_role("region", name=f"From set {earlier} to set {current}")).to_contain_text("vectors")
    page.locator(f".version-set[data-set='{earlier}'] button", has_text="Roll back").click()
    page.locator("dialog").get_by_role("button", name="Roll back").click()
    expect(page.locator(".toast")).to_contain_text("in force and served")
    expect(page.locator(f".version-set[data-set='{earlier}'] .hint").first).to_contain_text(
        "in force, served"
    )
    assert store.history().sets[-1].number == earlier

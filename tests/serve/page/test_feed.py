"""The feed and the sheet of an item."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

CARDS = "main .masonry .card[data-item]"


def items_of(page: Any) -> list[str]:
    """Ids of the cards of the view, in the document's order."""
    page.wait_for_selector(f"{CARDS} .card-title")
    item_ids: list[str] = page.eval_on_selector_all(CARDS, "cards => cards.map((card) => card.dataset.item)")
    return item_ids


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_the_feed_fits_and_its_rows_follow_the_ranking(open_page: Any, width: int) -> None:
    page = open_page("/", width)
    items_of(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    tops = page.eval_on_selector_all(CARDS, "cards => cards.map((card) => card.getBoundingClientRect().top)")
    assert tops == sorted(tops), "a card stands above one that is ranked higher"
    assert page.locator(".masonry .card").first.bounding_box()["y"] < 300


@pytest.mark.slow
def test_more_comes_at_the_end_and_nothing_moves(open_page: Any) -> None:
    page = open_page("/")
    first = items_of(page)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.locator(CARDS).nth(len(first))).to_be_attached()
    everything = items_of(page)
    assert everything[: len(first)] == first
    assert len(set(everything)) == len(everything)


def test_a_save_answers_in_place_and_can_be_undone(open_page: Any) -> None:
    page = open_page("/")
    before = items_of(page)
    heart = page.locator(CARDS).nth(3).locator(".heart")
    heart.dblclick()  # counts once
    expect(heart).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".toast")).to_contain_text("Saved")
    assert items_of(page) == before
    assert page.evaluate("document.activeElement.className").startswith("heart")
    page.goto(page.url + "boards")
    expect(page.locator(".cover").first).to_contain_text("Saved")
    page.goto(page.url.removesuffix("boards") + "boards/saved")
    assert before[3] in items_of(page)
    page.locator(f"{CARDS}[data-item='{before[3]}'] .heart").click()
    expect(page.locator(f"{CARDS}[data-item='{before[3]}']")).to_have_count(0)


@pytest.mark.slow
def test_undo_takes_a_save_back(open_page: Any) -> None:
    page = open_page("/")
    items_of(page)
    heart = page.locator(CARDS).first.locator(".heart")
    heart.click()
    page.locator(".toast button").click()
    expect(heart).to_have_attribute("aria-pressed", "false")


@pytest.mark.slow
def test_new_picks_come_when_they_are_asked_for(open_page: Any) -> None:
    page = open_page("/")
    before = items_of(page)
    page.locator(CARDS).first.locator(".heart").click()
    page.locator(".news").click()
    expect(page.locator(f"{CARDS}[data-item='{before[0]}']")).to_have_count(0)


def test_an_item_has_an_address_and_back_closes_it(open_page: Any) -> None:
    page = open_page("/")
    item = items_of(page)[1]
    page.locator(f"{CARDS}[data-item='{item}'] .card-title a").click()
    sheet = page.locator("dialog.sheet")
    expect(sheet.locator(".facts")).to_be_visible()
    assert page.url.endswith(f"?item={item}")
    expect(sheet.locator("section", has_text="Why this?").locator("li").first).to_be_visible()
    expect(sheet.locator("section[aria-label='More like this'] .card-title").first).to_be_visible()
    page.go_back()
    expect(sheet).to_have_count(0)
    page.go_forward()
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    page.goto(page.url + f"?item={item}")  # a link that somebody sent
    expect(page.locator("dialog.sheet .item-title")).to_be_visible()


@pytest.mark.slow
def test_another_window_learns_of_a_save(open_page: Any) -> None:
    page = open_page("/")
    user = page.evaluate("JSON.parse(localStorage.getItem('bowerbird.user'))")
    other = open_page("/", user=user)
    items_of(other)
    items_of(page)
    page.locator(CARDS).first.locator(".heart").click()
    expect(other.locator(".news")).to_be_visible()


@pytest.mark.slow
def test_words_of_an_error_and_a_way_on(open_page: Any) -> None:
    page = open_page("/boards")
    page.wait_for_selector(".cover, .state")
    page.route("**/recommendations**", lambda route: route.fulfill(status=200, body="<html>"))
    page.click("nav a[href='/']")
    expect(page.locator(".state[role=alert]")).to_contain_text("Please try again")
    page.unroute("**/recommendations**")
    page.locator(".state button").click()
    assert items_of(page)


@pytest.mark.slow
def test_a_module_that_does_not_come_is_asked_for_again(browser: Any, address: str) -> None:
    """By itself, once; then by a button. The console's errors are those of the network here."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    for module, shown in (("views/chat.js", "#assistant"), ("app/main.js", "main.alone")):
        page.route(f"**/{module}", lambda route: route.abort(), times=1)
        page.goto(address)
        expect(page.locator("#question")).to_be_visible()
        page.route(f"**/{module}", lambda route: route.abort())
        page.goto(address)
        alert = page.locator(f"{shown} [role=alert], {shown}[role=alert]")
        expect(alert).to_be_visible()
        page.unroute(f"**/{module}")
        alert.locator("button").click()
        expect(page.locator("#question")).to_be_visible()
        page.evaluate("sessionStorage.clear()")
    page.context.close()

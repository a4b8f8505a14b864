"""The page in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync", "--no-first-run"]

pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=[1280, 390], ids=["wide", "narrow"])
def page(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#feed .card")
    yield page
    assert errors == []
    page.close()


def test_the_feed_shows_and_fits(page: Any) -> None:
    assert page.locator("#feed .card").count() == 24
    assert page.locator("#synthetic").is_visible()
    assert page.locator("#interests li").count() > 0
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0


def test_saving_changes_feed_and_another_shopper_has_another_taste(page: Any) -> None:
    first = page.locator("#feed .card").first.get_attribute("data-item")
    page.locator("#feed .card").first.get_by_role("button", name="Save").click()
    expect(page.locator(f"#feed .card[data-item='{first}']")).to_have_count(0)
    mine = page.locator("#interests").inner_text()
    page.select_option("#shopper", index=3)
    expect(page.locator("#interests")).not_to_have_text(mine, use_inner_text=True, timeout=30_000)


def test_the_chat_answers_with_cards(page: Any) -> None:
    page.fill("#question", "a lamp under 500")
    page.press("#question", "Enter")
    page.wait_for_selector("#talk .products .card")
    assert page.locator("#talk .said.assistant").inner_text()
    assert "lamp" in page.locator("#talk .products").inner_text().lower()


def say(page: Any, text: str) -> None:
    """Send a message, and wait for what may be said next."""
    page.fill("#question", text)
    page.press("#question", "Enter")
    page.wait_for_selector("#talk .said.assistant:nth-last-child(-n + 3) ~ .suggestions")


def test_a_suggestion_is_the_next_message_and_a_comparison_a_table(page: Any) -> None:
    say(page, "a lamp under 500")
    chip = page.locator("#talk .suggestions button", has_text="Compare")
    chip.click()
    page.wait_for_selector("#talk table.comparison")
    table = page.locator("#talk table.comparison")
    titles = page.locator("#talk .products .card h3").all_inner_texts()[:2]
    assert table.locator("tr").first.locator("th").all_inner_texts()[1:] == titles
    assert "price" in table.inner_text()
    assert page.locator("#talk .said.user").last.inner_text() == "Compare the first two"


def test_the_page_sends_the_state_back(page: Any) -> None:
    say(page, "a lamp under 500")
    with page.expect_request("**/v1/chat/completions") as sent:
        say(page, "why the first one?")
    state = sent.value.post_data_json["bowerbird"]["state"]
    assert state["turns"] == 1 and len(state["on_screen"]) > 0
    title = page.locator("#talk .products .card h3").first.inner_text()
    assert title in page.locator("#talk .said.assistant").last.inner_text()


def test_search_fills_the_feed(page: Any) -> None:
    page.fill("#query", "striped rug")
    page.press("#query", "Enter")
    expect(page.locator("#feed-title")).to_contain_text("striped rug")
    assert page.locator("#feed .card").count() > 0

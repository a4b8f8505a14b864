"""The assistant beside the views."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def send(page: Any, text: str) -> None:
    """Send a message, and wait for the end of its reply."""
    n_turns = page.locator(".turn").count()
    page.fill("#question", text)
    page.press("#question", "Enter")
    expect(page.locator(".turn")).to_have_count(n_turns + 1)
    expect(page.locator(".turn").last.locator(".tools")).to_be_visible()


def titles(page: Any) -> list[str]:
    titles_shown: list[str] = page.locator(".turn").last.locator(".card-title").all_inner_texts()
    return titles_shown


def test_a_conversation_with_cards_chips_and_a_comparison(open_page: Any) -> None:
    page = open_page("/")
    send(page, "a lamp under 500")
    assert titles(page)
    box = page.locator("#question").bounding_box()
    assert box["y"] + box["height"] < 900, "the message box is out of sight"
    chips = page.locator(".constraint")
    expect(chips).to_have_text(["lamp", "up to 500"])
    page.get_by_role("button", name="Change: up to 500").click()
    page.fill(".edit-need input[name=high]", "100")
    page.press(".edit-need input[name=high]", "Enter")
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".turn").last.locator(".constraint")).to_have_text(["lamp", "up to 100"])
    page.get_by_role("button", name="Remove: up to 100").click()
    expect(page.locator(".turn")).to_have_count(3)
    expect(page.locator(".turn").last.locator(".constraint")).to_have_text(["lamp"])
    assert len(titles(page)) > 1
    for box in page.locator(".turn").last.locator(".compare input").all()[:2]:
        box.check()
    page.get_by_role("button", name="Compare 2 items").click()
    expect(page.locator(".turn").last.locator("table")).to_contain_text("price")


def test_a_reload_keeps_the_conversation(open_page: Any) -> None:
    page = open_page("/")
    send(page, "a lamp under 500")
    before = titles(page)
    page.fill("#question", "half a sen")
    page.reload()
    expect(page.locator("#question")).to_have_value("half a sen")
    assert titles(page) == before
    send(page, "why the first one?")
    assert before[0] in page.locator(".turn").last.inner_text()


def test_ask_about_an_item_and_look_into_the_reply(open_page: Any) -> None:
    page = open_page("/")
    page.locator("main .card-title a").first.click()
    title = page.locator(".item-title").inner_text()
    page.get_by_role("button", name="Ask about this").click()
    expect(page.locator("dialog.sheet")).to_have_count(0)
    expect(page.locator(".composer .about")).to_contain_text(title)
    send(page, "how much is it?")
    expect(page.locator(".turn").last.locator(".bubble.user .about")).to_contain_text(title)
    page.locator(".tools button", has_text=" ms").click()
    expect(page.locator("dialog")).to_contain_text("Tokens")


def test_a_picture_is_a_message(open_page: Any, tmp_path: Path) -> None:
    page = open_page("/chat", 390)
    content = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(content, "PNG")
    (tmp_path / "teal.png").write_bytes(content.getvalue())
    page.locator(".composer input[type=file]").first.set_input_files(tmp_path / "teal.png")
    expect(page.locator(".composer .about img")).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn .tools")).to_be_visible()
    assert titles(page)


def test_stop_and_a_failure_keep_the_message(open_page: Any) -> None:
    page = open_page("/")
    page.route("**/v1/chat/completions", lambda route: None)  # no answer comes
    page.fill("#question", "a lamp")
    page.press("#question", "Enter")
    page.press("#question", "Enter")  # sent once
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.locator(".turn")).to_contain_text("You stopped")
    page.unroute("**/v1/chat/completions")
    page.route("**/v1/chat/completions", lambda route: route.fulfill(status=200, body="data: x\n\n"))
    page.locator(".turn").get_by_role("button", name="Try again").click()
    expect(page.locator(".turn .failed")).to_contain_text("Your message is kept.")
    page.unroute("**/v1/chat/completions")
    page.locator(".turn .failed button").click()
    expect(page.locator(".turn .tools")).to_be_visible()

"""The page of `taste show --html`: self-contained, safe against a catalogue's text, and fit for a phone."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.events import Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.report.taste_picture import sparkline
from bowerbird.taste.graph import TasteGraph

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
EVIL = "<script>document.title='caught'</script>"


def picture(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 300), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def page(ada: TasteGraph, store: Store, did: Callable[..., Event], tmp_path: Path) -> Path:
    """The page of a user with several interests, a hide, and titles that try to be markup."""
    items = []
    for k, item in enumerate(store.catalogue().items()):
        image = None if k % 10 == 3 else b"no picture" if k % 10 == 4 else picture(f"hsl({9 * k}, 60%, 60%)")
        items.append(
            Item(
                item.item_id,
                f"{EVIL} {item.title}",
                price=item.price,
                currency="EUR",
                image=image,
                attributes=item.attributes,
            )
        )
    store.publish_catalogue(Catalogue.of(items))
    store.log.append([did("ada", 20 + k, Action.CLICK, day=10 + k) for k in range(5)])
    store.log.append([did("ada", 39, Action.HIDE, day=12)])
    out = tmp_path / "ada.html"
    result = CliRunner().invoke(app, ["taste", "show", str(store.path), "--user", "ada", "--html", str(out)])
    assert result.exit_code == 0, result.stdout
    return out


def test_the_page_makes_no_network_requests(page: Path) -> None:
    html = page.read_text()
    for address in re.findall(r'(?:src|href)="([^"]*)"', html):
        assert address.startswith("data:")
    assert "url(" not in html and "@import" not in html
    assert EVIL not in html and "default-src 'none'" in html
    assert len(html) < 600_000, "pictures are small"


def test_the_page_has_every_section(page: Path) -> None:
    html = page.read_text()
    for section in ("river", "changes", "tastes", "scales", "prices", "against", "did"):
        assert f'id="{section}"' in html
    assert html.count("<rect") == 14, "one tick for each stored event"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = started.chromium.launch(executable_path=BROWSER, args=flags)
        yield browser
        browser.close()


@pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_in_a_browser(browser: Any, page: Path, width: int) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 900})
    problems: list[str] = []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("request", lambda request: problems.append(request.url) if request.url[:4] == "http" else None)
    tab.goto(page.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert tab.title() == "The taste of ada" and problems == []
    assert tab.locator(".stream svg path").count() == 3
    broken = "[...document.images].filter(one => !one.complete || !one.naturalWidth).length"
    assert tab.evaluate(broken) == 0
    tab.close()


def test_a_sparkline_is_as_wide_as_asked_and_full_at_the_top() -> None:
    assert sparkline([0.0, 0.0], 3) == "   "
    line = sparkline([1.0, 2.0, 8.0, 4.0, 0.0], 5)
    assert line == "▁▂█▄ "

"""The page of `taste show --html`: whole in itself, safe against a catalogue's text, and fit for a phone."""

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
    """The page of somebody with several tastes, a hide, and titles that try to be markup."""
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
    ran = CliRunner().invoke(app, ["taste", "show", str(store.path), "--user", "ada", "--html", str(out)])
    assert ran.exit_code == 0, ran.stdout
    return out


def test_the_page_asks_nothing_of_the_network(page: Path) -> None:
    html = page.read_text()
    for where in re.findall(r'(?:src|href)="([^"]*)"', html):
        assert where.startswith("data:")
    assert "url(" not in html and "@import" not in html
    assert EVIL not in html and "default-src 'none'" in html
    assert len(html) < 600_000, "pictures are small"


def test_the_page_tells_every_part(page: Path) -> None:
    html = page.read_text()
    for part in ("river", "changes", "tastes", "scales", "prices", "against", "did"):
        assert f'id="{part}"' in html
    assert html.count("<rect") == 14, "one tick for each kept event"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = started.chromium.launch(executable_path=BROWSER, args=flags)
        yield browser
        browser.close()


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_in_a_browser(browser: Any, page: Path, width: int) -> None:
    shown = browser.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    shown.on("console", lambda said: complaints.append(said.text))
    shown.on("request", lambda asked: complaints.append(asked.url) if asked.url[:4] == "http" else None)
    shown.goto(page.as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert shown.title() == "The taste of ada" and complaints == []
    assert shown.locator(".stream svg path").count() == 3
    broken = "[...document.images].filter(one => !one.complete || !one.naturalWidth).length"
    assert shown.evaluate(broken) == 0
    shown.close()


def test_a_sparkline_is_as_wide_as_asked_and_full_at_the_top() -> None:
    assert sparkline([0.0, 0.0], 3) == "   "
    drawn = sparkline([1.0, 2.0, 8.0, 4.0, 0.0], 5)
    assert drawn == "▁▂█▄ "

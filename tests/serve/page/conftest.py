"""A real browser on a real server."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync", "--no-first-run"]
LARGEST_SHIFT = 0.05  # cumulative, a page's life long; a good page has at most .1 (web.dev/cls)
TIMEOUT_MS = 120_000  # the first chat of a server opens its models, on a busy machine for a minute
expect.set_options(timeout=TIMEOUT_MS)
WATCH_SHIFTS = """
window.layoutShift = 0;
window.shifted = [];
const nameOf = (node) => node ? `${node.nodeName.toLowerCase()}.${node.className ?? ""}` : "(gone)";
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    window.layoutShift += entry.value;
    const moved = entry.sources.map(({ node, previousRect: a, currentRect: b }) =>
      `${nameOf(node)} from ${a.y} to ${b.y}`);
    window.shifted.push(`${entry.value.toFixed(3)} at ${location.pathname}: ${moved.join(", ")}`);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
WAYS_PAST_LEAD_SOMEWHERE = """() => [...document.querySelectorAll("a.skip")].every(
    (link) => document.querySelector(link.getAttribute("href")))"""
VIOLATIONS = """
axe.run(document, { resultTypes: ["violations"] })
  .then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`))
"""

LATE_MS = 500
DELAY_LATE_FETCH = f"""
window.fetchedPaths = new Set();
const fetchNow = window.fetch;
window.fetch = async (request, options) => {{
  const path = new URL(request.url ?? request, location.href).pathname;
  window.fetchedPaths.add(path);
  if (path === sessionStorage.getItem("late")) await new Promise((go) => setTimeout(go, {LATE_MS}));
  return fetchNow(request, options);
}};
"""

Open = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if BROWSER is None:
        folder = Path(__file__).parent
        for item in items:
            if folder in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="there is no Chromium on this machine"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser of one file: its event loop would be in the way of other files' `asyncio.run`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shoppers(address: str) -> Iterator[str]:
    """Users of the store, another one for each page, so that tests don't meet."""
    users = httpx.get(f"{address}/users", params={"n": 50}, timeout=120).json()["users"]
    return itertools.cycle(users)


@pytest.fixture
def open_page(browser: Any, address: str, shoppers: Iterator[str]) -> Iterator[Open]:
    """`open_page(path, width)`: a page of a shopper. It must log no error, and nothing may jump.

    `latency_ms` is added to each answer: what comes long after a click may jump where else it does not.
    """
    contexts, errors, pages = [], [], []

    def open_(
        path: str = "/", width: int = 1440, user: str = "", theme: str = "light", latency_ms: int = 0
    ) -> Any:
        viewport = {"width": width, "height": 844 if width < 500 else 900}
        context = browser.new_context(
            viewport=viewport, locale="en-US", color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        if latency_ms:
            conditions = {
                "offline": False,
                "latency": latency_ms,
                "downloadThroughput": -1,
                "uploadThroughput": -1,
            }
            context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.add_init_script(f"localStorage.setItem('bowerbird.user', '\"{user or next(shoppers)}\"')")
        page.add_init_script(WATCH_SHIFTS)
        page.goto(address + path)
        page.wait_for_selector("#view-title")
        pages.append(page)
        return page

    yield open_
    open_pages = [page for page in pages if not page.is_closed()]
    shifts = [page.evaluate("window.layoutShift") for page in open_pages]
    moved = [line for page in open_pages for line in page.evaluate("window.shifted")]
    for context in contexts:
        context.close()
    assert errors == []
    assert all(shift <= LARGEST_SHIFT for shift in shifts), "\n".join(["the layout shifted:", *moved])


@pytest.fixture
def violations() -> Callable[[Any], list[str]]:
    """What axe-core finds wrong with a page as it stands."""

    def check(page: Any) -> list[str]:
        page.wait_for_function(WAYS_PAST_LEAD_SOMEWHERE)
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE + "; undefined")
        results: list[str] = page.evaluate(VIOLATIONS)
        return results

    return check


@pytest.fixture
def shifts_with_late_answers(open_page: Open) -> Callable[[str, str, int], dict[str, list[str]]]:
    """Open a page once for each request it makes, with this answer long after all others; list what jumped.

    `check(path, shown, width)`: `shown` selects what is there when all answers have come.
    """

    def check(path: str, shown: str, width: int) -> dict[str, list[str]]:
        page = open_page("/", width)
        page.add_init_script(DELAY_LATE_FETCH)
        page.goto(urljoin(page.url, path))
        settle(page, shown)
        jumps = {}
        for late in page.evaluate("[...window.fetchedPaths]"):
            page.evaluate("(path) => sessionStorage.setItem('late', path)", late)
            page.reload()
            settle(page, shown)
            if page.evaluate("window.layoutShift") > LARGEST_SHIFT:
                jumps[late] = page.evaluate("window.shifted")
        page.close()  # the fixture's own limit would count the last page again
        return jumps

    return check


def settle(page: Any, shown: str) -> None:
    page.wait_for_selector(shown)
    page.wait_for_timeout(2 * LATE_MS)

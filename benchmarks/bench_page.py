"""The page in a real Chromium: weight and speed of the first view, a shopper's story, and many open tabs.

    python benchmarks/bench_page.py STORE [--minutes 10] [--tabs 20]

The last line is JSON. For each width: first contentful paint, bytes and requests of the first view, layout
shift over the whole story, and the 75th percentile of interactions to the next paint. Then some tabs stay
open, one of them saves an item every few seconds, and the server's memory is read before and after. STORE is
copied: the story changes it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from server_process import ServerProcess, running_server

WIDTHS = {1440: 900, 768: 1024, 390: 844}
CARDS = "main .masonry .card[data-item]"
PATIENCE_MS = 180_000
expect.set_options(timeout=PATIENCE_MS)
QUIET_MS = 2000  # without a response: the view is there
SAVE_EVERY_S = 5
SETTLE_S = 60
"""From the opening of the tabs to the first reading of the memory."""
OBSERVE = """
window.shift = 0; window.delays = new Map();
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => {
  for (const { interactionId: id, duration } of list.getEntries())
    if (id) window.delays.set(id, Math.max(duration, window.delays.get(id) ?? 0));
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


@dataclass
class ShopperWindow:
    """A shopper's window, and what was measured of it."""

    page: Page
    address: str
    shift: float = 0.0
    """Largest layout shift of its documents."""
    delays: list[float] = field(default_factory=list)
    """Of each interaction until the next paint, milliseconds."""

    @classmethod
    def begin(cls, browser: Browser, address: str, width: int) -> ShopperWindow:
        """Open a window without a cache."""
        viewport = ViewportSize(width=width, height=WIDTHS[width])
        context = browser.new_context(viewport=viewport, locale="en-US")
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.add_init_script(OBSERVE)
        return cls(page, address)

    def first_view(self) -> dict[str, float]:
        """Open the page, until nothing more comes."""
        received: list[int] = []
        client = self.page.context.new_cdp_session(self.page)
        client.send("Network.enable")
        client.on("Network.loadingFinished", lambda event: received.append(int(event["encodedDataLength"])))
        self.page.goto(self.address)
        self.page.wait_for_selector(f"{CARDS} .card-title")
        n_received = -1
        while len(received) > n_received:
            n_received = len(received)
            self.page.wait_for_timeout(QUIET_MS)
        return {
            "first_paint_ms": round(self.page.evaluate(FIRST_PAINT)),
            "first_view_kb": round(sum(received) / 1000, 1),
            "first_view_requests": len(received),
        }

    def go(self, path: str) -> None:
        """Open another document."""
        self.read()
        self.page.goto(self.address + path)

    def read(self) -> None:
        """Read what the document measured."""
        self.page.wait_for_timeout(500)  # entries come after their frames
        self.shift = max(self.shift, self.page.evaluate("window.shift"))
        self.delays += self.page.evaluate("[...window.delays.values()]")

    def send(self, text: str) -> None:
        """Send a message, and wait for the end of its reply."""
        turns = self.page.locator(".turn")
        count = turns.count()
        self.page.fill("#question", text)
        self.page.press("#question", "Enter")
        expect(turns).to_have_count(count + 1)
        expect(turns.last.locator(".tools")).to_be_visible()

    def shop(self, board: str) -> None:
        """Save and undo, open an item, search, ask three questions, make a board, change the taste."""
        page = self.page
        page.locator(f"{CARDS} .heart").nth(1).click()
        page.locator(".toast button").click()
        page.locator(f"{CARDS} .heart").nth(2).click()
        page.locator(f"{CARDS} .card-title a").first.click()
        page.wait_for_selector("dialog.sheet .facts")
        page.keyboard.press("Escape")
        page.fill("#query", "striped rug")
        page.press("#query", "Enter")
        page.wait_for_selector(f"{CARDS} .card-title")
        page.select_option("select[name=order]", "cheapest")
        self.go("/chat")
        for text in ("a lamp under 500", "cheaper", "what do you know about me?"):
            self.send(text)
        self.go("/boards")
        page.fill(".new-board input[name=name]", board)
        page.press(".new-board input[name=name]", "Enter")
        expect(page.locator("#view-title")).to_have_text(board)
        self.go("/taste")
        page.locator(".interest").first.get_by_role("button", name="Hide").click()
        expect(page.locator(".interest.muted")).to_have_count(1)
        page.locator(".interest.muted").get_by_role("button", name="Hide").click()
        self.read()


def story(browser: Browser, address: str, width: int) -> dict[str, float]:
    """Figures of a story at one width."""
    window = ShopperWindow.begin(browser, address, width)
    figures = window.first_view()
    window.shop(f"Board {width}")
    window.page.context.close()
    return {
        **figures,
        "layout_shift": round(window.shift, 4),
        "interactions": len(window.delays),
        "inp_p75_ms": round(statistics.quantiles(window.delays, n=4)[2]),
    }


def stay(browser: Browser, server: ServerProcess, tabs: int, minutes: float) -> dict[str, Any]:
    """Keep tabs open; the server's memory every minute, in megabytes."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    pages = [context.new_page() for _ in range(tabs)]
    for page in pages:
        page.goto(server.address)
        page.wait_for_selector(f"{CARDS} .card-title")
    pages[0].wait_for_timeout(1000 * SETTLE_S)
    memory, end, saves = [round(server.memory_mb())], time.monotonic() + 60 * minutes, 0
    next_reading = time.monotonic() + 60
    while time.monotonic() < end:
        pages[0].locator(f"{CARDS} .heart").nth(saves % 12).click()
        saves += 1
        pages[0].wait_for_timeout(1000 * SAVE_EVERY_S)
        if time.monotonic() >= next_reading:
            memory.append(round(server.memory_mb()))
            next_reading += 60
    memory.append(round(server.memory_mb()))
    context.close()
    return {"tabs": tabs, "minutes": minutes, "saves": saves, "server_mb": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--tabs", type=int, default=20)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Path(shutil.copytree(options.store, Path(folder) / "store"))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with running_server(store) as server:
            server.wait_until_ready()
            load = os.getloadavg()[0]
            widths = {}
            for width in WIDTHS:
                widths[str(width)] = story(browser, server.address, width)
                print(width, widths[str(width)], flush=True)
            open_tabs = stay(browser, server, options.tabs, options.minutes) if options.tabs else None
        browser.close()
    print(json.dumps({"load": [load, os.getloadavg()[0]], "widths": widths, "open_tabs": open_tabs}))


if __name__ == "__main__":
    main()

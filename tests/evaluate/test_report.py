"""The page is self-contained, makes no requests, and escapes titles."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bowerbird.data.ingest.imports import ImportSummary, RowCounts
from bowerbird.evaluate import Comparison, Evaluation, Split, SystemResult
from bowerbird.evaluate.bootstrap import Interval
from bowerbird.evaluate.results import SliceComparison, SliceResult
from bowerbird.report import (
    BenchGroup,
    Card,
    DemoReport,
    InterestChart,
    ShopperPanel,
    Turn,
    render_report,
)

EVIL = '<script>alert("x")</script>'
CHROMIUM = Path("/usr/bin/chromium")


def picture(seed: int, height: int = 224) -> bytes:
    """A vase of a random colour in front of a wall."""
    rng = np.random.default_rng(seed)
    wall, vase = rng.integers(190, 250, 3), rng.integers(30, 190, 3)
    y, x = np.mgrid[0:height, 0:224]
    width = 30 + 45 * np.sin(np.pi * np.clip((y - 0.2 * height) / (0.65 * height), 0, 1))
    inside = (abs(x - 112) < width) & (y > 0.2 * height) & (y < 0.85 * height)
    pixels = np.where(inside[..., None], vase, wall).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


def evaluation(split: Split) -> Evaluation:
    def interval(mean: float) -> Interval:
        return Interval(mean, mean * 0.8, mean * 1.2)

    names = ["popularity", "recent popularity", "ItemKNN", "EASE", "iALS", "generic, mean of history"]
    names += ["bowerbird", "bowerbird: vectors only, mean"]
    systems = [
        SystemResult(
            name,
            name.startswith("bowerbird"),
            {
                "recall@20": interval(0.08 + 0.02 * k),
                "recall@20, known users": interval(0.06 + 0.02 * k),
                "ndcg@20": interval(0.07 + 0.015 * k),
                "mrr": interval(0.1 + 0.01 * k),
                "cold recall@20": interval(0.02 * k if k > 4 else 0.0),
                "coverage": Interval(0.05 * k),
                "undefined": Interval(),
            },
            fit_seconds=1.0,
            rank_seconds=1.0,
            settings={},
        )
        for k, name in enumerate(names)
    ]
    gap, ratio = Interval(0.04, -0.01, 0.09), Interval(1.2, 0.9, 1.4)
    baseline = "recent popularity" + EVIL
    results = [
        SliceComparison(metric, interval(0.11), baseline, interval(0.07), slice_ratio)
        for metric, slice_ratio in (("recall@20", ratio), ("ndcg@20", Interval()))
    ]
    groups = (
        ("items", "new items"),
        ("users", "new users: history not in training"),
        ("price", "price up to 20 EUR"),
    )
    return Evaluation(
        *(split, 20, None, 211, 3, 600, 41, 12034),
        systems=systems,
        comparisons=[Comparison("recall@20", "bowerbird", "iALS", gap, ratio)],
        slices=[SliceResult(group, name, 107, results) for group, name in groups],
    )


@pytest.fixture(scope="module")
def sample() -> DemoReport:
    kinds = [
        "Ash wood floor lamp",
        "Linen cushion with a long and careful name",
        "Stoneware vase",
        "Wool throw",
    ]
    cards = [
        Card(
            title=f"{kinds[k % 4]}, {['ochre', 'indigo', 'sage'][k % 3]}",
            price=f"{19 + 7 * k}.00 EUR",
            image=picture(k, height=180 + 40 * (k % 4)) if k != 5 else None,
            reason="because you saved the indigo vase" if k % 2 else "close to your mid-century oak",
        )
        for k in range(16)
    ]
    day = 86_400_000_000
    t = np.arange(60)
    rng = np.random.default_rng(0)
    peaks = rng.uniform(0, 60, 9)
    weights = [(5 * np.exp(-((t - p) ** 2) / 150) + 0.2).tolist() for p in peaks]
    names = ["Scandinavian lamps", "indigo textiles", "boho rugs", "oak tables", "ceramics", "wool coats"]
    names += ["linen shirts", "mirrors", EVIL]
    return DemoReport(
        title="A bowerbird's first look around a shop",
        synthetic=True,
        imported=[
            ImportSummary(
                "google-feed",
                items=RowCounts(603, 600, 600, Counter({"price is not a number": 2, EVIL: 1})),
                images=598,
                images_broken=2,
            ),
            ImportSummary("segment", events=RowCounts(21034, 21030, 21030, Counter({"unknown item": 4}))),
        ],
        shopper=ShopperPanel(
            user="shopper-17",
            recommendations=[*cards, Card(EVIL, EVIL, b"GIF no picture", EVIL)],
            recent=[replace(card, reason="") for card in cards[:9]],
            interests=InterestChart(names, (1_700_000_000_000_000 + t * day).tolist(), weights),
        ),
        conversation=[
            Turn("user", "a warm lamp for a reading corner under 60"),
            Turn(
                "assistant", "Three lamps fit, all under 60 EUR. The ochre one is closest to you.", cards[:3]
            ),
            Turn("user", "but in green " + EVIL),
            Turn("assistant", "There is no green one under 60.\nThe nearest costs 68 EUR.", cards[4:6]),
        ],
        quality=[evaluation(split) for split in Split],
        bench=[
            BenchGroup("Time to first token", "s", [("stock-like", 8.41, False), ("bowerbird", 0.46, True)]),
            BenchGroup("End to end", "s", [("stock-like", 11.2, False), ("bowerbird", 2.9, True)]),
            BenchGroup(
                "Cost of 1,000 turns", "USD", [("stock-like", 0.62, False), ("bowerbird", 0.16, True)]
            ),
            BenchGroup("Peak memory", "MiB", [("stock-like", 2210, False), ("bowerbird", 1204, True)]),
        ],
        stages=[
            ("draw the world", 21.3, 410),
            ("import", 4.2, 420),
            ("embed", 180.0, 2100),
            ("graft", 240, 3900),
        ],
    )


class _Reader(HTMLParser):
    """Records every element and every address, and checks that opened elements are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader


def test_no_title_becomes_markup(sample: DemoReport) -> None:
    reader = read(render_report(sample))
    assert "script" not in reader.tags
    assert reader.open == []
    escaped = replace(sample, title=EVIL, notes=[EVIL], stages=[(EVIL, 1.0, 1.0)])
    assert "script" not in read(render_report(escaped)).tags


def test_requests_nothing_from_the_network(sample: DemoReport) -> None:
    page = render_report(sample)
    assert read(page).addresses
    assert all(address.startswith("data:image/") for address in read(page).addresses)
    assert not re.search(r"url\(|@import|https?:", page)


def test_says_that_the_data_are_synthetic_and_only_then(sample: DemoReport) -> None:
    assert "Synthetic demo world" in render_report(sample)
    assert "ynthetic" not in render_report(replace(sample, synthetic=False))


def test_shows_every_section_and_leaves_out_empty_ones(sample: DemoReport) -> None:
    ids = re.findall(r'<section id="(\w+)"', render_report(sample))
    assert ids == ["shopper", "interests", "conversation", "quality", "bench", "imports", "stages"]
    assert "<section" not in render_report(DemoReport("empty", synthetic=False))


def test_every_ranker_and_interval_is_there(sample: DemoReport) -> None:
    page = render_report(sample)
    for system in sample.quality[0].systems:
        assert system.name in page
    assert "undefined" not in page
    assert "0.176–0.264" in page  # iALS: 0.08 + 0.02 * 7 = 0.22, ± 20 %
    assert page.count("price up to 20 EUR") == page.count("<details>") == len(sample.quality)
    assert "0.056–0.084" in page  # the best baseline of a slice: 0.07, ± 20 %
    assert "Not significantly different: the 95 % CI includes 0." in page


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_fits_the_screen_in_a_real_browser(sample: DemoReport, tmp_path: Path, width: int) -> None:
    """No horizontal overflow, no requests, no console errors."""
    assert sample.shopper is not None
    sync_api = pytest.importorskip("playwright.sync_api")
    page_file = tmp_path / "report.html"
    page_file.write_text(render_report(sample), encoding="utf-8")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        page = browser.new_page(viewport={"width": width, "height": 900})
        requests: list[str] = []
        errors: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(page_file.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert errors == []
        # The best recommendations are in the first row, from left to right.
        positions = (
            "all => all.map(e => [e.getBoundingClientRect().y, e.getBoundingClientRect().x, e.innerText])"
        )
        cells = sorted(page.eval_on_selector_all(".cell", positions))
        n_columns = 4 if width > 720 else 2
        for (_, _, text), card in zip(cells[:n_columns], sample.shopper.recommendations, strict=False):
            assert text.lstrip().startswith(card.title)
        browser.close()

"""The interface's words: every language has every text, and the same values stand in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bowerbird.report
import bowerbird.serve

PAGE = Path(bowerbird.serve.__file__).parent / "page"
REPORT_STYLE = Path(bowerbird.report.__file__).parent / "templates" / "style.css"
REPORT_NAMES = {"paper": "ground", "wash": "tint"}
"""Colours of reports that have another name on the page."""
DARK = re.compile(r'data-theme="dark"|prefers-color-scheme: dark')
TEXT = re.compile(r'"([a-z]+\.[\w.]+)":\s*(\[.*?\]|"(?:[^"\\]|\\.)*")')
NAMES_IN_CODE = re.compile(r"""\bt\(\s*["']([a-z]+\.[\w.]+)["']""")


def texts(language: str) -> dict[str, set[str]]:
    """For each text the names of its values."""
    content = (PAGE / "app" / "texts" / f"{language}.js").read_text()
    return {name: set(re.findall(r"\{(\w+)\}", text)) for name, text in TEXT.findall(content)}


@pytest.mark.parametrize("language", ["de", "es", "fr", "it"])
def test_a_language_has_the_texts_of_english(language: str) -> None:
    assert texts(language) == texts("en")


def test_every_text_that_the_code_names_is_there() -> None:
    code = "".join(path.read_text() for path in PAGE.rglob("app/**/*.js") if "texts" not in path.parts)
    assert set(NAMES_IN_CODE.findall(code)) <= texts("en").keys()
    assert len(texts("en")) > 150


def colours(style: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#\w+);", style))


@pytest.mark.parametrize("is_dark", [False, True])
def test_reports_have_the_colours_of_the_page(is_dark: bool) -> None:
    parts = [DARK.split(path.read_text()) for path in (REPORT_STYLE, PAGE / "styles" / "tokens.css")]
    report, page = (colours(themes[-1 if is_dark else 0]) for themes in parts)
    shared = {name: REPORT_NAMES.get(name, name) for name in report.keys() - {"bar"}}
    assert len(shared) == 15
    assert {name: page[shared[name]] for name in shared} == {name: report[name] for name in shared}

"""The interface's words: every language has every text, and the same values stand in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bowerbird.serve

PAGE = Path(bowerbird.serve.__file__).parent / "page"
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

"""Texts and ids; HTML inside text fields becomes the text that a browser would show."""

from __future__ import annotations

import html
import math
import re
from html.parser import HTMLParser
from typing import Any

MAX_UNESCAPED = 3
"""Times that text is unescaped: feeds escape it once or twice, and CDATA hides that."""
BLOCKS = frozenset(
    re.findall(
        r"\w+", "p div br li ul ol tr table h1 h2 h3 h4 h5 h6 section article header footer hr dt dd td th"
    )
)
INLINE = frozenset(
    re.findall(
        r"\w+",
        "a b i u s em strong span small big sub sup font img abbr acronym code mark q strike del ins center "
        "tbody thead blockquote pre style script html body head meta link iframe video source svg path "
        "button input form label nav main figure figcaption picture dl col colgroup caption title address",
    )
)
HIDDEN = frozenset({"style", "script", "head", "title", "svg"})
NULL_WORDS = frozenset(
    {"", "null", "(null)", "none", "nan", "<na>", "n/a", "#n/a", "\\n", "undefined", "(not set)", "-", "--"}
)
"""What databases, spreadsheets and trackers write in place of a value that they do not have."""
MAX_NULL = 12  # characters of a text that may stand for a missing value
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_TAG = re.compile(r"<!--|</?([a-zA-Z][a-zA-Z0-9]*)(?=[\s/>])[^<>]*>")
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
"""Marks of XML that a table took over as text."""
_BLANKS = re.compile(r"\s+")
_INVISIBLE = str.maketrans(dict.fromkeys((0xAD, 0x200B, 0x200E, 0x200F, 0xFEFF), None))


def parse_text(value: Any) -> str:
    """Parse a text and strip it; empty for a missing value and for lists, objects and booleans.

    Whole numbers lose their ".0": tables with missing values hold ids as floats. Lone surrogates, which JSON
    can hold and UTF-8 files can't, become question marks.

    >>> parse_text(108775015.0), parse_text(None), parse_text({"id": 1}), parse_text("half \\ud800")
    ('108775015', '', '', 'half ?')
    """
    if isinstance(value, str) and value.isascii():
        return value.strip()
    if (
        value is None
        or isinstance(value, dict | list | bool)
        or (isinstance(value, float) and math.isnan(value))
    ):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return (text if text.isascii() else text.encode(errors="replace").decode()).strip()


def parse_name(value: Any) -> str:
    """Parse an id or a name; empty for what stands for none.

    >>> parse_name(" lamp "), parse_name("(not set)"), parse_name("NaN")
    ('lamp', '', '')
    """
    text = parse_text(value)
    return "" if is_null(text) else text


def is_null(text: str) -> bool:
    """Whether a text stands for a missing value."""
    return len(text) <= MAX_NULL and text.strip().lower() in NULL_WORDS


def parse_prose(value: Any) -> str:
    """Parse a title or a description: entities unescaped, tags left out, runs of blanks as one blank.

    Only tags of HTML are left out, so "3 < 4" and "<ring>" stay as they are.

    >>> parse_prose("&lt;p&gt;Tv&#228;tt: Tyg i 60 grader.&lt;/p&gt;"), parse_prose("Table &amp;amp; chair")
    ('Tvätt: Tyg i 60 grader.', 'Table & chair')
    >>> parse_prose("<p>Soft &nbsp;<b>wool</b></p>"), parse_prose("size < 3 & more")
    ('Soft wool', 'size < 3 & more')
    """
    text = _CDATA.sub(r"\1", parse_text(value))
    if text.isascii() and "<" not in text and "&" not in text:
        return " ".join(text.split())
    for _ in range(MAX_UNESCAPED):
        if has_tags(text):
            text = _without_tags(text)
        elif _ENTITY.search(text):
            text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
        else:
            break
    else:
        text = _without_tags(text) if has_tags(text) else text
    return _BLANKS.sub(" ", text.translate(_INVISIBLE)).strip()


def has_tags(text: str) -> bool:
    """Whether a text holds a tag of HTML, or a comment."""
    return any(
        tag[1] is None or tag[1].lower() in BLOCKS or tag[1].lower() in INLINE for tag in _TAG.finditer(text)
    )


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        self._hidden += tag in HIDDEN
        if tag in BLOCKS:
            self.parts.append(" ")
        elif tag not in INLINE:
            self.parts.append(self.get_starttag_text() or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        if tag in BLOCKS:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """See `HTMLParser`."""
        if tag in HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag in BLOCKS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        """See `HTMLParser`."""
        if not self._hidden:
            self.parts.append(data)


def _without_tags(text: str) -> str:
    parser = _Text()
    parser.feed(text)
    parser.close()
    return "".join(parser.parts)

"""Renders the templates of reports; what comes from the data can't become markup."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

_IMAGE_TYPES = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"RIFF", "webp"))
"""First bytes of an image file and its media type."""


def render(template: str, **values: Any) -> str:
    """Render a file of `report/templates` with values, which the template escapes."""
    return _environment().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """HTML and SVG escape every value, Markdown those in tables by `cell`; a misspelt name is an error."""
    environment = Environment(
        loader=PackageLoader("bowerbird.report"),
        autoescape=select_autoescape(("html", "svg")),
        extensions=["jinja2.ext.do"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for text_filter in (cell, data_uri, fixed, number, percent):
        environment.filters[text_filter.__name__] = text_filter
    return environment


def cell(value: object) -> str:
    """Format a value for a Markdown table; names from the data cannot break out of their cells.

    >>> cell("a|b <script>")
    'a\\\\|b &lt;script>'
    """
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")


def data_uri(image: bytes | None) -> str:
    """Encode a picture as a data: URI; empty where it is missing or of an unknown format."""
    for magic, image_type in _IMAGE_TYPES:
        if image is not None and image.startswith(magic):
            return f"data:image/{image_type};base64,{base64.b64encode(image).decode()}"
    return ""


def fixed(value: float, digits: int) -> str:
    """Format a number with thousands separators and that many decimals."""
    return f"{value:,.{digits}f}"


def number(value: float, digits: int = 3) -> str:
    """Format a number with thousands separators, and decimals unless it is whole and large, or an integer.

    >>> number(12345.0), number(0.12345), number(3.14159, 1), number(7)
    ('12,345', '0.123', '3.1', '7')
    """
    if isinstance(value, int) or (float(value).is_integer() and abs(value) >= 10):
        return f"{value:,.0f}"
    return f"{value:,.{digits}f}"


def percent(share: float) -> str:
    """Format a share in whole per cent."""
    return f"{share:.0%}"

"""HTML elements that every part uses. Text from outside reaches the page through `text()` only."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

from bowerbird.report.contents import Card

_IMAGE_TYPES = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"RIFF", "webp"))
"""First bytes of an image file and its media type."""


def text(value: object) -> str:
    """A value as text that can't be markup.

    >>> text("<script>")
    '&lt;script&gt;'
    """
    return html.escape(str(value), quote=True)


def section(name: str, heading: str, lead: str, body: str) -> str:
    """One part of the page; `body` is markup already, heading and lead are text."""
    return (
        f'<section id="{name}"><header><h2>{text(heading)}</h2><p class="lead">{text(lead)}</p></header>'
        f"{body}</section>"
    )


def picture(image: bytes | None, title: str) -> str:
    """The picture as a data: URI, or the title's first letter where it is missing or unusable."""
    for magic, image_type in _IMAGE_TYPES:
        if image is not None and image.startswith(magic):
            data = base64.b64encode(image).decode()
            return f'<img alt="{text(title)}" src="data:image/{image_type};base64,{data}">'
    return f'<div class="blank" aria-hidden="true">{text(title[:1] or "·")}</div>'


def card(product: Card) -> str:
    reason = f'<p class="why">{text(product.reason)}</p>' if product.reason else ""
    price = f'<span class="price">{text(product.price)}</span>' if product.price else ""
    return (
        f'<article class="card">{picture(product.image, product.title)}<div class="words">'
        f"<h3>{text(product.title)}</h3>{price}{reason}</div></article>"
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that restacks on a narrow screen; heads are text, cells are markup, the first names its row."""
    header = "".join(f'<th scope="col">{text(head)}</th>' for head in heads)
    lines = []
    for row in rows:
        cells = "".join(
            f'<td data-head="{text(head)}">{cell}</td>' for head, cell in zip(heads[1:], row[1:], strict=True)
        )
        lines.append(f'<tr><th scope="row">{row[0]}</th>{cells}</tr>')
    return f"<table><thead><tr>{header}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def number(value: float, digits: int = 3) -> str:
    """A number with thousands separators, and decimals unless it is a large whole one.

    >>> number(12345.0), number(0.12345), number(3.14159, 1)
    ('12,345', '0.123', '3.1')
    """
    if float(value).is_integer() and abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:,.{digits}f}"

"""Pictures of items in a terminal: by Kitty's protocol or Sixel where it speaks one, else by half blocks."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rich.console import RenderableType

from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.cli.requests.reply_view import DrawItem
    from bowerbird.data.items import Catalogue

HEIGHT_CELLS = 5


def is_interactive() -> bool:
    """Whether somebody sits at a terminal: neither side is a pipe, and it shows more than plain text."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def open_pictures(catalogue: Catalogue) -> DrawItem | None:
    """What draws an item's picture, on a terminal that can.

    None on others, where NO_COLOR is set, and without textual-image (`pip install 'bowerbird[chat]'`).
    """
    if not is_interactive() or os.environ.get("NO_COLOR") or not os.get_terminal_size().columns:
        return None
    try:
        from textual_image.renderable import Image  # asks the terminal what it can
    except ImportError:
        return None
    from bowerbird.data.files.images import open_picture

    def draw(position: int) -> RenderableType | None:
        encoded = catalogue.image(position)
        if encoded is None:
            return None
        try:
            with open_picture(encoded) as opened:
                return Image(opened.convert("RGB"), width="auto", height=HEIGHT_CELLS)
        except InputError:
            return None

    return draw

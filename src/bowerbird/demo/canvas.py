"""A mask to draw outlines on, and the parts that many products share.

Coordinates run from 0 to 1, right and down, on a square canvas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from PIL import Image, ImageDraw

OVERSAMPLING = 2  # masks are drawn larger by this factor, for smooth edges
Point = tuple[float, float]


class Canvas:
    """Draws on one mask, in coordinates from 0 to 1."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.image = Image.new("L", (side, side), 0)
        self._pen = ImageDraw.Draw(self.image)

    def _scaled(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self.side, y * self.side) for x, y in points]

    def polygon(self, *points: Point, fill: int = 255) -> None:
        """Draw a polygon."""
        self._pen.polygon(self._scaled(points), fill=fill)

    def ellipse(self, x0: float, y0: float, x1: float, y1: float, fill: int = 255) -> None:
        """Draw an ellipse."""
        self._pen.ellipse([v * self.side for v in (x0, y0, x1, y1)], fill=fill)

    def box(self, x0: float, y0: float, x1: float, y1: float, radius: float = 0.0, fill: int = 255) -> None:
        """Draw a box."""
        self._pen.rounded_rectangle([v * self.side for v in (x0, y0, x1, y1)], radius * self.side, fill=fill)

    def line(self, *points: Point, width: float) -> None:
        """Draw a line."""
        self._pen.line(self._scaled(points), fill=255, width=max(1, round(width * self.side)), joint="curve")

    def arc(self, x0: float, y0: float, x1: float, y1: float, start: float, end: float, width: float) -> None:
        """Draw an arc."""
        box = [v * self.side for v in (x0, y0, x1, y1)]
        self._pen.arc(box, start, end, fill=255, width=round(width * self.side))


def draw_legs(trim: Canvas, style: str, xs: Sequence[float], top: float, bottom: float) -> None:
    """Legs as a style makes them: tapered, splayed, square, turned, gilded paws, thin rods."""
    for x in xs:
        out = 0.03 if x > 0.5 else -0.03
        if style in ("scandinavian", "mid-century"):
            splay = out * (2.0 if style == "mid-century" else 1.0)
            trim.polygon(
                (x - 0.018, top), (x + 0.018, top), (x + splay + 0.008, bottom), (x + splay - 0.008, bottom)
            )
        elif style == "industrial":
            trim.box(x - 0.014, top, x + 0.014, bottom)
            trim.box(x - 0.03, bottom - 0.015, x + 0.03, bottom)
        elif style == "japandi":
            trim.box(x - 0.024, top, x + 0.024, bottom)
        elif style == "art deco":
            trim.polygon((x - 0.035, top), (x + 0.035, top), (x + 0.012, bottom), (x - 0.012, bottom))
        elif style == "baroque":
            trim.line((x, top), (x + out, (2 * top + bottom) / 3), (x - out * 0.6, bottom), width=0.028)
            trim.ellipse(x - out * 0.6 - 0.026, bottom - 0.04, x - out * 0.6 + 0.026, bottom)
        elif style == "coastal":
            trim.box(x - 0.02, top, x + 0.02, bottom, radius=0.01)
            trim.box(x - 0.028, (top + bottom) / 2 - 0.012, x + 0.028, (top + bottom) / 2 + 0.012)
        else:
            for segment in range(4):
                y = top + (bottom - top) * segment / 4
                trim.ellipse(x - 0.022, y, x + 0.022, y + (bottom - top) / 4)


def draw_fringe(trim: Canvas, x0: float, x1: float, y: float, length: float = 0.05) -> None:
    """Threads hanging from an edge."""
    count = int((x1 - x0) / 0.022)
    for k in range(count + 1):
        x = x0 + (x1 - x0) * k / count
        trim.line((x, y), (x, y + length), width=0.008)


Outline: TypeAlias = Callable[[Canvas, Canvas, str], None]
"""Draws a product's body and its trim (legs, handles, frames), which depends on the style."""

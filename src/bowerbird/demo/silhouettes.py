"""The outline of each product type: a body, and a trim (legs, handles, frames) that depends on the style.

Coordinates run from 0 to 1, right and down, on a square canvas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

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
        self._pen.polygon(self._scaled(points), fill=fill)

    def ellipse(self, x0: float, y0: float, x1: float, y1: float, fill: int = 255) -> None:
        self._pen.ellipse([v * self.side for v in (x0, y0, x1, y1)], fill=fill)

    def box(self, x0: float, y0: float, x1: float, y1: float, radius: float = 0.0, fill: int = 255) -> None:
        self._pen.rounded_rectangle([v * self.side for v in (x0, y0, x1, y1)], radius * self.side, fill=fill)

    def line(self, *points: Point, width: float) -> None:
        self._pen.line(self._scaled(points), fill=255, width=max(1, round(width * self.side)), joint="curve")

    def arc(self, x0: float, y0: float, x1: float, y1: float, start: float, end: float, width: float) -> None:
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


def _lamp(body: Canvas, trim: Canvas, style: str) -> None:
    if style in ("industrial", "mid-century"):
        body.polygon((0.36, 0.22), (0.64, 0.22), (0.76, 0.46), (0.24, 0.46))
    elif style in ("japandi", "scandinavian"):
        body.ellipse(0.27, 0.16, 0.73, 0.52)
    else:
        body.polygon((0.4, 0.18), (0.6, 0.18), (0.74, 0.48), (0.26, 0.48))
        if style in ("bohemian", "baroque"):
            draw_fringe(trim, 0.27, 0.73, 0.475)
    trim.box(0.485, 0.46, 0.515, 0.82)
    if style == "baroque":
        trim.ellipse(0.44, 0.56, 0.56, 0.68)
    trim.ellipse(0.35, 0.79, 0.65, 0.86)


def _chair(body: Canvas, trim: Canvas, style: str) -> None:
    draw_legs(trim, style, (0.33, 0.67), 0.58, 0.86)
    body.box(0.29, 0.52, 0.71, 0.61, 0.03)
    if style in ("art deco", "baroque"):
        body.ellipse(0.32, 0.16, 0.68, 0.52)
        body.box(0.34, 0.34, 0.66, 0.54)
    elif style in ("japandi", "coastal"):
        for y in (0.22, 0.31, 0.4):
            body.box(0.32, y, 0.68, y + 0.055, 0.015)
        trim.box(0.31, 0.2, 0.345, 0.55)
        trim.box(0.655, 0.2, 0.69, 0.55)
    else:
        body.box(0.32, 0.18, 0.68, 0.44, 0.08 if style != "industrial" else 0.01)
        trim.box(0.36, 0.42, 0.39, 0.54)
        trim.box(0.61, 0.42, 0.64, 0.54)


def _sofa(body: Canvas, trim: Canvas, style: str) -> None:
    draw_legs(trim, style, (0.2, 0.8), 0.68, 0.8)
    round_ = {"art deco": 0.14, "baroque": 0.1, "industrial": 0.015, "japandi": 0.02}.get(style, 0.05)
    body.box(0.16, 0.36, 0.84, 0.62, round_)
    body.box(0.1, 0.46, 0.24, 0.7, min(0.07, round_))
    body.box(0.76, 0.46, 0.9, 0.7, min(0.07, round_))
    body.box(0.14, 0.54, 0.86, 0.7, 0.02)
    if style == "baroque":
        trim.arc(0.3, 0.26, 0.7, 0.56, 190, 350, 0.025)


def _table(body: Canvas, trim: Canvas, style: str) -> None:
    draw_legs(trim, style, (0.22, 0.78), 0.48, 0.84)
    if style in ("mid-century", "art deco", "baroque"):
        body.ellipse(0.12, 0.38, 0.88, 0.54)
    else:
        body.polygon((0.2, 0.4), (0.8, 0.4), (0.9, 0.5), (0.1, 0.5))
        body.box(0.1, 0.5, 0.9, 0.535)


def _vase(body: Canvas, trim: Canvas, style: str) -> None:
    if style in ("art deco", "industrial"):
        body.polygon((0.36, 0.2), (0.64, 0.2), (0.7, 0.55), (0.6, 0.84), (0.4, 0.84), (0.3, 0.55))
    elif style in ("japandi", "scandinavian"):
        body.ellipse(0.28, 0.4, 0.72, 0.86)
        body.box(0.45, 0.22, 0.55, 0.5)
    else:
        body.ellipse(0.3, 0.34, 0.7, 0.78)
        body.polygon((0.42, 0.24), (0.58, 0.24), (0.56, 0.44), (0.44, 0.44))
        body.polygon((0.42, 0.7), (0.58, 0.7), (0.62, 0.85), (0.38, 0.85))
    trim.box(0.4, 0.2, 0.6, 0.225, 0.01)
    if style == "baroque":
        trim.arc(0.2, 0.36, 0.44, 0.62, 60, 300, 0.022)
        trim.arc(0.56, 0.36, 0.8, 0.62, 240, 120, 0.022)


def _mug(body: Canvas, trim: Canvas, style: str) -> None:
    side = trim if style in ("industrial", "baroque", "art deco", "coastal") else body
    side.arc(0.58, 0.4, 0.84, 0.7, 270, 90, 0.05)
    if style in ("mid-century", "bohemian", "baroque"):
        body.polygon((0.26, 0.32), (0.7, 0.32), (0.64, 0.78), (0.32, 0.78))
        body.ellipse(0.31, 0.7, 0.65, 0.82)
    else:
        body.box(0.28, 0.32, 0.68, 0.8, 0.05)
    trim.box(0.27, 0.31, 0.69, 0.335, 0.01)


def _clock(body: Canvas, trim: Canvas, style: str) -> None:
    if style in ("mid-century", "baroque"):
        for k in range(16):
            angle = k * math.pi / 8
            trim.line((0.5, 0.5), (0.5 + 0.38 * math.cos(angle), 0.5 + 0.38 * math.sin(angle)), width=0.018)
            trim.ellipse(
                0.48 + 0.38 * math.cos(angle),
                0.48 + 0.38 * math.sin(angle),
                0.52 + 0.38 * math.cos(angle),
                0.52 + 0.38 * math.sin(angle),
            )
    if style in ("art deco", "japandi"):
        trim.box(0.22, 0.22, 0.78, 0.78, 0.03)
        for canvas, fill in ((trim, 0), (body, 255)):
            canvas.box(0.26, 0.26, 0.74, 0.74, 0.02, fill)
    else:
        trim.ellipse(0.22, 0.22, 0.78, 0.78)
        for canvas, fill in ((trim, 0), (body, 255)):
            canvas.ellipse(0.255, 0.255, 0.745, 0.745, fill)
    hands = ((0.5, 0.5), (0.5, 0.32)), ((0.5, 0.5), (0.63, 0.56))
    for start, end in hands:
        trim.line(start, end, width=0.022)
    for k in range(12):
        x, y = 0.5 + 0.21 * math.cos(k * math.pi / 6), 0.5 + 0.21 * math.sin(k * math.pi / 6)
        trim.ellipse(x - 0.012, y - 0.012, x + 0.012, y + 0.012)


def _mirror(body: Canvas, trim: Canvas, style: str) -> None:
    if style in ("industrial", "japandi", "art deco"):
        body.box(0.28, 0.12, 0.72, 0.86, 0.02 if style != "art deco" else 0.2)
    else:
        body.ellipse(0.24, 0.14, 0.76, 0.84)
    if style == "baroque":
        for k in range(14):
            x, y = 0.5 + 0.26 * math.cos(k * math.pi / 7), 0.49 + 0.35 * math.sin(k * math.pi / 7)
            trim.ellipse(x - 0.035, y - 0.035, x + 0.035, y + 0.035)
    if style == "bohemian":
        draw_fringe(trim, 0.36, 0.64, 0.8, 0.1)


def mirror_glass(glass: Canvas, style: str) -> None:
    """The looking glass inside a mirror's frame."""
    if style in ("industrial", "japandi", "art deco"):
        glass.box(0.335, 0.175, 0.665, 0.805, 0.01 if style != "art deco" else 0.16)
    else:
        glass.ellipse(0.3, 0.2, 0.7, 0.78)


def _cushion(body: Canvas, trim: Canvas, style: str) -> None:
    points = [
        (0.2, 0.24),
        (0.5, 0.28),
        (0.8, 0.24),
        (0.76, 0.5),
        (0.8, 0.78),
        (0.5, 0.74),
        (0.2, 0.78),
        (0.24, 0.5),
    ]
    if style in ("japandi", "art deco"):
        body.ellipse(0.2, 0.22, 0.8, 0.8)
    else:
        body.polygon(*points)
    if style in ("bohemian", "baroque"):
        for x, y in ((0.2, 0.24), (0.8, 0.24), (0.2, 0.78), (0.8, 0.78)):
            trim.ellipse(x - 0.035, y - 0.035, x + 0.035, y + 0.035)
    elif style in ("coastal", "mid-century"):
        trim.line(*points, points[0], width=0.016)


def _rug(body: Canvas, trim: Canvas, style: str) -> None:
    if style in ("japandi", "mid-century"):
        body.ellipse(0.12, 0.3, 0.88, 0.8)
    else:
        body.polygon((0.24, 0.28), (0.76, 0.28), (0.92, 0.78), (0.08, 0.78))
        if style in ("bohemian", "baroque", "coastal"):
            draw_fringe(trim, 0.1, 0.9, 0.775, 0.06)
        if style in ("baroque", "art deco"):
            trim.line((0.28, 0.33), (0.72, 0.33), (0.84, 0.73), (0.16, 0.73), (0.28, 0.33), width=0.016)


def _dress(body: Canvas, trim: Canvas, style: str) -> None:
    flare = {"art deco": 0.16, "industrial": 0.15, "japandi": 0.17}.get(style, 0.26)
    body.polygon(
        (0.4, 0.14),
        (0.6, 0.14),
        (0.64, 0.3),
        (0.58, 0.44),
        (0.5 + flare, 0.86),
        (0.5 - flare, 0.86),
        (0.42, 0.44),
        (0.36, 0.3),
    )
    body.polygon((0.4, 0.14), (0.3, 0.3), (0.37, 0.34), (0.42, 0.24))
    body.polygon((0.6, 0.14), (0.7, 0.3), (0.63, 0.34), (0.58, 0.24))
    _garment_trim(trim, style, 0.5 - flare, 0.5 + flare, 0.85, waist=(0.415, 0.585, 0.43))


def _shirt(body: Canvas, trim: Canvas, style: str) -> None:
    body.polygon((0.36, 0.18), (0.64, 0.18), (0.7, 0.3), (0.68, 0.84), (0.32, 0.84), (0.3, 0.3))
    body.polygon((0.36, 0.18), (0.14, 0.42), (0.24, 0.5), (0.36, 0.36))
    body.polygon((0.64, 0.18), (0.86, 0.42), (0.76, 0.5), (0.64, 0.36))
    trim.polygon((0.42, 0.16), (0.5, 0.26), (0.46, 0.29), (0.38, 0.19))
    trim.polygon((0.58, 0.16), (0.5, 0.26), (0.54, 0.29), (0.62, 0.19))
    for y in (0.34, 0.46, 0.58, 0.7):
        trim.ellipse(0.49, y, 0.51, y + 0.02)
    if style in ("bohemian", "baroque"):
        _garment_trim(trim, style, 0.32, 0.68, 0.83)


def _sweater(body: Canvas, trim: Canvas, style: str) -> None:
    body.box(0.29, 0.2, 0.71, 0.82, 0.06)
    body.polygon((0.33, 0.2), (0.1, 0.66), (0.21, 0.72), (0.38, 0.42))
    body.polygon((0.67, 0.2), (0.9, 0.66), (0.79, 0.72), (0.62, 0.42))
    trim.arc(0.4, 0.12, 0.6, 0.3, 0, 180, 0.035)
    trim.box(0.29, 0.78, 0.71, 0.82, 0.02)
    trim.polygon((0.1, 0.66), (0.21, 0.72), (0.23, 0.68), (0.12, 0.62))
    trim.polygon((0.9, 0.66), (0.79, 0.72), (0.77, 0.68), (0.88, 0.62))
    if style in ("bohemian", "baroque"):
        _garment_trim(trim, style, 0.3, 0.7, 0.8)


def _skirt(body: Canvas, trim: Canvas, style: str) -> None:
    flare = {"art deco": 0.18, "industrial": 0.17, "japandi": 0.2}.get(style, 0.32)
    body.polygon((0.38, 0.24), (0.62, 0.24), (0.5 + flare, 0.82), (0.5 - flare, 0.82))
    _garment_trim(trim, style, 0.5 - flare, 0.5 + flare, 0.81, waist=(0.38, 0.62, 0.25))


def _jacket(body: Canvas, trim: Canvas, style: str) -> None:
    _shirt_sides = ((0.34, 0.16), (0.66, 0.16), (0.74, 0.3), (0.71, 0.84), (0.29, 0.84), (0.26, 0.3))
    body.polygon(*_shirt_sides)
    body.polygon((0.34, 0.16), (0.12, 0.74), (0.24, 0.78), (0.38, 0.42))
    body.polygon((0.66, 0.16), (0.88, 0.74), (0.76, 0.78), (0.62, 0.42))
    trim.line((0.5, 0.3), (0.5, 0.84), width=0.016)
    trim.polygon((0.38, 0.15), (0.5, 0.34), (0.42, 0.42), (0.32, 0.2))
    trim.polygon((0.62, 0.15), (0.5, 0.34), (0.58, 0.42), (0.68, 0.2))
    for x in (0.33, 0.57):
        trim.box(x, 0.62, x + 0.11, 0.64)
    if style in ("bohemian", "baroque"):
        _garment_trim(trim, style, 0.29, 0.71, 0.82)


def _bag(body: Canvas, trim: Canvas, style: str) -> None:
    trim.arc(0.34, 0.14, 0.66, 0.62, 180, 360, 0.028)
    if style in ("mid-century", "art deco", "baroque"):
        body.polygon((0.28, 0.38), (0.72, 0.38), (0.82, 0.8), (0.18, 0.8))
        trim.box(0.45, 0.36, 0.55, 0.43, 0.01)
    elif style in ("bohemian", "coastal"):
        body.ellipse(0.2, 0.34, 0.8, 0.86)
        body.box(0.22, 0.36, 0.78, 0.6)
    else:
        body.box(0.22, 0.38, 0.78, 0.82, 0.04)
        trim.box(0.22, 0.48, 0.78, 0.5)
    if style == "bohemian":
        draw_fringe(trim, 0.3, 0.7, 0.82, 0.08)


def _hat(body: Canvas, trim: Canvas, style: str) -> None:
    if style in ("industrial", "japandi", "scandinavian"):
        body.ellipse(0.26, 0.24, 0.74, 0.84)
        body.box(0.2, 0.66, 0.8, 0.9, fill=0)
        trim.box(0.24, 0.62, 0.76, 0.72, 0.03)
    else:
        body.ellipse(0.1, 0.56, 0.9, 0.76)
        body.ellipse(0.3, 0.26, 0.7, 0.72)
        trim.polygon((0.3, 0.54), (0.7, 0.54), (0.71, 0.61), (0.29, 0.61))
        if style in ("baroque", "art deco", "bohemian"):
            trim.polygon((0.66, 0.56), (0.84, 0.26), (0.74, 0.58))


def _scarf(body: Canvas, trim: Canvas, style: str) -> None:
    body.polygon((0.26, 0.2), (0.46, 0.16), (0.52, 0.8), (0.32, 0.82))
    body.polygon((0.54, 0.16), (0.74, 0.2), (0.66, 0.74), (0.48, 0.72))
    body.ellipse(0.26, 0.12, 0.74, 0.36)
    draw_fringe(trim, 0.33, 0.52, 0.8, 0.07)
    draw_fringe(trim, 0.49, 0.66, 0.725, 0.07)


def _garment_trim(
    trim: Canvas,
    style: str,
    x0: float,
    x1: float,
    hem: float,
    waist: tuple[float, float, float] | None = None,
) -> None:
    """A hem and a waist as a style sews them."""
    if style == "bohemian":
        draw_fringe(trim, x0 + 0.01, x1 - 0.01, hem)
    elif style in ("baroque", "art deco", "coastal"):
        trim.line((x0, hem), (x1, hem), width=0.02)
    if waist and style not in ("japandi",):
        trim.box(waist[0], waist[2], waist[1], waist[2] + 0.03)


SILHOUETTES: dict[str, Callable[[Canvas, Canvas, str], None]] = {
    "lamp": _lamp,
    "chair": _chair,
    "sofa": _sofa,
    "table": _table,
    "vase": _vase,
    "mug": _mug,
    "clock": _clock,
    "mirror": _mirror,
    "cushion": _cushion,
    "rug": _rug,
    "dress": _dress,
    "shirt": _shirt,
    "sweater": _sweater,
    "skirt": _skirt,
    "jacket": _jacket,
    "bag": _bag,
    "hat": _hat,
    "scarf": _scarf,
}

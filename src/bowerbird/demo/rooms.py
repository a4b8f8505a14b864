"""The room behind a product: the wall and the floor of its style."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from bowerbird.demo.canvas import OVERSAMPLING
from bowerbird.demo.surfaces import Layer
from bowerbird.demo.vocabulary import RGB, Style

FLOOR_HEIGHT = 0.78  # where the wall meets the floor

_ROOMS: dict[tuple[str, int], Layer] = {}


def draw_room(style: Style, side: int) -> Layer:
    """Draw the wall and floor behind a product, (side, side, 3) float32, cached by style and size."""
    key = (style.name, side)
    if key not in _ROOMS:
        canvas_side = side * OVERSAMPLING
        image = Image.new("RGB", (canvas_side, canvas_side), style.wall)
        pen = ImageDraw.Draw(image)
        _WALLS[style.name](pen, canvas_side, style)
        pen.rectangle((0, FLOOR_HEIGHT * canvas_side, canvas_side, canvas_side), fill=style.floor)
        pen.rectangle(
            (0, FLOOR_HEIGHT * canvas_side, canvas_side, (FLOOR_HEIGHT + 0.012) * canvas_side),
            fill=_mix(style.floor, (0, 0, 0), 0.18),
        )
        small = image.resize((side, side), Image.Resampling.BOX)
        falloff = 1.04 - 0.12 * np.mgrid[0:side, 0:side][1].astype(np.float32) / side
        _ROOMS[key] = np.clip(np.asarray(small, np.float32) * falloff[..., None], 0, 255)
    return _ROOMS[key].copy()


def _mix(a: RGB, b: RGB, share: float) -> RGB:
    red, green, blue = (round(x * (1 - share) + y * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _plain_wall(pen: ImageDraw.ImageDraw, canvas_side: int, style: Style) -> None:
    """Scandinavian: a light wall with a window of pale panes."""
    pane = _mix(style.wall, (255, 255, 255), 0.7)
    for x in (0.08, 0.22):
        for y in (0.08, 0.24):
            pen.rectangle(
                (x * canvas_side, y * canvas_side, (x + 0.12) * canvas_side, (y + 0.14) * canvas_side),
                fill=pane,
            )
    pen.line(
        (0.82 * canvas_side, 0.1 * canvas_side, 0.82 * canvas_side, 0.5 * canvas_side),
        fill=(150, 170, 140),
        width=canvas_side // 130,
    )
    for k in range(8):
        y = (0.14 + 0.045 * k) * canvas_side
        for out in (-1, 1):
            tip = (0.82 + 0.07 * out) * canvas_side
            pen.line(
                (0.82 * canvas_side, y, tip, y - 0.04 * canvas_side),
                fill=(150, 170, 140),
                width=canvas_side // 110,
            )


def _sunburst(pen: ImageDraw.ImageDraw, canvas_side: int, style: Style) -> None:
    """Mid-century: overlapping discs in orange, mustard and teal."""
    for x, y, r, fill in (
        (0.2, 0.2, 0.15, (226, 138, 62)),
        (0.36, 0.13, 0.1, (232, 190, 84)),
        (0.85, 0.34, 0.13, (96, 156, 150)),
    ):
        pen.ellipse(
            ((x - r) * canvas_side, (y - r) * canvas_side, (x + r) * canvas_side, (y + r) * canvas_side),
            fill=_mix(style.wall, fill, 0.75),
        )


def _bricks(pen: ImageDraw.ImageDraw, canvas_side: int, style: Style) -> None:
    """Industrial: a brick wall."""
    mortar = _mix(style.wall, (235, 225, 215), 0.55)
    height, width = canvas_side / 18, canvas_side / 7
    for row in range(18):
        y = row * height
        pen.line((0, y, canvas_side, y), fill=mortar, width=canvas_side // 150)
        for column in range(9):
            x = (column + (row % 2) / 2) * width
            pen.line((x, y, x, y + height), fill=mortar, width=canvas_side // 150)


def _weave(pen: ImageDraw.ImageDraw, canvas_side: int, style: Style) -> None:
    """Bohemian: a wall hanging of coloured zigzags."""
    colours: tuple[RGB, ...] = ((204, 96, 70), (222, 160, 72), (92, 142, 132), (160, 84, 112))
    for row in range(9):
        y = (0.04 + 0.085 * row) * canvas_side
        points = [(x / 16 * canvas_side, y + (0.028 * canvas_side if x % 2 else 0)) for x in range(17)]
        pen.line(points, fill=_mix(style.wall, colours[row % 4], 0.5), width=canvas_side // 45)


def _fans(pen: ImageDraw.ImageDraw, canvas_side: int, style: Style) -> None:
    """Art deco: golden fans on dark."""
    line = _mix(style.wall, style.trim, 0.75)
    radius = 0.14 * canvas_side
    for row in range(7):
        for column in range(6):
            x, y = (column + (row % 2) / 2) * 2 * 0.1 * canvas_side, (row + 1) * 0.13 * canvas_side
            for share in (1.0, 0.68, 0.36):
                r = radius * share
                pen.arc((x - r, y - r, x + r, y + r), 200, 340, fill=line, width=canvas_side // 130)
            for k in range(3):
                angle = math.radians(235 + 35 * k)
                pen.line(
                    (x, y, x + radius * math.cos(angle), y + radius * math.sin(angle)),
                    fill=line,
                    width=canvas_side // 170,
                )


def _screen(pen: ImageDraw.ImageDraw, canvas_side: int, style: Style) -> None:
    """Japandi: a paper screen in a dark wooden grid."""
    wood = _mix(style.wall, style.trim, 0.7)
    for x in (0.1, 0.3, 0.5, 0.7, 0.9):
        pen.line(
            (x * canvas_side, 0, x * canvas_side, FLOOR_HEIGHT * canvas_side),
            fill=wood,
            width=canvas_side // 90,
        )
    for y in (0.12, 0.34, 0.56):
        pen.line((0, y * canvas_side, canvas_side, y * canvas_side), fill=wood, width=canvas_side // 130)


def _sea(pen: ImageDraw.ImageDraw, canvas_side: int, style: Style) -> None:
    """Coastal: the sky, a sail, and bands of sea."""
    for k, share in enumerate((0.35, 0.5, 0.65)):
        fill = _mix(style.wall, (46, 120, 170), share)
        pen.rectangle((0, (0.52 + 0.09 * k) * canvas_side, canvas_side, canvas_side), fill=fill)
    pen.polygon(
        [
            (0.16 * canvas_side, 0.52 * canvas_side),
            (0.16 * canvas_side, 0.26 * canvas_side),
            (0.28 * canvas_side, 0.49 * canvas_side),
        ],
        fill=(252, 252, 250),
    )
    pen.polygon(
        [
            (0.145 * canvas_side, 0.49 * canvas_side),
            (0.145 * canvas_side, 0.3 * canvas_side),
            (0.08 * canvas_side, 0.49 * canvas_side),
        ],
        fill=(240, 244, 246),
    )
    pen.ellipse(
        (0.76 * canvas_side, 0.08 * canvas_side, 0.9 * canvas_side, 0.22 * canvas_side), fill=(252, 236, 180)
    )


def _damask(pen: ImageDraw.ImageDraw, canvas_side: int, style: Style) -> None:
    """Baroque: damask wallpaper with golden ornaments."""
    line = _mix(style.wall, style.trim, 0.42)
    for row in range(5):
        for column in range(5):
            x, y = (column + (row % 2) / 2) * 0.25 * canvas_side, (row * 0.19 + 0.04) * canvas_side
            for size in (0.09, 0.055):
                r = size * canvas_side
                pen.polygon(
                    [(x, y - r), (x + 0.6 * r, y), (x, y + r), (x - 0.6 * r, y)],
                    outline=line,
                    width=canvas_side // 120,
                )
            for out in (-1, 1):
                cx = x + out * 0.055 * canvas_side
                pen.arc(
                    (
                        cx - 0.035 * canvas_side,
                        y - 0.05 * canvas_side,
                        cx + 0.035 * canvas_side,
                        y + 0.05 * canvas_side,
                    ),
                    0,
                    360,
                    fill=line,
                    width=canvas_side // 140,
                )


_WALLS = {
    "scandinavian": _plain_wall,
    "mid-century": _sunburst,
    "industrial": _bricks,
    "bohemian": _weave,
    "art deco": _fans,
    "japandi": _screen,
    "coastal": _sea,
    "baroque": _damask,
}

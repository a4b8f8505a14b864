"""The outlines of furniture and home textiles; see `canvas`."""

from __future__ import annotations

import math

from bowerbird.demo.canvas import Canvas, Outline, draw_fringe, draw_legs


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


FURNITURE: dict[str, Outline] = {
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
}

"""The outlines of clothes and accessories; see `canvas`."""

from __future__ import annotations

from bowerbird.demo.canvas import Canvas, Outline, draw_fringe


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


FASHION: dict[str, Outline] = {
    "dress": _dress,
    "shirt": _shirt,
    "sweater": _sweater,
    "skirt": _skirt,
    "jacket": _jacket,
    "bag": _bag,
    "hat": _hat,
    "scarf": _scarf,
}

"""Draws a product picture: silhouette, colour, pattern and material, in front of its style's room."""

from __future__ import annotations

import io
import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from bowerbird.demo.silhouettes import SILHOUETTES, Canvas, mirror_glass
from bowerbird.demo.surfaces import material_light, pattern_mask, second_colour
from bowerbird.demo.vocabulary import COLOURS, RGB, Style

FLOOR_HEIGHT = 0.78  # where the wall meets the floor
OVERSAMPLING = 2  # masks are drawn larger by this factor, for smooth edges
Layer: TypeAlias = NDArray[np.float32]
"""A mask (side, side), 0 to 1, or colours (side, side, 3), 0 to 255."""
HANGING_KINDS = ("clock", "mirror", "dress", "shirt", "sweater", "skirt", "jacket", "scarf")


def draw_product(
    kind: str, style: Style, colour: str, material: str, pattern: str, seed: int, side: int = 224
) -> bytes:
    """Draw a product's picture as JPEG bytes; the same arguments give the same bytes."""
    generator = np.random.default_rng(seed)
    body, trim = Canvas(side * OVERSAMPLING), Canvas(side * OVERSAMPLING)
    SILHOUETTES[kind](body, trim, style.name)
    shift = tuple(generator.uniform(-0.02, 0.02, 2))
    body_mask, trim_mask = _rasterise(body.image, side, shift), _rasterise(trim.image, side, shift)
    scene = _draw_room(style, side)
    scene = _add_shadow(scene, np.maximum(body_mask, trim_mask), kind)
    surface = _paint_surface(COLOURS[colour], material, pattern, side, generator)
    opacity = 0.72 if material == "glass" else 1.0
    scene = _overlay(scene, body_mask, surface, opacity)
    light = material_light(
        "steel" if style.name in ("industrial", "art deco", "baroque") else "oak", side, generator
    )
    trim_colour = np.array(_choose_trim_colour(style, colour), np.float32) * light[..., None]
    scene = _overlay(scene, trim_mask, np.clip(trim_colour, 0, 255), 1.0)
    if kind == "mirror":
        glass = Canvas(side * OVERSAMPLING)
        mirror_glass(glass, style.name)
        sky = np.array((206, 222, 230), np.float32) * material_light("glass", side, generator)[..., None]
        scene = _overlay(scene, _rasterise(glass.image, side, shift), np.clip(sky, 0, 255), 1.0)
    buffer = io.BytesIO()
    Image.fromarray(scene.astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _rasterise(mask: Image.Image, side: int, shift: tuple[float, ...]) -> Layer:
    moved = mask.transform(
        mask.size, Image.Transform.AFFINE, (1, 0, shift[0] * mask.width, 0, 1, shift[1] * mask.height)
    )
    placed: Layer = np.asarray(moved.resize((side, side), Image.Resampling.BOX), np.float32) / np.float32(255)
    return placed


def _paint_surface(
    colour: RGB, material: str, pattern: str, side: int, generator: np.random.Generator
) -> Layer:
    ground = np.array(colour, np.float32) * (1 + generator.uniform(-0.05, 0.05))
    second = np.array(second_colour(colour), np.float32)
    weight = 0.88 * pattern_mask(pattern, side, generator)[..., None]
    mixed = ground * (1 - weight) + second * weight
    lit: Layer = np.clip(mixed * material_light(material, side, generator)[..., None], 0, 255)
    return lit


def _choose_trim_colour(style: Style, colour: str) -> RGB:
    """The trim's colour: its style's, unless that is too close to the body's colour."""
    distance = sum(abs(a - b) for a, b in zip(style.trim, COLOURS[colour], strict=True))
    if distance > 90:
        return style.trim
    if sum(style.trim) > 300:
        return (int(style.trim[0] * 0.55), int(style.trim[1] * 0.55), int(style.trim[2] * 0.55))
    return (min(255, style.trim[0] + 90), min(255, style.trim[1] + 90), min(255, style.trim[2] + 90))


def _overlay(scene: Layer, mask: Layer, surface: Layer, opacity: float) -> Layer:
    """Overlay a surface on a scene, shaded towards its edges so that it looks round."""
    soft = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(mask.shape[0] / 40))
    inner = np.clip((np.asarray(soft, np.float32) / 255 - 0.45) / 0.55, 0, 1)[..., None]
    shaded = surface * (0.68 + 0.32 * inner)
    weight = mask[..., None] * opacity
    composed: Layer = scene * (1 - weight) + shaded * weight
    return composed


def _add_shadow(scene: Layer, mask: Layer, kind: str) -> Layer:
    """Add a soft shadow: behind hanging products, beneath standing ones."""
    side = mask.shape[0]
    if kind in HANGING_KINDS:
        offset_mask = np.roll(mask, (side // 36, side // 36), axis=(0, 1))
        shadow = offset_mask
    else:
        columns = np.flatnonzero(mask.any(axis=0))
        bottom = np.flatnonzero(mask.any(axis=1)).max() / side
        image = Canvas(side)
        image.ellipse(columns.min() / side, bottom - 0.045, columns.max() / side + 0.03, bottom + 0.035)
        shadow = np.asarray(image.image, np.float32) / np.float32(255)
    blurred = Image.fromarray((shadow * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(side / 45))
    darkness = np.asarray(blurred, np.float32)[..., None] / np.float32(255)
    shaded: Layer = scene * (1 - 0.4 * darkness)
    return shaded


_ROOMS: dict[tuple[str, int], Layer] = {}


def _draw_room(style: Style, side: int) -> Layer:
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

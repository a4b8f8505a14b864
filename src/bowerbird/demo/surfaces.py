"""Patterns and materials of surfaces, as arrays to be blended into a picture."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bowerbird.demo.vocabulary import RGB

Layer: TypeAlias = NDArray[np.float32]
"""A mask (side, side), 0 to 1, or colours (side, side, 3), 0 to 255."""


def pattern_mask(pattern: str, side: int, generator: np.random.Generator) -> Layer:
    """Coverage of a pattern's second colour, (side, side) float32 from 0 to 1."""
    canvas_side = 2 * side
    image = Image.new("L", (canvas_side, canvas_side), 0)
    pen = ImageDraw.Draw(image)
    step = int(canvas_side * generator.uniform(0.055, 0.075))
    if pattern == "striped":
        for x in range(0, canvas_side, 2 * step):
            pen.rectangle((x, 0, x + step - 1, canvas_side), fill=255)
    elif pattern == "checked":
        for x in range(0, canvas_side, 2 * step):
            pen.rectangle((x, 0, x + step - 1, canvas_side), fill=140)
        row_lines = Image.new("L", (canvas_side, canvas_side), 0)
        row_pen = ImageDraw.Draw(row_lines)
        for y in range(0, canvas_side, 2 * step):
            row_pen.rectangle((0, y, canvas_side, y + step - 1), fill=140)
        crossed = np.asarray(image, np.int16) + np.asarray(row_lines, np.int16)
        image = Image.fromarray(np.minimum(crossed, 255).astype(np.uint8))
    elif pattern == "dotted":
        for row, y in enumerate(range(0, canvas_side + step, int(step * 1.5))):
            for x in range((row % 2) * step, canvas_side + step, 2 * step):
                _disc(pen, x, y, step * 0.45)
    elif pattern == "floral":
        for row, y in enumerate(range(0, canvas_side + 2 * step, int(step * 2.3))):
            for x in range((row % 2) * int(1.4 * step), canvas_side + 2 * step, int(2.8 * step)):
                _flower(pen, x, y, step * 0.55)
    elif pattern == "geometric":
        for row, y in enumerate(range(0, canvas_side + step, step)):
            for x in range((row % 2) * step, canvas_side + step, 2 * step):
                pen.polygon([(x, y - step), (x + step, y), (x, y + step), (x - step, y)], outline=255, fill=0)
                pen.polygon(
                    [(x, y - step // 2), (x + step // 2, y), (x, y + step // 2), (x - step // 2, y)], fill=255
                )
    elif pattern == "herringbone":
        width = max(4, step // 3)
        for column, x in enumerate(range(-step, canvas_side + step, step)):
            for y in range(-2 * step, canvas_side + 2 * step, 3 * width):
                rise = step if column % 2 else -step
                pen.line([(x, y), (x + step, y + rise)], fill=255, width=width)
    small = image.resize((side, side), Image.Resampling.BOX)
    mask: Layer = np.asarray(small, np.float32) / np.float32(255)
    return mask


def _disc(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


def _flower(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float) -> None:
    for petal in range(5):
        angle = petal * 2 * math.pi / 5
        _disc(pen, x + radius * math.cos(angle), y + radius * math.sin(angle), radius * 0.62)
    pen.ellipse((x - radius * 0.4, y - radius * 0.4, x + radius * 0.4, y + radius * 0.4), fill=0)


def second_colour(colour: RGB) -> RGB:
    """A pattern's colour for a ground colour: cream on dark or strong grounds, a dark shade on pale ones."""
    if sum(colour) > 560:
        return (104, 110, 132)
    return (248, 242, 228)


def material_light(material: str, side: int, generator: np.random.Generator) -> Layer:
    """How much light a material reflects at each point, (side, side) float32 around 1."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    light = 1.12 - 0.26 * x - 0.1 * y  # the window is on the left
    if material in ("oak", "walnut"):
        grain = np.sin(
            70 * y + 5 * np.sin(7 * x) + 2.5 * generator.standard_normal((side, 1)).astype(np.float32)
        )
        light += 0.07 * grain
    elif material in ("brass", "steel"):
        light += 0.38 * np.exp(-((x - 0.38) ** 2) / 0.004) - 0.16 * np.exp(-((x - 0.6) ** 2) / 0.01)
    elif material in ("ceramic", "glass"):
        light += 0.5 * np.exp(-(((x - 0.4) ** 2) / 0.0022 + ((y - 0.42) ** 2) / 0.03))
    elif material == "marble":
        vein = np.abs(np.sin(9 * (x + y) + 3 * np.sin(6 * x - 4 * y)))
        light -= 0.3 * np.exp(-vein / 0.05)
    elif material in ("linen", "cotton", "jute", "denim"):
        strength = {"cotton": 0.025, "linen": 0.06, "denim": 0.07, "jute": 0.12}[material]
        threads = np.sin(2 * np.pi * 46 * x) + np.sin(
            2 * np.pi * (46 * y + (20 * x if material == "denim" else 0))
        )
        light += strength * threads
    elif material == "wool":
        light += (
            0.09
            * np.abs(np.sin(2 * np.pi * 20 * x))
            * np.sin(2 * np.pi * (24 * y + 3 * np.abs(np.sin(60 * x))))
        )
        light += 0.05 * generator.standard_normal((side, side)).astype(np.float32)
    elif material == "velvet":
        light += 0.16 * np.sin(9 * x + 5 * np.sin(4 * y))
    elif material == "leather":
        light += 0.22 * np.exp(-(((x - 0.36) ** 2) / 0.02 + ((y - 0.4) ** 2) / 0.05))
        light += 0.025 * generator.standard_normal((side, side)).astype(np.float32)
    elif material == "rattan":
        light += 0.14 * np.sign(np.sin(2 * np.pi * 26 * x) * np.sin(2 * np.pi * 26 * y))
    lit: Layer = light.astype(np.float32)
    return lit

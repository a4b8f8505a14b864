"""Draws a product picture: silhouette, colour, pattern and material, in front of its style's room."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

from bowerbird.demo.canvas import OVERSAMPLING, Canvas
from bowerbird.demo.fashion import FASHION
from bowerbird.demo.furniture import FURNITURE, mirror_glass
from bowerbird.demo.rooms import draw_room
from bowerbird.demo.surfaces import Layer, material_light, pattern_mask, second_colour
from bowerbird.demo.vocabulary import COLOURS, RGB, Style

SILHOUETTES = FURNITURE | FASHION
"""Draws the body and the trim of each type of product."""
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
    scene = draw_room(style, side)
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

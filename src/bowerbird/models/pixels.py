"""Image preprocessing: decode, fit the whole picture into a square on white, normalise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bowerbird.data.arrays import BoolArray, FloatArray, PixelArray
from bowerbird.data.files.images import open_picture
from bowerbird.errors import InputError

SIDE = 224  # pixels


@dataclass(frozen=True)
class ImageSpec:
    """A model's image input: a square of `side` pixels, (value - mean) / std of values from 0 to 1."""

    side: int
    mean: tuple[float, ...]  # red, green, blue
    std: tuple[float, ...]

    def normalise(self, pixels: PixelArray) -> FloatArray:
        """Normalise pixels: (B, side, side, 3) uint8 -> (B, 3, side, side) float32, channels last in
        memory."""
        mean = np.array(self.mean, np.float32) * 255
        std = np.array(self.std, np.float32) * 255
        values: FloatArray = (pixels.astype(np.float32) - mean) / std
        return values.transpose(0, 3, 1, 2)


def decode_image(encoded: bytes, side: int = SIDE) -> PixelArray | None:
    """Decode a picture and fit it into a square on white: (side, side, 3) uint8.

    The whole picture, not a centre crop, which would cut off the ends of a tall dress or a long sofa.
    None if `open_picture` rejects it: it is broken, too large, or of an unsupported format.
    """
    try:
        with open_picture(encoded, draft=(2 * side, 2 * side)) as image:
            mode = "RGBA" if "transparency" in image.info or image.mode == "RGBA" else "RGB"
            picture = image if image.mode == mode else image.convert(mode)
            scale = side / max(picture.size)
            size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            picture = picture.resize(size, Image.Resampling.BICUBIC)
    except (
        InputError,
        ValueError,
        OSError,
    ):  # ValueError: a mode without colours; one bad picture must not stop a run
        return None
    canvas = Image.new("RGB", (side, side), "white")
    offset = ((side - size[0]) // 2, (side - size[1]) // 2)
    canvas.paste(picture, offset, picture if picture.mode == "RGBA" else None)
    return np.asarray(canvas)


def decode_images(encoded: Sequence[bytes], side: int = SIDE) -> tuple[PixelArray, BoolArray]:
    """Decode a batch: (B, side, side, 3) uint8, white where broken; and which were readable, (B,) bool."""
    pixels = np.full((len(encoded), side, side, 3), 255, np.uint8)
    is_readable = np.zeros(len(encoded), bool)
    for row, picture in enumerate(encoded):
        decoded = decode_image(picture, side)
        if decoded is not None:
            pixels[row], is_readable[row] = decoded, True
    return pixels, is_readable

"""Pictures as a model wants to see them: decoded, fitted whole into a square on white, and normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bowerbird.data.images import open_picture
from bowerbird.errors import InputError

SIDE = 224  # pixels


@dataclass(frozen=True)
class ImageSpec:
    """What a model was trained to see: a square of `side` pixels, (value - mean) / std of values 0 to 1."""

    side: int
    mean: tuple[float, ...]  # red, green, blue
    std: tuple[float, ...]

    def normalised(self, pixels: np.ndarray) -> np.ndarray:
        """(B, side, side, 3) uint8 -> (B, 3, side, side) float32, channels last in memory."""
        mean = np.array(self.mean, np.float32) * 255
        std = np.array(self.std, np.float32) * 255
        values: np.ndarray = (pixels.astype(np.float32) - mean) / std
        return values.transpose(0, 3, 1, 2)


def decode_image(encoded: bytes, side: int = SIDE) -> np.ndarray | None:
    """Decode a picture and fit it whole into a square on white: (side, side, 3) uint8.

    The whole picture, not its centre: a tall dress and a long sofa both lose their ends to a crop.
    None where `open_picture` refuses it: it is broken, too large, or of another format.
    """
    try:
        with open_picture(encoded, draft=(2 * side, 2 * side)) as image:
            mode = "RGBA" if "transparency" in image.info or image.mode == "RGBA" else "RGB"
            picture = image if image.mode == mode else image.convert(mode)
            scale = side / max(picture.size)
            size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            picture = picture.resize(size, Image.Resampling.BICUBIC)
    except (InputError, ValueError, OSError):  # a mode that has no colours; one must not stop a run
        return None
    canvas = Image.new("RGB", (side, side), "white")
    place = ((side - size[0]) // 2, (side - size[1]) // 2)
    canvas.paste(picture, place, picture if picture.mode == "RGBA" else None)
    return np.asarray(canvas)


def decode_images(encoded: Sequence[bytes], side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Decode a batch: (B, side, side, 3) uint8, white where broken; and which could be read, (B,) bool."""
    pixels = np.full((len(encoded), side, side, 3), 255, np.uint8)
    good = np.zeros(len(encoded), bool)
    for row, one in enumerate(encoded):
        decoded = decode_image(one, side)
        if decoded is not None:
            pixels[row], good[row] = decoded, True
    return pixels, good

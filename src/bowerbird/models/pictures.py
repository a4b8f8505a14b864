"""Encoded pictures to pixels, with Pillow; what can't be shown is refused in one way."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps

from bowerbird.errors import InputError

MAX_PIXELS = 50_000_000
"""A picture with more is refused unread: decoded, it would hold over 150 MB."""


def decode_picture(data: bytes, side_px: int) -> Image.Image:
    """An encoded picture as RGB of side_px × side_px, squeezed (nothing is cut off), transparency on white.

    Raises `InputError` for bytes that are no whole picture and for pictures of more than `MAX_PIXELS`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns from 89 megapixels on; the limit below is stricter
            picture = Image.open(io.BytesIO(data))
            if picture.width * picture.height > MAX_PIXELS:
                raise InputError(
                    f"the picture has {picture.width} × {picture.height} pixels, at most {MAX_PIXELS:,} are read: "
                    "scale it down"
                )
            picture.draft("RGB", (2 * side_px, 2 * side_px))  # JPEG: decode no more than is needed
            return square(ImageOps.exif_transpose(picture), side_px)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"the picture can't be read ({error or type(error).__name__}): give a whole JPEG, PNG or WebP file"
        ) from None


def square(picture: Image.Image, side_px: int) -> Image.Image:
    """RGB of side_px × side_px, transparency on white."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB").resize((side_px, side_px), Image.Resampling.BICUBIC)

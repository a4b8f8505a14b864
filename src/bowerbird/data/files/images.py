"""The only place where pictures are decoded: few formats, bounded size, bounded concurrency.

A picture may come from an untrusted client. Pillow guesses formats by content and runs other programs for
some (Ghostscript for EPS), and a file of some hundred kilobytes can claim to be a picture that fills the
memory.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from bowerbird.errors import InputError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
"""Accepted formats, by Pillow's names; nothing else is opened, whatever a file claims to be."""
MAX_PIXELS = 25_000_000
"""Larger pictures are rejected by their header, before anything is decoded."""
MAX_BYTES = 200_000_000  # of a file on disk
MAX_DECODES = min(4, os.cpu_count() or 1)
"""Pictures of more than `SMALL_PIXELS` that this process decodes at a time: each takes up to 300 MB."""
SMALL_PIXELS = 1_000_000  # 4 MB decoded: these need no semaphore
SUPPORTED = "a whole JPEG, PNG, WebP, GIF or AVIF picture of at most 25 megapixels"

MAX_SIDE = 640  # pixels of the longer side; larger pictures are scaled to SCALED_TO
SCALED_TO = 512
SMALL_SIDE = 224  # pixels of the longer side of a small copy: what encoders read
CATALOGUE_FORMATS = ("JPEG", "PNG", "WEBP")


class TooManyPixels(InputError):
    """The picture is larger than is decoded."""


_decodes = threading.BoundedSemaphore(MAX_DECODES)

# Pillow warns from 89 megapixels on; the limit here is MAX_PIXELS. Set once, because threads share filters.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@contextlib.contextmanager
def open_picture(encoded: bytes, draft: tuple[int, int] | None = None) -> Iterator[Image.Image]:
    """Decode a picture for as long as the block runs, the first frame of an animated one.

    With `draft` (width, height) a JPEG is decoded at a fraction of its size, no smaller than that.
    Large pictures share a semaphore (`MAX_DECODES`): shrink the picture inside the block, and do not nest.
    Raises `InputError` for other formats, for more than `MAX_PIXELS`, and for damaged data.
    """
    with contextlib.ExitStack() as slot:
        try:
            image = Image.open(io.BytesIO(encoded), formats=FORMATS)
            width, height = image.size
            if width * height <= MAX_PIXELS:
                if width * height > SMALL_PIXELS:
                    slot.enter_context(_decodes)
                if draft is not None:
                    image.draft("RGB", draft)
                image.load()
        except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
            raise InputError(f"the picture can't be read ({_reason(error)}): give {SUPPORTED}") from None
        if width * height > MAX_PIXELS:
            raise TooManyPixels(f"the picture has {width:,} × {height:,} pixels: give {SUPPORTED}")
        yield image


def _reason(error: Exception) -> str:
    """Pillow's message, without the memory address by which it names unknown bytes."""
    return "its format is not known" if isinstance(error, UnidentifiedImageError) else str(error)


def read_picture(path: Path) -> bytes:
    """Read a picture file. Raises `InputError` where it is missing, a device, a pipe, or too large."""
    try:
        if path.exists() and not path.is_file():  # a device or a pipe never ends
            raise InputError(f"the picture {path} is not a file: name an image file")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"the picture {path} is larger than {MAX_BYTES:,} bytes: scale it down")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"the picture {path} can't be read ({error.strerror}): name an image file") from None


def prepare_picture(picture: bytes | Path) -> bytes | None:
    """Encode a picture for the catalogue, scaled down if large; None where it is broken or missing."""
    try:
        return encode_for_catalogue(picture if isinstance(picture, bytes) else read_picture(picture))
    except InputError:
        return None


def encode_for_catalogue(encoded: bytes) -> bytes:
    """Encode a picture for the catalogue, scaled down if large.

    Raises `TooManyPixels`, and `InputError` for what is broken or can't be converted.
    """
    # A draft is never smaller than requested, so a large picture is still recognised as large.
    with open_picture(encoded, draft=(MAX_SIDE + 1, MAX_SIDE + 1)) as image:
        is_large = max(image.size) > MAX_SIDE
        if not is_large and image.format in CATALOGUE_FORMATS:
            return encoded
        try:
            return _scale_down(image)
        except Exception as error:  # Pillow raises nearly anything
            raise InputError(f"the picture can't be converted ({error}): give {SUPPORTED}") from error


def small_copy(encoded: bytes, side: int = SMALL_SIDE) -> bytes:
    """A copy of at most `side` pixels, as WebP: by default a few kilobytes, which an encoder sees about the
    same in.

    Raises `InputError` as `open_picture` does.
    """
    with open_picture(encoded, draft=(side, side)) as image:
        copy = _flat(ImageOps.exif_transpose(image))
        copy.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    copy.save(buffer, "WEBP", quality=70)
    return buffer.getvalue()


def _scale_down(image: Image.Image) -> bytes:
    flat = _flat(ImageOps.exif_transpose(image))  # re-encoding loses the EXIF orientation
    flat.thumbnail((SCALED_TO, SCALED_TO), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    flat.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _flat(image: Image.Image) -> Image.Image:
    """A picture without transparency, on white; a copy."""
    flat = image.convert("RGBA") if image.mode in ("P", "LA", "PA") else image
    if flat.mode == "RGBA":
        flat = Image.alpha_composite(Image.new("RGBA", flat.size, "white"), flat)
    return flat.convert("RGB")

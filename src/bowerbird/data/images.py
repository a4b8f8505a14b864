"""Pictures on their way into the catalogue: checked, and made no larger than any backbone looks at."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from PIL import Image

LARGEST_KEPT = 640  # pixels of the longer side; larger pictures are scaled to SCALED_TO
SCALED_TO = 512
MOST_PIXELS = 100_000_000
"""More are refused unread: a small file can claim to be a picture that fills the memory."""


def prepared(picture: bytes | Path) -> bytes | None:
    """Encoded bytes of a readable picture, scaled down if it is large; None where it is broken or missing."""
    try:
        encoded = picture if isinstance(picture, bytes) else picture.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(encoded))
            if image.width * image.height > MOST_PIXELS:
                return None
            large = max(image.size) > LARGEST_KEPT
            image.draft("RGB", (SCALED_TO, SCALED_TO))
            image.load()
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError):
        return None
    return _scaled(image) if large else encoded


def _scaled(image: Image.Image) -> bytes:
    flat = image.convert("RGBA") if image.mode in ("P", "LA", "PA") else image
    if flat.mode == "RGBA":
        white = Image.new("RGBA", flat.size, "white")
        flat = Image.alpha_composite(white, flat)
    flat = flat.convert("RGB")
    flat.thumbnail((SCALED_TO, SCALED_TO), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=90)
    return out.getvalue()

"""Pictures on their way into the catalogue: checked, and made no larger than any backbone looks at."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps

LARGEST_KEPT = 640  # pixels of the longer side; larger pictures are scaled to SCALED_TO
SCALED_TO = 512
MOST_PIXELS = 100_000_000
"""More are refused unread: a small file can claim to be a picture that fills the memory."""
MOST_BYTES = 200_000_000
KEPT_AS_THEY_ARE = ("JPEG", "PNG", "WEBP")
READ = (*KEPT_AS_THEY_ARE, "GIF", "BMP", "TIFF")  # no others: Pillow runs Ghostscript for EPS

# Pillow warns from 89 megapixels on; the limit here is MOST_PIXELS. Set once, because threads share filters.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def prepared(picture: bytes | Path) -> bytes | None:
    """Encoded bytes of a readable picture, scaled down if it is large; None where it is broken or missing."""
    try:
        encoded = picture if isinstance(picture, bytes) else _read(picture)
        image = Image.open(io.BytesIO(encoded), formats=READ)
        if image.width * image.height > MOST_PIXELS:
            return None
        kept = max(image.size) <= LARGEST_KEPT and image.format in KEPT_AS_THEY_ARE
        image.draft("RGB", (SCALED_TO, SCALED_TO))
        image.load()
        return encoded if kept else _scaled(image)
    except Exception:  # Pillow's decoders raise nearly anything on damaged files; one must not stop an import
        return None


def _read(path: Path) -> bytes:
    if not path.is_file() or path.stat().st_size > MOST_BYTES:  # a device or a pipe never ends
        raise OSError(f"{path} is no file of at most {MOST_BYTES} bytes")
    return path.read_bytes()


def _scaled(image: Image.Image) -> bytes:
    upright = ImageOps.exif_transpose(image)  # the note of how to turn it is lost with the old encoding
    flat = upright.convert("RGBA") if upright.mode in ("P", "LA", "PA") else upright
    if flat.mode == "RGBA":
        white = Image.new("RGBA", flat.size, "white")
        flat = Image.alpha_composite(white, flat)
    flat = flat.convert("RGB")
    flat.thumbnail((SCALED_TO, SCALED_TO), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=90)
    return out.getvalue()

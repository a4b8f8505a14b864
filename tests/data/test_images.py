"""Untrusted pictures: which formats are opened, how large they may be, and how many at a time."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bowerbird
from bowerbird.data.files import images
from bowerbird.data.files.images import (
    FORMATS,
    MAX_DECODES,
    MAX_PIXELS,
    open_picture,
    prepare_picture,
    read_picture,
)
from bowerbird.errors import InputError
from bowerbird.models.pixels import decode_image

PACKAGE = Path(bowerbird.__file__).parent
OTHERS = ("BMP", "TIFF", "EPS", "PPM", "ICO", "PCX", "SGI", "TGA", "JPEG2000", "PDF", "DDS")
RED = (200, 20, 30)


def encoded(kind: str, size: tuple[int, int] = (40, 20), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, RED).save(out, kind, **options)
    return out.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims a given size."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_only_one_module_opens_pictures() -> None:
    """Every other path goes through `open_picture`, with its list of formats."""
    opening = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr == "open"
        and isinstance(node.value, ast.Name)
        and node.value.id in ("Image", "PIL")
    ]
    assert opening == ["data/files/images.py"]


@pytest.mark.parametrize("kind", FORMATS)
def test_accepted_formats(kind: str) -> None:
    picture = encoded(kind)
    with open_picture(picture) as image:
        assert image.size == (40, 20)
        assert np.abs(np.asarray(image.convert("RGB"), float) - RED).max() < 12, "lossy, but red"
    prepared = prepare_picture(picture)
    assert prepared is not None and (prepared == picture) == (kind in images.CATALOGUE_FORMATS)
    pixels = decode_image(picture, 40)
    assert (
        pixels is not None and (pixels[0] == 255).all() and pixels[20, 20, 0] > 180 and pixels[20, 20, 1] < 40
    )


@pytest.mark.parametrize("kind", OTHERS)
def test_no_other_format_is_opened(kind: str) -> None:
    picture = encoded(kind)
    with pytest.raises(InputError, match="give a whole JPEG, PNG, WebP, GIF or AVIF"), open_picture(picture):
        pass
    assert prepare_picture(picture) is None and decode_image(picture) is None


def test_no_program_is_run_for_a_picture(tmp_path: Path) -> None:
    """With a `gs` on the path that writes a file: Pillow itself runs it, bowerbird does not."""
    ran = tmp_path / "ran"
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {ran}\n")
    ghostscript.chmod(0o755)
    (tmp_path / "picture.eps").write_bytes(encoded("EPS"))
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", code, tmp_path / "picture.eps"], env=environment, check=True)

    run("""
import sys; from pathlib import Path
from bowerbird.data.files.images import prepare_picture
from bowerbird.models.pixels import decode_image
picture = Path(sys.argv[1]).read_bytes()
assert prepare_picture(picture) is None and decode_image(picture) is None
""")
    assert not ran.exists()
    run("""
import contextlib, sys; from PIL import Image
with contextlib.suppress(OSError): Image.open(sys.argv[1]).load()
""")
    assert ran.exists(), "the test's gs is not the one that would be run"


def test_the_largest_size_and_one_row_more() -> None:
    width = 5000
    with open_picture(encoded("PNG", (width, MAX_PIXELS // width))) as image:
        assert image.width * image.height == MAX_PIXELS
    above = encoded("PNG", (width, MAX_PIXELS // width + 1))
    with pytest.raises(InputError, match=r"5,000 × 5,001 pixels: give .* at most 25 megapixels"):
        open_picture(above).__enter__()
    assert prepare_picture(above) is None and decode_image(above) is None


@pytest.mark.parametrize("size", [(10_000, 10_000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_large_claimed_size_is_rejected(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="give a whole"), open_picture(png_claiming(*size)):
        pass


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "JPEG", "AVIF"])
def test_an_oversize_picture_is_rejected_without_decoding(kind: str, tmp_path: Path) -> None:
    """In a process of its own, whose peak memory may not grow by a tenth of what decoding takes."""
    size = (6_000, 6_000)
    path = tmp_path / f"bomb.{kind.lower()}"
    fast = {"WEBP": {"method": 0}, "AVIF": {"speed": 10}}.get(kind, {})
    path.write_bytes(encoded(kind, size, **fast))
    code = """
import resource, sys
from bowerbird.data.files.images import open_picture, prepare_picture
from bowerbird.errors import InputError
from bowerbird.models.pixels import decode_image
picture = open(sys.argv[1], "rb").read()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
assert prepare_picture(picture) is None and decode_image(picture) is None
print(peak() - before)
"""
    ran = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert int(ran.stdout) * 1024 < size[0] * size[1] * 4 / 10


def test_few_pictures_are_decoded_at_a_time() -> None:
    """Threads that all decode a large picture: never more at a time than `MAX_DECODES`."""
    picture, lock, is_full = encoded("PNG", (2000, 1000)), threading.Lock(), threading.Event()
    n_inside, max_inside = 0, 0

    def decode() -> None:
        nonlocal n_inside, max_inside
        with open_picture(picture):
            with lock:
                n_inside += 1
                max_inside = max(max_inside, n_inside)
                if n_inside == MAX_DECODES:
                    is_full.set()
            is_full.wait(30)  # no thread leaves before all slots are taken
            with lock:
                n_inside -= 1

    threads = [threading.Thread(target=decode) for _ in range(3 * MAX_DECODES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert max_inside == MAX_DECODES and n_inside == 0


def test_small_pictures_need_no_slot_and_a_rejected_one_frees_its_slot() -> None:
    large, broken = encoded("PNG", (2000, 1000)), encoded("PNG", (2000, 1000))[:-30]
    for _ in range(2 * MAX_DECODES):
        with pytest.raises(InputError), open_picture(broken):
            pass
    with open_picture(large) as image, open_picture(encoded("PNG")) as small:
        assert image.size == (2000, 1000) and small.size == (40, 20)


def test_only_files_are_read(tmp_path: Path) -> None:
    for path in (Path("/dev/zero"), tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match=r"is not a file|can't be read"):
            read_picture(path)
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    assert read_picture(tmp_path / "a.png") == encoded("PNG")

"""Files as they come: compression and the encoding of text are read from the content."""

from __future__ import annotations

import codecs
import gzip
import io
import logging
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bowerbird.errors import InputError
from bowerbird.progress import BYTES_READ

SAMPLE_BYTES = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_log = logging.getLogger(__name__)


class _CountedFile(io.FileIO):
    """A file whose bytes are counted as they are read, each once."""

    _counted = 0

    def readinto(self, buffer: Any) -> int | None:
        n = super().readinto(buffer)
        if (position := self.tell()) > self._counted:
            BYTES_READ.add(position - self._counted)
            self._counted = position
        return n


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, decompressed where it is gzip or a zip of one file, and count its bytes as read.

    Raises `InputError` for a file that can't be read or decompressed.
    """
    try:
        with io.BufferedReader(_CountedFile(path)) as file:
            magic = file.read(4)
            file.seek(0)
            if magic.startswith(b"\x1f\x8b"):
                with gzip.open(file) as unpacked:
                    yield unpacked  # type: ignore[misc]  # a GzipFile is a binary file
            elif magic == b"PK\x03\x04":
                with zipfile.ZipFile(file) as archive, archive.open(_only_member(path, archive)) as member:
                    yield member
            else:
                yield file
    except (EOFError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is damaged: it can't be decompressed ({error})") from None
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror or error})") from None


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    if len(names) != 1:
        raise InputError(f"{path} holds {len(names)} files, expected one: unpack it and name the files")
    return names[0]


def encoding_of(path: Path, sample: bytes) -> str:
    """The encoding of a text by its first bytes: by its mark, else UTF-8, else Windows-1252 with a warning.

    Raises `InputError` where it is none of these.
    """
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding
    if (zeros := sample.count(0)) > len(sample) / 5:
        return "utf-16-le" if sample[1::2].count(0) > zeros / 2 else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
        return "utf-8"
    except UnicodeDecodeError as error:
        try:
            sample.decode("cp1252")
        except UnicodeDecodeError:
            raise InputError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from None
    _log.warning("%s is not UTF-8: it is read as Windows-1252; save it as UTF-8 if letters look wrong", path)
    return "cp1252"


@contextmanager
def open_text(path: Path) -> Iterator[io.TextIOWrapper]:
    """Open a text file by its content. Raises `InputError` for a file that is no text."""
    with open_bytes(path) as file:
        sample = file.read(SAMPLE_BYTES)
        file.seek(0)
        with io.TextIOWrapper(file, encoding=encoding_of(path, sample), newline="") as text:
            try:
                yield text
            except UnicodeDecodeError as error:
                reason = f"{path} is not {error.encoding} text ({error.reason})"
                raise InputError(f"{reason}: save it as UTF-8") from None

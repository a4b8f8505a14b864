"""Files as they come: compression and the encoding of text are read from the content."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import logging
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

from bowerbird.errors import InputError
from bowerbird.progress import BYTES_READ

ENCRYPTED = 1
"""Flag of a zip's file that has a password."""
BUFFER_BYTES = 1 << 18  # read at once: each read is counted for the progress
SAMPLE_BYTES = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PACKED: tuple[tuple[bytes, Callable[[IO[bytes]], AbstractContextManager[Any]]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)
_UNREADABLE = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet of an old Excel (.xls): save it as CSV (UTF-8)"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd: decompress it, or use gzip"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it and name its files"),
    (b"Rar!", "a RAR archive: unpack it and name its files"),
    (b"SQLite format", "a database of SQLite: export its tables as CSV"),
    (b"Obj\x01", "a file of Avro: save it as Parquet or JSON lines"),
)
"""How files begin that hold no text, and what they are."""
EXPECTED = "expected is text (CSV, TSV, JSON, XML) or Parquet"
WINDOWS = "cp1252"
_BYTES_OF_WINDOWS = "bytes-of-windows-1252"
_log = logging.getLogger(__name__)


class _CountedFile(io.FileIO):
    """A file whose bytes are counted as they are read, each once."""

    _counted = 0

    def readinto(self, buffer: Any) -> int | None:
        """Read bytes into a buffer; return their number."""
        n = super().readinto(buffer)
        if (position := self.tell()) > self._counted:
            BYTES_READ.add(position - self._counted)
            self._counted = position
        return n


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, decompressed where it is gzip, bzip2, xz or a zip of one file; its bytes count as read.

    Raises `InputError` for a file that can't be read or decompressed.
    """
    try:
        with io.BufferedReader(_CountedFile(path), BUFFER_BYTES) as file:
            magic = file.read(16)
            file.seek(0)
            if kind := next((kind for start, kind in _UNREADABLE if magic.startswith(start)), ""):
                raise InputError(f"{path} is {kind}; {EXPECTED}")
            unpack = next((unpack for start, unpack in _PACKED if magic.startswith(start)), None)
            if unpack is not None:
                with unpack(file) as unpacked:
                    yield unpacked
            elif magic.startswith((b"PK\x03\x04", b"PK\x05\x06")):
                with zipfile.ZipFile(file) as archive, archive.open(_only_member(path, archive)) as member:
                    yield member
            else:
                yield file
    except (EOFError, zipfile.BadZipFile, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise InputError(f"{path} is damaged: it can't be decompressed ({error})") from None
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror or error})") from None


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    members = [info.filename for info in archive.infolist() if not info.is_dir()]
    if any(name.startswith(("xl/", "content.xml")) for name in members):
        raise InputError(f"{path} is a spreadsheet, not a table of text: save it as CSV (UTF-8)")
    names = [name for name in members if not _is_of_system(name)]
    if len(names) != 1:
        raise InputError(f"{path} holds {len(names)} files, expected one: unpack it and name the files")
    if archive.getinfo(names[0]).flag_bits & ENCRYPTED:
        raise InputError(f"{path} is protected by a password: unpack it and name its file")
    return names[0]


def _is_of_system(name: str) -> bool:
    """Whether the system put a file into an archive: `__MACOSX/._feed.csv`, `.DS_Store`."""
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith(".")


def in_utf8(path: Path, file: IO[bytes]) -> Any:
    """A file at its start whose bytes are UTF-8, whatever encoding the text has."""
    encoding = encoding_of(path, file.read(SAMPLE_BYTES))
    file.seek(0)
    if encoding.startswith("utf-8"):
        return file
    return codecs.EncodedFile(file, "utf-8", *_codec_of(encoding))


def lines_in_utf8(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file, in UTF-8, whatever encoding the text has."""
    encoding = encoding_of(path, file.read(SAMPLE_BYTES))
    file.seek(0)
    if encoding.startswith("utf-8"):
        yield from file
        return
    name, errors = _codec_of(encoding)
    with io.TextIOWrapper(file, name, errors, newline="\n") as text:
        yield from (line.encode(errors="replace") for line in text)


def _codec_of(encoding: str) -> tuple[str, str]:
    """The codec and its handling of errors: of Windows-1252 only the bytes that are not UTF-8 are in it.

    Feeds that were put together from several sources have both.
    """
    return ("utf-8", _BYTES_OF_WINDOWS) if encoding == WINDOWS else (encoding, "strict")


def _of_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode(WINDOWS), error.end


codecs.register_error(_BYTES_OF_WINDOWS, _of_windows)


def encoding_of(path: Path, sample: bytes) -> str:
    """The encoding of a text by its first bytes: by its mark, else UTF-8, else Windows-1252 with a warning.

    Raises `InputError` where it is none of these.
    """
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding
    if (zeros := sample.count(0)) > len(sample) * 3 / 5:
        raise InputError(f"{path} holds mostly zero bytes, and no text; {EXPECTED}")
    if zeros > len(sample) / 5:
        return "utf-16-le" if sample[1::2].count(0) > zeros / 2 else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
        return "utf-8"
    except UnicodeDecodeError as error:
        try:
            sample.decode("utf-8", _BYTES_OF_WINDOWS)
        except UnicodeDecodeError:
            reason = f"{path} is not UTF-8 text ({error.reason})"
            raise InputError(f"{reason}: save it as UTF-8; {EXPECTED}") from None
    _log.warning(
        "%s is not UTF-8: what is not is read as Windows-1252; save it as UTF-8 if letters look wrong", path
    )
    return WINDOWS


@contextmanager
def open_text(path: Path) -> Iterator[io.TextIOWrapper]:
    """Open a text file by its content. Raises `InputError` for a file that is no text."""
    with open_bytes(path) as file:
        sample = file.read(SAMPLE_BYTES)
        file.seek(0)
        with io.TextIOWrapper(file, *_codec_of(encoding_of(path, sample)), newline="") as text:
            try:
                yield text
            except UnicodeDecodeError as error:
                reason = f"{path} is not {error.encoding} text ({error.reason})"
                raise InputError(f"{reason}: save it as UTF-8") from None

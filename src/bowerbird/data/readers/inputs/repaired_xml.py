"""Files of XML as a parser accepts them.

Names of HTML (`&nbsp;`), which XML does not have, are understood, as are blanks before the declaration, bytes
of Windows-1252 in a file that says it is UTF-8, a single `&`, characters that XML forbids, and Google's
prefix where it is not declared.
"""

from __future__ import annotations

import html.entities
import io
import re
from pathlib import Path
from typing import IO, Any

from bowerbird.data.readers.inputs.text_files import SAMPLE_BYTES, in_utf8

CHUNK_BYTES = 1 << 18
MAX_NAME = 40  # bytes of the name of an entity
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
_OF_XML = (b"amp", b"lt", b"gt", b"quot", b"apos")
_BARE = re.compile(rb"&(?!#[0-9]+;|#[xX][0-9A-Fa-f]+;|[A-Za-z_][A-Za-z0-9_.-]*;)")
"""A mark that begins no entity: `Table & chair`."""
_CDATA = re.compile(rb"(<!\[CDATA\[|\]\]>)")
_BEGUN = re.compile(rb"(?:&[^;]*|<(?:!(?:\[(?:C(?:D(?:A(?:TA?)?)?)?)?)?)?|\]\]?)\Z")
"""What may go on after the end of a chunk: an entity, a mark of CDATA."""
_CONTROLS = bytes({*range(32)} - {9, 10, 13})
_ROOT = re.compile(rb"(<[A-Za-z][^\s/>]*)[^>]*>")


class RepairedXml(io.RawIOBase):
    """A file of XML as a parser accepts it."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        sample = file.read(SAMPLE_BYTES)
        declaration = _ENCODING.match(sample.removeprefix(b"\xef\xbb\xbf"))
        file.seek(0)
        is_utf8 = b"\0" not in sample[:100] and (
            not declaration or declaration[1].lower() in (b"utf-8", b"utf8")
        )
        self._file: Any = in_utf8(path, file) if is_utf8 else file
        self._rest = b""
        self._is_begun = self._is_cdata = False

    def read(self, size: int = -1) -> bytes:
        """Read the next repaired bytes; empty at the end."""
        chunk = self._rest + self._file.read(CHUNK_BYTES)
        self._rest = b""
        if not self._is_begun and b"\0" not in chunk[:100]:
            chunk = _with_prefix(chunk.removeprefix(b"\xef\xbb\xbf").lstrip())
        self._is_begun = True
        begun = _BEGUN.search(chunk, max(0, len(chunk) - MAX_NAME))
        if begun is not None and begun.start() > 0:  # it may go on in the next chunk
            chunk, self._rest = chunk[: begun.start()], chunk[begun.start() :]
        return self._escaped(_ENTITY.sub(_as_number, chunk))

    def _escaped(self, chunk: bytes) -> bytes:
        """A chunk without characters that XML does not have, and whose `&` all begin an entity.

        Within CDATA they are text. UTF-16, which has zero bytes, stays as it is.
        """
        if b"\0" in chunk:
            return chunk
        parts = _CDATA.split(chunk.translate(None, _CONTROLS))
        for index, text in enumerate(parts):
            if _CDATA.fullmatch(text):
                self._is_cdata = text != b"]]>"
            elif not self._is_cdata and b"&" in text:
                parts[index] = _BARE.sub(b"&amp;", text)
        return b"".join(parts)


def _with_prefix(start: bytes) -> bytes:
    """The beginning of a feed with the prefix of Google's fields declared, where that was forgotten."""
    root = _ROOT.search(start)
    if root is None or b"<g:" not in start or b"xmlns:g" in start:
        return start
    return start[: root.end(1)] + b' xmlns:g="http://base.google.com/ns/1.0"' + start[root.end(1) :]


def _as_number(entity: re.Match[bytes]) -> bytes:
    characters = "" if entity[1] in _OF_XML else html.entities.html5.get(f"{entity[1].decode()};", "")
    return "".join(f"&#{ord(character)};" for character in characters).encode() or entity[0]

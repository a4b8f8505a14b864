"""Items of feeds in XML (RSS 2.0, Atom), element by element, whatever the feed makes of XML's rules.

Names of HTML (`&nbsp;`), which XML does not have, are understood, as are blanks before the declaration and
bytes of Windows-1252 in a feed that says it is UTF-8.
"""

from __future__ import annotations

import html.entities
import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from bowerbird.data.readers.inputs.text_files import SAMPLE_BYTES, in_utf8, open_bytes
from bowerbird.errors import InputError

ITEM_TAGS = ("item", "entry")
GOOGLE = ("base.google.com/ns/", "base.google.com/cns/")
"""Parts of the namespaces of Google's fields, and of fields that a store added."""
PLAIN = ("{http://www.w3.org/2005/Atom}", "{http://purl.org/rss/1.0/}")
"""Namespaces of the feed itself."""
XHTML = "{http://www.w3.org/1999/xhtml}"
CHUNK_BYTES = 1 << 18
MAX_NAME = 40  # bytes of the name of an entity
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
_OF_XML = (b"amp", b"lt", b"gt", b"quot", b"apos")
Row = dict[str, list[str]]


def read_xml_rows(path: Path, normalise_name: Callable[[str], str]) -> Iterator[tuple[str, Row]]:
    """The fields of each item, by their names. Raises `InputError` for a file that is no feed in XML."""
    number = 0
    try:
        with open_bytes(path) as file:
            open_elements: list[ElementTree.Element] = []
            for event, element in ElementTree.iterparse(_Repaired(path, file), ("start", "end")):
                if event == "start":
                    open_elements.append(element)
                    continue
                open_elements.pop()
                if normalise_name(element.tag) in ITEM_TAGS:
                    number += 1
                    yield f"{path.name}: item {number}", _row(element, normalise_name)
                    for above in open_elements:  # so that memory does not grow with the file
                        above.clear()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: unknown encodings
        raise InputError(f"{path} is not well-formed XML ({error})") from None
    if not number:
        raise InputError(f"{path} has no <item> or <entry>: is it a product feed (RSS 2.0 or Atom)?")


class _Repaired(io.RawIOBase):  # used as a function of a file
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
        self._is_begun = False

    def read(self, size: int = -1) -> bytes:
        """Read the next repaired bytes; empty at the end."""
        chunk = self._rest + self._file.read(CHUNK_BYTES)
        self._rest = b""
        if not self._is_begun and b"\0" not in chunk[:100]:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf").lstrip()
        self._is_begun = True
        last = chunk.rfind(b"&", max(0, len(chunk) - MAX_NAME))
        if last > 0 and b";" not in chunk[last:]:  # an entity may go on in the next chunk
            chunk, self._rest = chunk[:last], chunk[last:]
        return _ENTITY.sub(_as_number, chunk)


def _as_number(entity: re.Match[bytes]) -> bytes:
    characters = "" if entity[1] in _OF_XML else html.entities.html5.get(f"{entity[1].decode()};", "")
    return "".join(f"&#{ord(character)};" for character in characters).encode() or entity[0]


def _row(element: ElementTree.Element, normalise_name: Callable[[str], str]) -> Row:
    """Fields by name: Google's before those of the feed, and these before those of other namespaces."""
    of_google, plain, of_namespaces = Row(), Row(), Row()
    for child in element:
        if picture := _enclosed_picture(child):
            of_namespaces.setdefault("image_link", []).append(picture)
        if _is_other_link(child) or not (content := _content(child)):
            continue
        is_plain = not child.tag.startswith("{") or child.tag.startswith(PLAIN)
        of_feed = plain if is_plain and not child.tag.startswith("g:") else of_namespaces
        is_of_google = child.tag.startswith("g:") or any(name in child.tag for name in GOOGLE)
        fields = of_google if is_of_google else of_feed
        fields.setdefault(normalise_name(child.tag), []).append(content)
    row = of_namespaces | plain | of_google
    return row if "id" in row or "guid" not in row else row | {"id": row["guid"]}


def _enclosed_picture(element: ElementTree.Element) -> str:
    """The address of a picture that RSS or Atom enclose; empty for other elements."""
    is_enclosure = element.tag.rsplit("}", 1)[-1] == "enclosure" or element.get("rel") == "enclosure"
    is_picture = is_enclosure and element.get("type", "image/").startswith("image/")
    return (element.get("url") or element.get("href") or "").strip() if is_picture else ""


def _is_other_link(element: ElementTree.Element) -> bool:
    """Whether an Atom link is one to something else than the item's page."""
    return element.get("rel", "alternate") != "alternate"


def _content(element: ElementTree.Element) -> str:
    """Text of a field; parts of a nested field (product_detail) are joined as in the TSV form."""
    if len(element) and element[0].tag.startswith(XHTML):
        return " ".join(element.itertext()).strip()
    texts = [(child.text or "").strip() for child in element]
    return ":".join(texts) if texts else (element.text or element.get("href") or "").strip()

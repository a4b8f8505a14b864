"""Items of feeds in XML (RSS 2.0, Atom), element by element, whatever the feed makes of XML's rules."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path

from bowerbird.data.readers.inputs.repaired_xml import RepairedXml
from bowerbird.data.readers.inputs.text_files import open_bytes
from bowerbird.errors import InputError

ITEM_TAGS = ("item", "entry")
GOOGLE = ("base.google.com/ns/", "base.google.com/cns/")
"""Parts of the namespaces of Google's fields, and of fields that a store added."""
PLAIN = ("{http://www.w3.org/2005/Atom}", "{http://purl.org/rss/1.0/}")
"""Namespaces of the feed itself."""
XHTML = "{http://www.w3.org/1999/xhtml}"
WEB_PAGE = (
    "{} is a web page (HTML), not a feed: was an error or login page saved? Fetch the feed's own address. "
    "Save the JSON-LD of product pages as JSON, one object a line"
)
_CODE = re.compile("[A-Z]{3}")
"""A currency, in an attribute of a price."""
Row = dict[str, list[str]]


def read_xml_rows(path: Path, normalise_name: Callable[[str], str]) -> Iterator[tuple[str, Row]]:
    """The fields of each item, by their names. Raises `InputError` for a file that is no feed in XML."""
    number, root = 0, ""
    try:
        with open_bytes(path) as file:
            open_elements: list[ElementTree.Element] = []
            for event, element in ElementTree.iterparse(RepairedXml(path, file), ("start", "end")):
                if event == "start":
                    root = root or element.tag.rsplit("}", 1)[-1]
                    open_elements.append(element)
                    continue
                open_elements.pop()
                if normalise_name(element.tag) in ITEM_TAGS:
                    number += 1
                    yield f"{path.name}: item {number}", _row(element, normalise_name)
                    for above in open_elements:  # so that memory does not grow with the file
                        above.clear()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: unknown encodings
        if root.lower() == "html":
            raise InputError(WEB_PAGE.format(path)) from None
        raise InputError(f"{path} is not well-formed XML ({error})") from None
    if root.lower() == "html":
        raise InputError(WEB_PAGE.format(path))
    if not number:
        raise InputError(
            f"{path} has no <item> or <entry>, its elements are in <{root}>: is it a product feed (RSS 2.0 "
            "or Atom)? Other XML has to be saved as a table or as JSON lines"
        )


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
    currency = element.get("currency") or element.get("unit") or ""
    if _CODE.fullmatch(currency) and element.text and not texts:
        return f"{element.text.strip()} {currency}"
    return ":".join(texts) if texts else (element.text or element.get("href") or "").strip()

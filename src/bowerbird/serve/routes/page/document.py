"""The page's document: what the first paint needs is in it, and what the view needs is asked for together.

Stylesheets and a short script stand in the document, allowed by their hashes. The modules of the view are
preloaded: without that, a browser learns of a module only when it has read the one that imports it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from posixpath import dirname, join, normpath

DOCUMENT = "index.html"
ENTRY = "app/main.js"
EARLY = "app/early.js"
STYLES = tuple(f"styles/{name}.css" for name in ("tokens", "shell", "cards", "sheet", "chat", "views"))
"""In the order of the cascade. Styles of operators come with their view."""
_IMPORT = re.compile(r"\bfrom ?[\"'](\.[^\"']+)[\"']")  # static ones; dynamic imports have no `from`

Files = Mapping[str, bytes]
"""Contents by path in the page's folder."""


def document_of(files: Files, version: str, view: str) -> bytes:
    """The document for the addresses of a view, the path of its module."""
    parts = {
        "version": version,
        "styles": f"<style>{styles_of(files)}</style>",
        "early": f"<script>{files[EARLY].decode()}</script>",
        "modules": "\n".join(
            f'<link rel="modulepreload" href="/page/{version}/{name}">'
            for name in modules_of(files, [ENTRY, view])
        ),
    }
    text = files[DOCUMENT].decode()
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    return text.encode()


def styles_of(files: Files) -> str:
    """All stylesheets of shoppers as one."""
    return "".join(files[name].decode() for name in STYLES)


def modules_of(files: Files, entries: Iterable[str]) -> list[str]:
    """Paths of some modules and of all that they import, the nearest first."""
    modules = dict.fromkeys(entries)
    waiting = list(modules)
    while waiting:
        name = waiting.pop(0)
        for address in _IMPORT.findall(files[name].decode()):
            imported = normpath(join(dirname(name), address))
            if imported not in modules:
                modules[imported] = None
                waiting.append(imported)
    return list(modules)


def content_policy(files: Files) -> str:
    """What a browser may load and run: the page's own files, and what stands in the document.

    The page loads nothing from other hosts, and no text from a catalogue can run as a script.
    """
    return (
        f"default-src 'self'; style-src 'self' {_source(styles_of(files))}; "
        f"script-src 'self' {_source(files[EARLY].decode())}; img-src 'self' data: blob:; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

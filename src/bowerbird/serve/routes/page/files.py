"""The page: its files in memory, each under an address that changes with their content.

`/page/VERSION/…` may be cached for ever. The document itself, which names the version, is served for every
address of the page, so that links to a view work and a reload stays there.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

import bowerbird.serve

PAGE = Path(bowerbird.serve.__file__).parent / "page"
DOCUMENT = "index.html"
ADDRESSES = (
    *("/", "/chat", "/find", "/boards", "/boards/{board:id}", "/shared/{token:id}", "/taste"),
    *("/admin", "/admin/{section:id}"),
)
"""Addresses of the page; the script shows the view."""
# The page loads nothing from other hosts, and no text from a catalogue can run as a script.
CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
FOR_EVER = "public, max-age=31536000, immutable"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_VERSION = "{{version}}"  # in the document


@dataclass(frozen=True)
class PageFile:
    """A file as it is sent: as it is, or packed."""

    media_type: str
    content: bytes
    packed: bytes

    @classmethod
    def of(cls, name: str, content: bytes) -> PageFile:
        """A file by its name's ending."""
        return cls(_MEDIA_TYPES[Path(name).suffix], content, gzip.compress(content, 9, mtime=0))

    def response(self, request: Request, cache: str) -> Response:
        """The file, packed where the client can unpack it."""
        is_packed = "gzip" in request.headers.get("accept-encoding", "")
        headers = {
            "Content-Security-Policy": CONTENT_POLICY,
            "Cache-Control": cache,
            "Vary": "Accept-Encoding",
        }
        if is_packed:
            headers["Content-Encoding"] = "gzip"
        return Response(
            self.packed if is_packed else self.content, media_type=self.media_type, headers=headers
        )


def read_page(folder: Path = PAGE) -> tuple[str, dict[str, PageFile]]:
    """The version of the page, and its files by their paths in the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in _MEDIA_TYPES)
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    digest = hashlib.sha256(b"".join(name.encode() + content for name, content in contents.items()))
    version = digest.hexdigest()[:12]
    contents[DOCUMENT] = contents[DOCUMENT].replace(_VERSION.encode(), version.encode())
    return version, {name: PageFile.of(name, content) for name, content in contents.items()}


def routes() -> APIRouter:
    router, (version, files) = APIRouter(include_in_schema=False), read_page()

    def document(request: Request) -> Response:
        return files[DOCUMENT].response(request, "no-cache")

    def page_file(asked_version: str, name: str, request: Request) -> Any:
        if asked_version != version or name not in files or name == DOCUMENT:
            raise HTTPException(404, "the page has no such file")
        return files[name].response(request, FOR_EVER)

    for path in ADDRESSES:
        router.add_api_route(path, document, methods=["GET", "HEAD"], response_model=None)
    router.add_api_route("/page/{asked_version}/{name:path}", page_file, response_model=None)
    return router

"""The page: its files in memory, each under an address that changes with their content.

`/page/VERSION/…` may be cached for ever. The document itself, which names the version, is served for every
address of the page, so that links to a view work and a reload stays there.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

import bowerbird.serve
from bowerbird.serve.routes.page.document import DOCUMENT, content_policy, document_of

PAGE = Path(bowerbird.serve.__file__).parent / "page"
ADDRESSES = {
    "/": "feed",
    "/chat": "feed",
    "/find": "search",
    "/boards": "boards",
    "/boards/{board:id}": "board",
    "/shared/{token:id}": "shared",
    "/taste": "taste",
    "/admin": "admin",
    "/admin/{section:id}": "admin",
}
"""Addresses of the page, and the module in `app/views` that each begins with."""
FOR_EVER = "public, max-age=31536000, immutable"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class PageFile:
    """A file as it is sent: as it is, or packed."""

    media_type: str
    content: bytes
    packed: bytes
    policy: str
    tag: str

    @classmethod
    def of(cls, name: str, content: bytes, policy: str) -> PageFile:
        """A file by its name's ending."""
        packed = gzip.compress(content, 9, mtime=0)
        tag = f'W/"{hashlib.sha256(content).hexdigest()[:24]}"'
        return cls(_MEDIA_TYPES[Path(name).suffix], content, packed, policy, tag)

    def response(self, request: Request, cache: str) -> Response:
        """The file, packed where the client can unpack it; nothing where the client has it."""
        headers = {
            "Content-Security-Policy": self.policy,
            "Cache-Control": cache,
            "ETag": self.tag,
            "Vary": "Accept-Encoding",
        }
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        is_packed = "gzip" in request.headers.get("accept-encoding", "")
        if is_packed:
            headers["Content-Encoding"] = "gzip"
        content = self.packed if is_packed else self.content
        return Response(content, media_type=self.media_type, headers=headers)


@dataclass(frozen=True)
class PageFiles:
    """The page's files as they are sent."""

    version: str
    documents: dict[str, PageFile]
    """By the view that they begin with."""
    files: dict[str, PageFile]
    """By their paths in the folder, without the document."""


def read_page(folder: Path = PAGE) -> PageFiles:
    """Read and pack all files of the page."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in _MEDIA_TYPES)
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    digest = hashlib.sha256(b"".join(name.encode() + content for name, content in contents.items()))
    version, policy = digest.hexdigest()[:12], content_policy(contents)
    documents = {
        view: PageFile.of(DOCUMENT, document_of(contents, version, f"app/views/{view}.js"), policy)
        for view in set(ADDRESSES.values())
    }
    names = contents.keys() - {DOCUMENT}
    return PageFiles(version, documents, {name: PageFile.of(name, contents[name], policy) for name in names})


def routes(page: PageFiles) -> APIRouter:
    """Make the router of this resource."""
    router = APIRouter(include_in_schema=False)

    def page_file(asked_version: str, name: str, request: Request) -> Any:
        if asked_version != page.version or name not in page.files:
            raise HTTPException(404, "the page has no such file")
        return page.files[name].response(request, FOR_EVER)

    for path, view in ADDRESSES.items():
        answer = _answering(page.documents[view])
        router.add_api_route(path, answer, methods=["GET", "HEAD"], response_model=None)
    router.add_api_route("/page/{asked_version}/{name:path}", page_file, response_model=None)
    return router


def unknown_address(page: PageFiles, otherwise: ASGIApp) -> ASGIApp:
    """Answer an address that no route has: with the page where a browser opens it, which says so."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["type"] != "http" or "text/html" not in headers.get("accept", ""):
            await otherwise(scope, receive, send)
            return
        response = page.documents["feed"].response(Request(scope), "no-store")
        response.status_code = 404
        await response(scope, receive, send)

    return answer


def _answering(document: PageFile) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return document.response(request, "no-cache")

    return answer

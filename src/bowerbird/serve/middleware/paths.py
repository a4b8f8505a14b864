"""Ids in paths: an encoded slash belongs to the id, a plain one separates.

Servers decode paths before routes see them, so `/users/team%2Fanna` and `/users/team/anna` would be the same.
Here an encoded slash passes the routes as NUL, which no id may hold, and comes back in the parameter.
"""

from __future__ import annotations

from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

from bowerbird.serve.errors import error_response

SLASH = "\0"
ITEM_RESOURCES = ("image", "similar", "bought-together", "goes-well-with", "complements", "json-ld")
"""What follows an item's id in an address."""


class EncodedSlashMiddleware:
    """Marks encoded slashes in paths."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path") or b""
        if scope["type"] == "http" and b"%" in raw:
            segments = [
                unquote(segment, errors="replace") for segment in raw.decode("ascii", "replace").split("/")
            ]
            if any(SLASH in segment for segment in segments):
                refusal = error_response(400, "the path holds a NUL character", "InputError")
                await refusal(scope, receive, send)
                return
            # In place, and not in a copy: the layers around this one read the route of the request from it.
            scope["path"] = "/".join(segment.replace("/", SLASH) for segment in segments)
        await self.app(scope, receive, send)


class IdConvertor(Convertor[str]):
    """One segment of a path, whose encoded slashes belong to the id."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        """The id."""
        return value.replace(SLASH, "/")

    def to_string(self, value: str) -> str:
        """The segment."""
        return value.replace("/", SLASH)


class IdsConvertor(IdConvertor):
    """An id whose slashes may be plain, too: the rest of the path, or all before a fixed end."""

    regex = ".+"


class ItemConvertor(IdsConvertor):
    """The id of an item in its own address; what ends like a view of an item (`ITEM_RESOURCES`) is none.

    Without this a view's address would be that of an item whose id ends so, for the methods that only items
    have.
    """

    regex = f"(?!.*/(?:{'|'.join(ITEM_RESOURCES)})$).+"


register_url_convertor("id", IdConvertor())
register_url_convertor("ids", IdsConvertor())
register_url_convertor("item", ItemConvertor())

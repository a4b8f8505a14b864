"""Addresses of servers: they may hold a password, and messages must not."""

from __future__ import annotations

import re
from urllib.parse import unquote


def shown(address: str) -> str:
    """An address as it may be shown: without user, password and options.

    >>> shown("postgres://ann:s3@cret@db.example:5432/shop?sslmode=require")
    'postgres://db.example:5432/shop'
    """
    scheme, _, rest = address.partition("://")
    if "@" in rest.partition("?")[2]:  # of the address or of a password? show none of it
        return f"{scheme}://…"
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


def without_secrets(message: str, address: str) -> str:
    """A library's message without any part of an address that may be (a piece of) a password.

    >>> without_secrets('invalid port "s3" in "s3/cret"', "postgres://ann:s3/cret@db.example/shop")
    'invalid port "…" in "…"'
    """
    rest = address.partition("://")[2]
    login, options = rest.rpartition("@")[0], rest.partition("?")[2]
    secrets = {login.partition(":")[2], *re.findall(r"password=([^&]*)", options, re.IGNORECASE)}
    pieces = {
        piece for one in secrets for said in (one, unquote(one)) for piece in (said, *re.split(r"\W", said))
    }
    for piece in sorted(pieces - {""}, key=len, reverse=True):
        message = message.replace(piece, "…")
    return message

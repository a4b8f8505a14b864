"""Server addresses in messages: without the password that they may contain."""

from __future__ import annotations

import re
from urllib.parse import unquote


def redact_address(address: str) -> str:
    """An address without user, password and options.

    >>> redact_address("postgres://ann:s3@cret@db.example:5432/shop?sslmode=require")
    'postgres://db.example:5432/shop'
    """
    scheme, _, rest = address.partition("://")
    if "@" in rest.partition("?")[2]:  # ambiguous: it may be part of a password
        return f"{scheme}://…"
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


def redact_message(message: str, address: str) -> str:
    """A library's message without any part of an address that may be (part of) a password.

    >>> redact_message('invalid port "s3" in "s3/cret"', "postgres://ann:s3/cret@db.example/shop")
    'invalid port "…" in "…"'
    """
    rest = address.partition("://")[2]
    login, options = rest.rpartition("@")[0], rest.partition("?")[2]
    secrets = {login.partition(":")[2], *re.findall(r"password=([^&]*)", options, re.IGNORECASE)}
    fragments = {
        fragment
        for secret in secrets
        for form in (secret, unquote(secret))
        for fragment in (form, *re.split(r"\W", form))
    }
    for fragment in sorted(fragments - {""}, key=len, reverse=True):
        message = message.replace(fragment, "…")
    return message

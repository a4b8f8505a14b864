"""Server addresses in messages: without the password that they may contain.

By hand, as a URL parser rejects or misreads what must be hidden first of all: addresses whose password
contains `@`, `/` or `:` that nobody escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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
    forms = [form for secret in secrets for form in (secret, unquote(secret))]
    return hide((fragment for form in forms for fragment in (form, *re.split(r"\W", form))), message)


def hide(secrets: Iterable[str], message: str) -> str:
    """Replace every occurrence of secrets in a message, the longest first.

    >>> hide(["s3", "s3cret"], "denied: s3cret")
    'denied: …'
    """
    for secret in sorted(set(secrets) - {""}, key=len, reverse=True):
        message = message.replace(secret, "…")
    return message

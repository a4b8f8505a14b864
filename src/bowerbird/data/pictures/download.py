"""One picture from its link: redirects followed by hand, sizes limited, failures by reason."""

from __future__ import annotations

import asyncio
import email.utils
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from bowerbird.data.pictures.faults import PictureFault, Reason, TryAgain
from bowerbird.data.settings import PictureSettings

MAX_REDIRECTS = 5
RETRIED = (408, 425, 429, 500, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)
_PICTURE_TYPES = ("image/", "application/octet-stream", "binary/octet-stream")
_NOT_SERVED = ("image/svg",)


@dataclass(frozen=True)
class Validators:
    """What a server said of a picture that was fetched: it need not be sent again while it is the same."""

    etag: str = ""
    last_modified: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request that asks for a picture only if it has changed."""
        conditions = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in conditions.items() if value}


@dataclass(frozen=True)
class Download:
    """What a link led to; `encoded` is None where it has not changed."""

    encoded: bytes | None
    validators: Validators


async def download(
    client: httpx.AsyncClient, link: str, known: Validators, settings: PictureSettings
) -> Download:
    """Fetch a picture. Raises `PictureFault` where there is none, `TryAgain` where there may be one later."""
    url = link
    try:
        async with asyncio.timeout(settings.timeout_s):
            for _ in range(MAX_REDIRECTS + 1):
                check_link(url, settings)
                async with client.stream("GET", url, headers=known.headers) as response:
                    if response.status_code not in _REDIRECTS:
                        return await _read(response, known, settings.max_megabytes * 1_000_000)
                    url = str(response.url.join(response.headers.get("location", "")))
    except (TimeoutError, httpx.TimeoutException):
        raise TryAgain(Reason.TIMEOUT) from None
    except (httpx.InvalidURL, UnicodeError):
        raise PictureFault(Reason.NO_ADDRESS) from None
    except httpx.HTTPError:
        raise TryAgain(Reason.UNREACHABLE) from None
    raise PictureFault(Reason.REDIRECTS)


def check_link(link: str, settings: PictureSettings) -> None:
    """Raise `PictureFault` for what is no web address, or one of a host that is not allowed."""
    try:
        parts = urlsplit(link)
        host = (parts.hostname or "").lower()
    except ValueError:
        raise PictureFault(Reason.NO_ADDRESS) from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        raise PictureFault(Reason.NO_ADDRESS)
    allowed = [name.lower().lstrip("*.") for name in settings.allowed_hosts]
    if allowed and not any(host == name or host.endswith(f".{name}") for name in allowed):
        raise PictureFault(Reason.HOST_NOT_ALLOWED)


async def _read(response: httpx.Response, known: Validators, max_bytes: float) -> Download:
    status, headers = response.status_code, response.headers
    if status == 304:
        return Download(None, known)
    if status in RETRIED:
        raise TryAgain(Reason.STATUS, str(status), parse_wait(headers.get("retry-after", "")))
    if status != 200:
        raise PictureFault(Reason.STATUS, str(status))
    media_type = headers.get("content-type", "").lower()
    if media_type and (not media_type.startswith(_PICTURE_TYPES) or media_type.startswith(_NOT_SERVED)):
        raise PictureFault(Reason.NO_PICTURE, f"({media_type.partition(';')[0].strip()})")
    if headers.get("content-length", "").isdecimal() and int(headers["content-length"]) > max_bytes:
        raise PictureFault(Reason.TOO_LARGE)
    encoded = bytearray()
    async for chunk in response.aiter_raw():  # asked for without compression, so nothing grows here
        encoded += chunk
        if len(encoded) > max_bytes:
            raise PictureFault(Reason.TOO_LARGE)
    return Download(bytes(encoded), Validators(headers.get("etag", ""), headers.get("last-modified", "")))


def parse_wait(retry_after: str) -> float | None:
    """Seconds that a `Retry-After` header asks to wait; None for what is neither seconds nor a date.

    >>> parse_wait("12"), parse_wait("soon")
    (12.0, None)
    """
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None

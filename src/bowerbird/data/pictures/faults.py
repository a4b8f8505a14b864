"""Why a picture could not be fetched: a few reasons, by which a report counts them."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why there is no picture at a link."""

    NO_ADDRESS = "not an http or https address"
    HOST_NOT_ALLOWED = "host not in allowed_hosts"
    PRIVATE = "address of a private network"
    UNKNOWN_HOST = "unknown host"
    UNREACHABLE = "no connection"
    TIMEOUT = "too slow"
    REDIRECTS = "too many redirects"
    STATUS = "status"
    NO_PICTURE = "not a picture"
    TOO_LARGE = "too many bytes"
    TOO_MANY_PIXELS = "more than 25 megapixels"
    DAMAGED = "damaged, or no JPEG, PNG, WebP, GIF or AVIF"


class PictureFault(Exception):
    """There is no picture at a link, and asking again now would not help."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason


class TryAgain(PictureFault):
    """The same, but a later request may succeed: after `wait_s` seconds, where the server says so."""

    def __init__(self, reason: Reason, detail: str = "", wait_s: float | None = None) -> None:
        super().__init__(reason, detail)
        self.wait_s = wait_s

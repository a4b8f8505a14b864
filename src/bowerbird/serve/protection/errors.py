"""Refusals of the protection layer, each with its status."""

from __future__ import annotations

from bowerbird.errors import InputError


class Refusal(InputError):
    """A request that is refused before it is answered."""

    status = 400
    code = "invalid_request"

    def __init__(self, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = headers or {}


class Unauthenticated(Refusal):
    """No key, or one that is not valid."""

    status = 401
    code = "invalid_api_key"

    def __init__(self, message: str) -> None:
        super().__init__(message, {"WWW-Authenticate": "Bearer"})


class Forbidden(Refusal):
    """A valid key whose roles do not allow the call."""

    status = 403
    code = "insufficient_permissions"


class SlowBody(Refusal):
    """A body that did not arrive in time; the connection is closed."""

    status = 408
    code = "request_timeout"

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Connection": "close"})


class BodyTooLarge(Refusal):
    """A body above the route's limit; the connection is closed, so that the rest is not read."""

    status = 413
    code = "body_too_large"

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Connection": "close"})


class WrongMediaType(Refusal):
    """A body of another media type than the route reads."""

    status = 415
    code = "unsupported_media_type"


class TooManyRequests(Refusal):
    """A caller above its rate or its share."""

    status = 429
    code = "rate_limit_exceeded"

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, {"Retry-After": str(max(1, round(retry_after_s + 0.5)))})


class Overloaded(Refusal):
    """A server that is at its limit, whoever calls."""

    status = 503
    code = "overloaded"

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message, {"Retry-After": str(max(1, round(retry_after_s + 0.5)))})

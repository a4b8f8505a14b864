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


class ClosingRefusal(Refusal):
    """A refusal that closes the connection, so that the rest of the body is not read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Connection": "close"})


class RetriableRefusal(Refusal):
    """A refusal of what may be sent again, `retry_after_s` seconds later."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message, {"Retry-After": str(max(1, round(retry_after_s + 0.5)))})


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


class SlowBody(ClosingRefusal):
    """A body that did not arrive in time."""

    status = 408
    code = "request_timeout"


class BodyTooLarge(ClosingRefusal):
    """A body above the route's limit."""

    status = 413
    code = "body_too_large"


class WrongMediaType(Refusal):
    """A body of another media type than the route reads."""

    status = 415
    code = "unsupported_media_type"


class TooManyRequests(RetriableRefusal):
    """A caller above its rate or its share."""

    status = 429
    code = "rate_limit_exceeded"


class Overloaded(RetriableRefusal):
    """A server that is at its limit, whoever calls."""

    status = 503
    code = "overloaded"

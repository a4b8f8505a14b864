"""Bodies of errors."""

from __future__ import annotations

from bowerbird.serve.bodies.base import Body


class ErrorText(Body):
    """What went wrong."""

    message: str
    type: str
    param: str | None = None
    """The field of the request that is wrong."""
    code: str | None = None


class ErrorBody(Body):
    """Every error, as OpenAI's clients expect it."""

    error: ErrorText


TEXT_PATHS = "/api/"
"""Below it errors are plain text, as Gorse's clients expect them."""

"""User tokens: what a shop's own server gives to a signed-in user's app or browser.

A token is a JSON Web Token (HS256) with the user's id in `sub` and an `exp`. `bowerbird keys token` makes
one, and any JWT library can, with the secret that `bowerbird keys token-secret` prints.
"""

from __future__ import annotations

import time

import jwt

from bowerbird.errors import InputError
from bowerbird.ids import id_fault

ALGORITHM = "HS256"
AUDIENCE = "bowerbird"
MAX_HOURS = 24 * 31


def sign_user_token(secret: str, user: str, hours: float) -> str:
    """Make a token. Raises `InputError` for an invalid id, or a lifetime out of bounds."""
    if fault := id_fault(user):
        raise InputError(f"the user id {fault}")
    if not 0 < hours <= MAX_HOURS:
        raise InputError(f"the lifetime is {hours} hours, expected more than 0 and at most {MAX_HOURS}")
    claims = {"sub": user, "aud": AUDIENCE, "exp": int(time.time() + hours * 3600)}
    return jwt.encode(claims, secret, ALGORITHM)


def read_user_token(secret: str, token: str) -> str | None:
    """The user of a valid token; None for any other text."""
    if not secret:
        return None
    try:
        required = ["sub", "exp", "aud"]
        claims = jwt.decode(token, secret, [ALGORITHM], audience=AUDIENCE, options={"require": required})
    except jwt.PyJWTError:
        return None
    user = claims["sub"]
    return user if isinstance(user, str) and not id_fault(user) else None

"""Tokens of an identity provider (OpenID Connect): signed JSON Web Tokens, whose claims say who calls.

`identity.toml` in the store's folder names the provider. A token counts by its issuer, its audience, its time
and its signature by a key that the provider publishes. The algorithm is one of those that are allowed, which
all have a private and a public key: with a shared secret (HS256), the public key could sign.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt

from bowerbird.config import setting
from bowerbird.data.files.records import record_from
from bowerbird.errors import InputError, StoreError
from bowerbird.ids import id_fault
from bowerbird.serve.protection.errors import RetriableRefusal, Unauthenticated
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.signing_keys import PAUSE_S, SigningKeys

FILE = "identity.toml"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""All that may be allowed."""


@dataclass(frozen=True)
class ProviderSettings:
    """The content of `identity.toml`."""

    issuer: str = setting("", "The provider, as its tokens name it in `iss`")
    audience: str = setting("", "This store, as tokens name it in `aud`")
    keys: str = setting("", "The provider's JSON Web Key Set: its address, or a file in the store's folder")
    algorithms: tuple[str, ...] = setting(("RS256", "ES256"), "Allowed algorithms of signatures")
    role_claim: str = setting("roles", "Claim with roles: a list, or a text with spaces; `a.b` is b in a")
    user_claim: str = setting("sub", "Claim with the user's id, for the role profile")
    leeway_s: float = setting(60.0, "How far the clocks of provider and server may differ", "seconds")

    def __post_init__(self) -> None:
        """Raises `InputError` for a setting that is missing or unsafe."""
        if not (self.issuer and self.audience and self.keys and self.role_claim and self.user_claim):
            raise InputError("issuer, audience and keys are needed")
        unknown = sorted(set(self.algorithms) - set(ALGORITHMS))
        if unknown or not self.algorithms:
            raise InputError(
                f"algorithms is {list(self.algorithms)}, expected some of {', '.join(ALGORITHMS)}"
            )
        if not 0 <= self.leeway_s <= 600:
            raise InputError(f"leeway_s is {self.leeway_s}, expected 0 to 600 seconds")
        address = urlsplit(self.keys)
        if address.scheme == "http" and not _is_loopback(address.hostname or ""):
            raise InputError("keys must come by https: whoever changes them on the way signs tokens")


@dataclass(frozen=True)
class Identity:
    """Whom a token is about."""

    name: str
    """What limits and the audit log call it, where it is no user's."""
    roles: frozenset[Role]
    user: str | None = None
    """The user whose token it is, where the role is profile."""


class IdentityProvider:
    """Reads the tokens of one provider. For one event loop."""

    def __init__(
        self, settings: ProviderSettings, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`folder` is the store's, where a file of keys lies."""
        self._settings = settings
        self._keys = SigningKeys(settings.keys, folder, clock)

    @classmethod
    def open(cls, store: Path) -> IdentityProvider | None:
        """The provider of a store; None where it has none. Raises `StoreError` for invalid settings."""
        path = store / FILE
        try:
            raw = tomllib.loads(path.read_text())
            return cls(record_from(raw, ProviderSettings, str(path)), store)
        except FileNotFoundError:
            return None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, InputError) as error:
            raise StoreError(f"{path} can't be used ({error}): correct or remove it") from None

    def is_addressed(self, token: str) -> bool:
        """Whether a text claims to be a token of this provider for this store; not whether that is true."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            return False
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        return claims.get("iss") == self._settings.issuer and self._settings.audience in audiences

    async def identify(self, token: str) -> Identity:
        """Whom a token is about. Raises `Unauthenticated` for one that is not valid, with the reason, and
        `KeysUnavailable` while the provider's keys are not known."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in self._settings.algorithms:
                raise jwt.InvalidAlgorithmError(
                    f"its algorithm is not one of {', '.join(self._settings.algorithms)}"
                )
            key = await self._keys.find(header.get("kid"))
            if key is None and not self._keys.are_known:
                raise KeysUnavailable("the identity provider's keys are not known yet: try again", PAUSE_S)
            if key is None:
                raise jwt.InvalidKeyError("it is signed by a key that the identity provider does not publish")
            return self._identity(self._decode(token, key))
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"the token is not valid: {error}") from None

    def _decode(self, token: str, key: jwt.PyJWK) -> Mapping[str, Any]:
        settings = self._settings
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            list(settings.algorithms),
            audience=settings.audience,
            issuer=settings.issuer,
            leeway=settings.leeway_s,
            options={"require": ["exp", "iss", "aud"]},
        )
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        value = _claim(claims, self._settings.role_claim)
        names = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
        roles = frozenset(role for role in Role if role.value in names)
        if Role.PROFILE in roles:
            user = _claim(claims, self._settings.user_claim)
            if not isinstance(user, str) or id_fault(user):
                raise jwt.InvalidTokenError(f"its claim {self._settings.user_claim} has no valid user id")
            return Identity("", frozenset((Role.PROFILE,)), user)
        digest = hashlib.sha256(f"{claims['iss']} {claims.get('sub', '')}".encode()).hexdigest()
        return Identity(f"identity {digest[:12]}", roles)


class KeysUnavailable(RetriableRefusal):
    """The identity provider can't be asked for its keys."""

    status = 503
    code = "identity_provider_unavailable"


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by the path to it: providers nest them, and have dots in names."""
    if name in claims:
        return claims[name]
    first, dot, rest = name.partition(".")
    inner = claims.get(first)
    return _claim(inner, rest) if dot and isinstance(inner, dict) else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Who calls: a key, a user with a token, or anybody where the server asks for no keys."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from starlette.requests import Request

from bowerbird.serve.protection.errors import Forbidden, Unauthenticated
from bowerbird.serve.protection.identity_provider import Identity, IdentityProvider
from bowerbird.serve.protection.keys import KeyRing, Role
from bowerbird.serve.protection.user_tokens import read_user_token

_CALLER = "bowerbird.caller"
USER_ROLES = frozenset((Role.PROFILE, Role.READ, Role.CHAT, Role.EVENTS_WRITE))
"""What a user token allows, each for its own user only."""


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and what they may do."""

    name: str
    """Of the key, or the address: what limits and the audit log count by; never a user's id."""
    roles: frozenset[Role]
    user: str | None = None
    """The only user that the caller may name; None for any."""

    def check_role(self, role: Role) -> None:
        """Raise `Forbidden` without a role."""
        if role not in self.roles and Role.ADMIN not in self.roles:
            raise Forbidden(f"this call needs the role {role}; yours: {', '.join(sorted(self.roles))}")

    def check_user(self, user: str) -> None:
        """Raise `Forbidden` for another user than one's own."""
        if self.user is not None and user != self.user:
            raise Forbidden("a user token is good for its own user only")

    def check_unrestricted(self) -> None:
        """Raise `Forbidden` for a user's token."""
        if self.user is not None:
            raise Forbidden("this call needs an API key: a user token is not enough")

    def acting_user(self, user: str | None) -> str | None:
        """The user that a request is about: the token's own. Raises `Forbidden` where it names another."""
        if user is not None:
            self.check_user(user)
        return self.user if self.user is not None else user


class Authenticator:
    """Tells who calls one server."""

    def __init__(self, keys: KeyRing, provider: IdentityProvider | None, required: bool) -> None:
        """`provider` is where further tokens come from."""
        self._keys, self._provider, self._required = keys, provider, required

    def knows(self, request: Request) -> bool:
        """Whether a request has a valid key or user token of this store, or claims to have a token of its
        identity provider. Raises `StoreError`."""
        presented = _presented_key(request)
        return bool(presented) and (
            self._find(presented, request) is not None
            or (self._provider is not None and self._provider.is_addressed(presented))
        )

    async def caller_of(self, request: Request) -> Caller:
        """Who sent a request. Raises `Unauthenticated` without a valid key or token where one is required."""
        if not self._required:
            return Caller(_address(request), frozenset(Role))
        presented = _presented_key(request)
        if not presented:
            raise Unauthenticated("an API key is required: send it as `Authorization: Bearer KEY`")
        caller = self._find(presented, request)
        if caller is None and self._provider is not None and self._provider.is_addressed(presented):
            caller = _caller_by(await self._provider.identify(presented), request)
        if caller is None:
            raise Unauthenticated("the API key is not valid: it is unknown, expired or revoked")
        return caller

    def _find(self, presented: str, request: Request) -> Caller | None:
        key = self._keys.find(presented)
        if key is not None:
            return Caller(f"key {key.id}", frozenset(key.roles))
        user = read_user_token(self._keys.read().token_secret, presented)
        return None if user is None else _user_caller(user, request)


def _caller_by(identity: Identity, request: Request) -> Caller:
    if identity.user is not None:
        return _user_caller(identity.user, request)
    return Caller(identity.name, identity.roles)


def _user_caller(user: str, request: Request) -> Caller:
    return Caller(f"user token, {_address(request)}", USER_ROLES, user)


def _address(request: Request) -> str:
    return request.client.host if request.client else "local"


def remember_caller(request: Request, caller: Caller) -> None:
    """Note who sent a request, for `caller_of`."""
    request.scope[_CALLER] = caller


def caller_of(request: Request) -> Caller:
    """Who sent a request that reached its route."""
    caller: Caller = request.scope[_CALLER]
    return caller


def _presented_key(request: Request) -> str:
    """The key of a request: as OpenAI's clients send it, as `X-API-Key`, or as Segment's write key."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        return _basic_user(value)
    return request.headers.get("x-api-key", "").strip()


def _basic_user(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except ValueError:
        return ""

"""Tokens of an identity provider, whose keys a real server on this machine publishes."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from bowerbird.errors import InputError, StoreError
from bowerbird.serve.protection.errors import Unauthenticated
from bowerbird.serve.protection.identity_provider import (
    FILE,
    Identity,
    IdentityProvider,
    KeysUnavailable,
    ProviderSettings,
)
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.signing_keys import MAX_AGE_S, PAUSE_S

ISSUER, AUDIENCE = "https://login.example/", "shop"
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def published(key_id: str, key: Any = RSA_KEY) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig"}


class Publisher(ThreadingHTTPServer):
    """Answers every request with its keys, and counts requests."""

    keys: list[dict[str, Any]]
    count = 0
    is_down = False


class Handler(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        self.server.count += 1
        self.send_response(500 if self.server.is_down else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": self.server.keys}).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(("127.0.0.1", 0), Handler) as server:
        server.keys = [published("rsa"), published("ec", EC_KEY)]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server
        server.shutdown()


class Reader:
    """A provider that is asked from one event loop, at a time that a test sets."""

    def __init__(self, source: str, folder: Path, **options: Any) -> None:
        self.now = 0.0
        settings = ProviderSettings(ISSUER, AUDIENCE, source, **options)
        self.provider = IdentityProvider(settings, folder, clock=lambda: self.now)

    def identify(self, *tokens: str) -> list[Identity]:
        async def identify_all() -> list[Identity]:
            return [await self.provider.identify(token) for token in tokens]

        return asyncio.run(identify_all())


@pytest.fixture
def reader(publisher: Publisher, tmp_path: Path) -> Reader:
    return Reader(f"http://127.0.0.1:{publisher.server_port}/keys", tmp_path)


def claims(**changes: Any) -> dict[str, Any]:
    now = time.time()
    values = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": now + 36_000,
        "iat": now,
        "sub": "anna",
        "roles": ["read"],
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def signed(key: Any = RSA_KEY, key_id: str = "rsa", algorithm: str = "RS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, {"kid": key_id})


def test_a_claim_names_the_roles(reader: Reader) -> None:
    by_rsa, by_ec = reader.identify(signed(), signed(EC_KEY, "ec", "ES256", roles="chat events:write other"))
    assert by_rsa.roles == {Role.READ} and by_rsa.user is None and "anna" not in by_rsa.name
    assert by_ec.roles == {Role.CHAT, Role.EVENTS_WRITE}
    none, user, with_visitor = reader.identify(
        signed(roles=None), signed(roles=["profile"]), signed(roles="admin profile")
    )
    assert not none.roles and user.user == "anna"
    assert with_visitor.user == "anna" and Role.ADMIN not in with_visitor.roles, (
        "a user's token is good for that user only"
    )


def test_claims_may_be_nested_and_have_dots(publisher: Publisher, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{publisher.server_port}"
    nested = Reader(address, tmp_path, role_claim="realm_access.roles", user_claim="https://a.example/user")
    token = signed(realm_access={"roles": ["profile"]}, **{"https://a.example/user": "bert"})
    assert nested.identify(token)[0].user == "bert"


PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def with_public_key_as_secret() -> str:
    """What anybody can sign where a server takes the algorithm from the token (CVE-2015-9235)."""
    head, body = (
        jwt.utils.base64url_encode(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims())
    )
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return b".".join(
        [head, body, jwt.utils.base64url_encode(signature.sign(head + b"." + body, PUBLIC_PEM))]
    ).decode()


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (signed(exp=time.time() - 90), "expired"),
        (signed(nbf=time.time() + 36_000), "not yet valid"),
        (signed(aud="other"), "audience"),
        (signed(aud=None), "aud"),
        (signed(iss="https://evil.example/"), "issuer"),
        (signed(exp=None), "exp"),
        (signed(key_id="made-up"), "does not publish"),
        (signed(rsa.generate_private_key(65537, 2048)), "verification failed"),
        (signed(EC_KEY, "rsa", "ES256"), ""),
        (signed(algorithm="RS512"), "algorithm"),
        (jwt.encode(claims(), None, "none", {"kid": "rsa"}), "algorithm"),
        (with_public_key_as_secret(), "algorithm"),
        (signed(roles="profile", sub="a\0"), "user id"),
        (signed()[:-9], ""),
        ("nonsense", ""),
    ],
)
def test_a_token_that_is_not_valid_is_rejected_with_the_reason(
    reader: Reader, token: str, reason: str
) -> None:
    with pytest.raises(Unauthenticated, match=f"(?i)token is not valid.*{reason}") as refusal:
        reader.identify(token)
    assert refusal.value.status == 401 and "WWW-Authenticate" in refusal.value.headers


def test_clocks_may_differ_a_little(reader: Reader) -> None:
    assert reader.identify(signed(exp=time.time() - 30), signed(nbf=time.time() + 30, iat=time.time() + 30))


def test_new_keys_are_fetched_and_withdrawn_ones_end(reader: Reader, publisher: Publisher) -> None:
    newer = rsa.generate_private_key(65537, 2048)
    reader.identify(signed())
    publisher.keys = [published("new", newer)]
    reader.now += PAUSE_S
    assert reader.identify(signed(newer, "new"))
    with pytest.raises(Unauthenticated, match="does not publish"):
        reader.identify(signed())
    publisher.keys = [published("ec", EC_KEY)]
    reader.now += MAX_AGE_S + 1
    with pytest.raises(Unauthenticated, match="does not publish"):
        reader.identify(signed(newer, "new"))


def test_made_up_keys_do_not_flood_the_provider(reader: Reader, publisher: Publisher) -> None:
    for number in range(50):
        with pytest.raises(Unauthenticated):
            reader.identify(signed(key_id=f"made-up-{number}"))
    assert publisher.count == 1


def test_a_provider_that_is_down_stops_nobody_it_has_let_in(reader: Reader, publisher: Publisher) -> None:
    publisher.is_down = True
    with pytest.raises(KeysUnavailable) as refusal:
        reader.identify(signed())
    assert refusal.value.status == 503 and int(refusal.value.headers["Retry-After"]) >= PAUSE_S
    publisher.is_down, reader.now = False, reader.now + PAUSE_S
    assert reader.identify(signed())
    publisher.is_down, reader.now = True, reader.now + MAX_AGE_S + 1
    assert reader.identify(signed()), "the keys it had are used"


def test_keys_come_from_a_file_and_shared_secrets_are_no_keys(tmp_path: Path) -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "oct", "alg": "HS256"}
    (tmp_path / "keys.jwks").write_text(json.dumps({"keys": [secret, published("rsa")]}))
    reader = Reader("keys.jwks", tmp_path)
    without_id = jwt.encode(claims(), RSA_KEY, "RS256")
    assert reader.identify(signed(), without_id)
    (tmp_path / "oct").write_text(json.dumps({"keys": [secret]}))
    with pytest.raises(KeysUnavailable):
        Reader("oct", tmp_path).identify(signed())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithms": ("HS256",)}, "algorithms"),
        ({"algorithms": ("none",)}, "algorithms"),
        ({"keys": "http://login.example/keys"}, "https"),
        ({"audience": ""}, "audience"),
        ({"leeway_s": -1.0}, "leeway"),
    ],
)
def test_unsafe_settings_are_rejected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ProviderSettings(**{"issuer": ISSUER, "audience": AUDIENCE, "keys": "k", **changes})


def test_the_file_of_settings_is_checked(tmp_path: Path) -> None:
    assert IdentityProvider.open(tmp_path) is None
    (tmp_path / FILE).write_text('issuer = "https://login.example/"')
    with pytest.raises(StoreError, match=r"identity\.toml"):
        IdentityProvider.open(tmp_path)

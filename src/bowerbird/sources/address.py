"""The address of a source, `scheme://user:password@host:port/STREAM?setting=value`.

Its password is never shown, nor are settings that are named like secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from bowerbird.errors import InputError

SCHEMES = ("file", "nats", "tls", "redis", "rediss", "kafka")
REDELIVER_AFTER_S = 30.0
"""After so many seconds what a dead listener held comes to another, unless the address says otherwise."""


@dataclass(frozen=True)
class Address:
    """Where events are, and how to ask for them."""

    scheme: str
    hosts: tuple[str, ...]
    """Each `host` or `host:port`; several for a cluster."""
    path: str
    """Without the slash before it: a stream's or a topic's name, or a file's path."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    settings: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raises `InputError` for what is no address of a source; a password in it is not repeated.

        >>> Address.parse("redis://ann:secret@localhost:6379/clicks?group=shop").shown
        'redis://ann:***@localhost:6379/clicks?group=shop'
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in SCHEMES:
            shown = f" {parts.scheme}://…" if parts.scheme else ""
            raise InputError(
                f"the address{shown} is no source of events: give nats://HOST/STREAM, redis://HOST/STREAM, "
                "kafka://HOST/TOPIC or file:///PATH"
            )
        who, at, hosts = parts.netloc.rpartition("@")
        user, _, password = who.partition(":") if at else ("", "", "")
        path = unquote(parts.path) if parts.scheme == "file" else unquote(parts.path).strip("/")
        # What stands twice is said last; blank values are kept to be complained of by who reads them.
        settings = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(
            parts.scheme,
            tuple(host for host in hosts.split(",") if host),
            path,
            unquote(user),
            unquote(password),
            settings,
        )

    @property
    def token(self) -> str:
        """NATS' token: a user without a password."""
        return self.user if self.scheme in ("nats", "tls") and not self.password else ""

    @property
    def shown(self) -> str:
        """The address as it may be printed and logged."""
        user = "***" if self.token else self.user
        who = f"{user}:***@" if self.password else f"{user}@" if user else ""
        said = "&".join(f"{name}={_shown(name, value)}" for name, value in self.settings.items())
        slash = "" if self.path.startswith("/") else "/"
        return f"{self.scheme}://{who}{','.join(self.hosts)}{slash}{self.path}" + (f"?{said}" if said else "")

    def hiding(self, text: object) -> str:
        """A client library's words without the password, should they repeat it."""
        secrets = [self.password, self.token, *(v for name, v in self.settings.items() if _secret(name))]
        said = str(text)
        for secret in filter(None, secrets):
            said = said.replace(secret, "***")
        return said

    def check(self, known: Sequence[str], dotted: bool = False) -> None:
        """Raises `InputError` for settings that its source does not know, or where the stream lacks a name.

        `dotted`: whether names with a dot in them are let through (Kafka's own settings).
        """
        if not self.path.strip("/"):
            raise InputError(
                f"{self.shown} names no stream: put its name after the host, {self.scheme}://HOST/NAME"
            )
        for name, value in self.settings.items():
            if not value:
                raise InputError(f"{self.shown}: {name} is empty: give it a value or leave it out")
            if name not in known and not (dotted and "." in name):
                said = ", ".join(known) or "none"
                raise InputError(f"{self.shown}: there is no setting {name!r} here; there are: {said}")
        _ = self.redeliver_after_s

    def first_host(self, port: int) -> tuple[str, int]:
        """The first host and its port; this machine and `port` where none is said."""
        try:
            parts = urlsplit(f"//{self.hosts[0] if self.hosts else ''}")
            return parts.hostname or "localhost", parts.port or port
        except ValueError as error:
            raise InputError(f"{self.shown}: the host can't be read ({error}): give HOST:PORT") from None

    @property
    def redeliver_after_s(self) -> float:
        said = self.settings.get("redeliver_after", str(REDELIVER_AFTER_S))
        try:
            seconds = float(said)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < 86_400:
            raise InputError(f"redeliver_after is {said!r}: give seconds, above 0 and below a day")
        return seconds


def _secret(name: str) -> bool:
    return any(word in name.lower() for word in ("password", "secret", "token", "key"))


def _shown(name: str, value: str) -> str:
    return "***" if _secret(name) else value

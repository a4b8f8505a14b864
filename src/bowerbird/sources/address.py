"""The address of a source, `scheme://user:password@host:port/STREAM?setting=value`.

Its password is never printed, nor are settings that are named like secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from bowerbird.data.files.addresses import hide
from bowerbird.errors import InputError

SCHEMES = ("file", "nats", "tls", "redis", "rediss", "kafka")
REDELIVER_AFTER_S = 30.0
"""Default time after which a dead consumer's unacknowledged messages are redelivered to another one."""


@dataclass(frozen=True)
class Address:
    """The location of an event source, with its settings."""

    scheme: str
    hosts: tuple[str, ...]
    """Each `host` or `host:port`; several for a cluster."""
    path: str
    """A stream's or a topic's name without the leading slash, or a file's path."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    settings: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, url: str) -> Address:
        """Parse a URL. Raises `InputError` if it is not a source's address, without repeating a password in
        it.

        >>> Address.parse("redis://ann:secret@localhost:6379/clicks?group=shop").redacted
        'redis://ann:…@localhost:6379/clicks?group=shop'
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in SCHEMES:
            scheme_shown = f" {parts.scheme}://…" if parts.scheme else ""
            raise InputError(
                f"the address{scheme_shown} is not a source of events: give nats://HOST/STREAM, "
                "redis://HOST/STREAM, "
                "kafka://HOST/TOPIC or file:///PATH"
            )
        credentials, at, hosts = parts.netloc.rpartition("@")
        user, _, password = credentials.partition(":") if at else ("", "", "")
        path = unquote(parts.path) if parts.scheme == "file" else unquote(parts.path).strip("/")
        # The last of repeated settings counts; blank values are kept so that `check` can reject them.
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
    def redacted(self) -> str:
        """The address without secrets, for printing and logging."""
        user = "…" if self.token else self.user
        credentials = f"{user}:…@" if self.password else f"{user}@" if user else ""
        settings = "&".join(f"{name}={_redact_setting(name, value)}" for name, value in self.settings.items())
        slash = "" if self.path.startswith("/") else "/"
        return f"{self.scheme}://{credentials}{','.join(self.hosts)}{slash}{self.path}" + (
            f"?{settings}" if settings else ""
        )

    def redact(self, text: object) -> str:
        """Remove this address's secrets from a text, such as a client library's error message."""
        secrets = [
            self.password,
            self.token,
            *(value for name, value in self.settings.items() if _is_secret(name)),
        ]
        return hide(secrets, str(text))

    def check(self, known: Sequence[str], allow_dotted: bool = False) -> None:
        """Raise `InputError` for unknown settings, or if the stream's name is missing.

        `allow_dotted`: accept names with a dot in them (Kafka's own settings).
        """
        if not self.path.strip("/"):
            raise InputError(
                f"{self.redacted} has no stream name: put it after the host, {self.scheme}://HOST/NAME"
            )
        for name, value in self.settings.items():
            if not value:
                raise InputError(f"{self.redacted}: {name} is empty: give it a value or leave it out")
            if name not in known and not (allow_dotted and "." in name):
                known_names = ", ".join(known) or "none"
                raise InputError(f"{self.redacted}: unknown setting {name!r}; known settings: {known_names}")
        _ = self.redeliver_after_s

    def first_host(self, port: int) -> tuple[str, int]:
        """The first host and its port; `localhost` and `port` by default."""
        try:
            parts = urlsplit(f"//{self.hosts[0] if self.hosts else ''}")
            return parts.hostname or "localhost", parts.port or port
        except ValueError as error:
            raise InputError(f"{self.redacted}: the host can't be read ({error}): give HOST:PORT") from None

    @property
    def redeliver_after_s(self) -> float:
        """Seconds until unacknowledged messages are redelivered. Raises `InputError` for an invalid value."""
        text = self.settings.get("redeliver_after", str(REDELIVER_AFTER_S))
        try:
            seconds = float(text)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < 86_400:
            raise InputError(f"redeliver_after is {text!r}: give seconds, above 0 and below a day")
        return seconds


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in ("password", "secret", "token", "key"))


def _redact_setting(name: str, value: str) -> str:
    return "…" if _is_secret(name) else value

"""Addresses: parsed, or rejected with advice; a password is never printed."""

from __future__ import annotations

import pytest

from bowerbird.data.store import Store
from bowerbird.errors import InputError, SourceError, SourceUnavailable
from bowerbird.sources import kafka, source
from bowerbird.sources.address import Address
from bowerbird.sources.opening import open_source

SECRET = "s3cret/+%"


def test_the_parts_of_an_address() -> None:
    address = Address.parse("kafka://ann:a%2Fb@one:9092,two:9092/clicks?group=g&security.protocol=SASL_SSL")
    assert address.hosts == ("one:9092", "two:9092") and address.path == "clicks"
    assert (address.user, address.password) == ("ann", "a/b")
    assert address.settings == {"group": "g", "security.protocol": "SASL_SSL"}
    assert Address.parse("file:///a%20b/c.jsonl").path == "/a b/c.jsonl"
    assert Address.parse("redis://[::1]:7/clicks").first_host(6379) == ("::1", 7)
    assert Address.parse("redis:///clicks").first_host(6379) == ("localhost", 6379)
    assert Address.parse("redis://h/2/clicks?redeliver_after=2.5").redeliver_after_s == 2.5


@pytest.mark.parametrize("url", ["events.jsonl", "http://h/x", "nats:/", "", "[", "kafka://h", "file://"])
def test_invalid_addresses_are_rejected_with_examples(url: str, store: Store) -> None:
    with pytest.raises(InputError, match=r"give nats://|has no stream name"):
        open_source(Address.parse(url), store, print)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://h/clicks?groop=g", "known settings: group"),
        ("nats://h/S?durable=d&redeliver_after=soon", "give seconds"),
        ("kafka://h/t?no.such.setting=1", "no.such.setting"),
        ("kafka://h:1/t?group.id", "group.id"),
        ("kafka:///t", "has no host"),
        ("redis://h:port/t", "give HOST:PORT"),
        ("file://events.jsonl", "has no stream name"),
        ("file://host/events.jsonl", "three slashes"),
        ("file:///x?group=g", "unknown setting 'group'"),
    ],
)
def test_invalid_settings_are_rejected(url: str, message: str, store: Store) -> None:
    with pytest.raises(InputError, match=message):
        event_source = open_source(Address.parse(url), store, print)
        try:
            event_source.connect()
        except SourceUnavailable:
            pytest.fail("a connection was attempted")


@pytest.mark.parametrize("scheme", ["nats", "redis", "kafka"])
def test_no_message_contains_a_password(scheme: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip({"kafka": "confluent_kafka"}.get(scheme, scheme))
    monkeypatch.setattr(kafka, "TIMEOUT_S", 0.5)
    extra_settings = "&sasl.oauthbearer.client.secret=s3cret/%2B%25" if scheme == "kafka" else ""
    address = Address.parse(
        f"{scheme}://ann:s3cret%2F%2B%25@127.0.0.1:9/clicks?redeliver_after=5{extra_settings}"
    )
    assert address.password == SECRET and address.redact(f"no {SECRET}!") == "no …!"
    assert SECRET not in address.redacted + repr(address) and "ann:…@" in address.redacted
    assert "s3cret" not in Address.parse("nats://s3cret@h/S").redacted, "a token is a password"
    event_source = open_source(address, store, print)
    with pytest.raises(SourceUnavailable) as exc_info:  # no server at port 9
        event_source.connect()
    assert "ann:…@127.0.0.1:9" in str(exc_info.value) and "s3cret" not in str(exc_info.value)
    event_source.close()


def test_a_client_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nats", None)
    with pytest.raises(SourceError, match=r"pip install 'bowerbird\[nats\]'"):
        open_source(Address.parse("nats://h/S"), store, print)
    with pytest.raises(SourceError, match=r"pip install 'bowerbird\[kafka\]'"):
        source.import_client("no_such_module", "kafka")

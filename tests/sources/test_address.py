"""Addresses: understood, or refused with what to do; and never a password shown."""

from __future__ import annotations

import pytest

from bowerbird.data.store import Store
from bowerbird.errors import InputError, SourceUnavailable, SourceError
from bowerbird.sources import kafka, source
from bowerbird.sources.address import Address
from bowerbird.sources.opening import open_source

SECRET = "s3cret/+%"


def test_the_parts_of_an_address() -> None:
    said = Address.parse("kafka://ann:a%2Fb@one:9092,two:9092/clicks?group=g&security.protocol=SASL_SSL")
    assert said.hosts == ("one:9092", "two:9092") and said.path == "clicks"
    assert (said.user, said.password) == ("ann", "a/b")
    assert said.settings == {"group": "g", "security.protocol": "SASL_SSL"}
    assert Address.parse("file:///a%20b/c.jsonl").path == "/a b/c.jsonl"
    assert Address.parse("redis://[::1]:7/clicks").first_host(6379) == ("::1", 7)
    assert Address.parse("redis:///clicks").first_host(6379) == ("localhost", 6379)
    assert Address.parse("redis://h/2/clicks?redeliver_after=2.5").redeliver_after_s == 2.5


@pytest.mark.parametrize("url", ["events.jsonl", "http://h/x", "nats:/", "", "[", "kafka://h", "file://"])
def test_what_is_no_address_says_what_is(url: str, store: Store) -> None:
    with pytest.raises(InputError, match=r"give nats://|names no stream"):
        open_source(Address.parse(url), store, print)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://h/clicks?groop=g", "there are: group"),
        ("nats://h/S?durable=d&redeliver_after=soon", "give seconds"),
        ("kafka://h/t?no.such.setting=1", "no.such.setting"),
        ("kafka://h:1/t?group.id", "group.id"),
        ("kafka:///t", "names no host"),
        ("redis://h:port/t", "give HOST:PORT"),
        ("file://events.jsonl", "names no stream"),
        ("file://host/events.jsonl", "three slashes"),
        ("file:///x?group=g", "no setting 'group'"),
    ],
)
def test_settings_that_can_not_be_used(url: str, said: str, store: Store) -> None:
    with pytest.raises(InputError, match=said):
        opened = open_source(Address.parse(url), store, print)
        try:
            opened.connect()
        except SourceUnavailable:
            pytest.fail("it was tried")


@pytest.mark.parametrize("scheme", ["nats", "redis", "kafka"])
def test_no_word_of_ours_holds_a_password(scheme: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip({"kafka": "confluent_kafka"}.get(scheme, scheme))
    monkeypatch.setattr(kafka, "TIMEOUT_S", 0.5)
    more = "&sasl.oauthbearer.client.secret=s3cret/%2B%25" if scheme == "kafka" else ""
    address = Address.parse(f"{scheme}://ann:s3cret%2F%2B%25@127.0.0.1:9/clicks?redeliver_after=5{more}")
    assert address.password == SECRET and address.hiding(f"no {SECRET}!") == "no ***!"
    assert SECRET not in address.shown + repr(address) and "ann:***@" in address.shown
    assert "s3cret" not in Address.parse("nats://s3cret@h/S").shown, "a token is a password"
    opened = open_source(address, store, print)
    with pytest.raises(SourceUnavailable) as told:  # nobody listens at port 9
        opened.connect()
    assert "ann:***@127.0.0.1:9" in str(told.value) and "s3cret" not in str(told.value)
    opened.close()


def test_a_client_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nats", None)
    with pytest.raises(SourceError, match=r"pip install 'bowerbird\[nats\]'"):
        open_source(Address.parse("nats://h/S"), store, print)
    with pytest.raises(SourceError, match=r"pip install 'bowerbird\[kafka\]'"):
        source.client_library("no_such_module", "kafka")

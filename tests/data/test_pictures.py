"""Pictures are fetched from their links: politely, safely, once, and what is broken by its reason."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.pictures.fetching import fetch_pictures
from bowerbird.data.pictures.public_addresses import is_public
from bowerbird.data.store import Store
from commands import run_command
from waiting import wait_until

from .picture_server import FORMATS, PictureServer, encoded, picture_server


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with picture_server() as running:
        yield running


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[..., Store]:
    """`make_store(links)`: a store of items i0, i1, … that may fetch from 127.0.0.1."""

    def make(links: list[str], settings: str = "max_megabytes = 1") -> Store:
        store = Store.create(tmp_path / "store")
        (store.path / "bowerbird.toml").write_text(
            f'layout_version = 1\n[pictures]\nprivate_hosts = ["127.0.0.1"]\n{settings}\n'
        )
        items = [Item(f"i{n}", f"item {n}", image_link=link) for n, link in enumerate(links)]
        store.publish_catalogue(Catalogue.of(items))
        return Store.open(store.path)

    return make


def pictures_of(store: Store) -> list[bytes | None]:
    catalogue = store.snapshot().imported
    return [catalogue.image(position) for position in range(len(catalogue))]


def test_every_accepted_format_is_fetched_once_for_all_items_of_a_link(server, make_store) -> None:
    links = [f"{server.address}/picture/a.{name}" for name in FORMATS]
    store = make_store([*links, links[0], f"{server.address}/relative/", ""])
    report = fetch_pictures(store)
    assert (report.links, report.fetched, report.items, report.broken) == (6, 6, 7, {})
    assert [picture is not None for picture in pictures_of(store)] == [*[True] * 7, False]
    assert pictures_of(store)[0] == pictures_of(store)[5]
    again = fetch_pictures(store)
    assert again.links == 0 and server.requests.total() == 7  # the redirect takes two


def test_broken_links_are_counted_by_reason_and_listed(server, make_store, tmp_path: Path) -> None:
    paths = {
        "/status/404": "status 404",
        "/status/410": "status 410",
        "/page/a": "not a picture (text/html)",
        "/damaged/a": "damaged, or no JPEG, PNG, WebP, GIF or AVIF",
        "/pixels/a": "more than 25 megapixels",
        "/huge/a": "too many bytes",
        "/loop/0": "too many redirects",
        "/to/localhost:1/a.png": "address of a private network",
        "/to/169.254.169.254/latest/meta-data": "address of a private network",
        "/to/[::1]:80/a.png": "address of a private network",
        "/to/no-such-host.invalid/a.png": "unknown host",
    }
    links = [f"{server.address}{path}" for path in paths]
    links += ["http://user:pass@127.0.0.1/a.png", "http://[broken/a.png"]
    reasons = [*paths.values(), "not an http or https address", "not an http or https address"]
    store = make_store(links)
    report = fetch_pictures(store)
    assert (report.fetched, report.items) == (0, 0)
    assert report.broken_file is not None
    listed = [json.loads(line) for line in report.broken_file.read_text().splitlines()]
    assert {row["link"]: row["reason"] for row in listed} == dict(zip(links, reasons, strict=True))
    assert {row["link"]: row["items"] for row in listed} == {link: [f"i{n}"] for n, link in enumerate(links)}
    assert report.broken.total() == len(links) and report.broken["status 404"] == 1


def test_private_addresses_are_rejected_unless_they_are_named(server, make_store) -> None:
    store = make_store([f"http://localhost:{server.server_port}/picture/a.png"])
    assert fetch_pictures(store).broken == {"address of a private network": 1}
    assert not server.requests


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
    ],
)
def test_addresses_of_the_public_internet(address: str, expected: bool) -> None:
    assert is_public(address) == expected


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_public_or_not_in_whatever_it_is_wrapped(address: ipaddress.IPv4Address) -> None:
    wrapped = int(address).to_bytes(4, "big")
    mapped, nat64 = (ipaddress.IPv6Address(start + wrapped) for start in (bytes(10) + b"\xff\xff", NAT64))
    assert is_public(str(address)) == is_public(str(mapped)) == is_public(str(nat64))


NAT64 = ipaddress.IPv6Address("64:ff9b::").packed[:12]


def test_only_allowed_hosts_are_asked(server, make_store) -> None:
    links = [f"{server.address}/picture/a.png", "http://images.example.com/b.png", "http://example.org/c.png"]
    store = make_store(links, 'allowed_hosts = ["example.org"]')
    assert fetch_pictures(store).broken["host not in allowed_hosts"] == 2 and not server.requests


def test_a_busy_server_is_left_alone_as_long_as_it_says(server, make_store) -> None:
    store = make_store([f"{server.address}/busy/a", f"{server.address}/flaky/b"])
    assert fetch_pictures(store).fetched == 2
    first, second = server.times["/busy/a"]
    assert second - first >= 1.0 and server.requests["/flaky/b"] == 3


def test_a_server_that_never_ends_an_answer_is_given_up(server, make_store) -> None:
    store = make_store([f"{server.address}/drip/a"], "timeout_s = 0.2")
    assert fetch_pictures(store).broken == {"too slow": 1}


def test_one_host_is_asked_for_a_few_pictures_at_a_time(server, make_store) -> None:
    server.hold.set()
    store = make_store([f"{server.address}/waiting/{n}" for n in range(24)], "connections_per_host = 3")
    assert fetch_pictures(store).fetched == 24 and server.most_running <= 3


def test_a_refresh_takes_only_what_has_changed(server, make_store) -> None:
    server.etags = {"a": encoded("red"), "b": encoded("red")}
    store = make_store([f"{server.address}/etag/a", f"{server.address}/etag/b"])
    fetch_pictures(store)
    server.etags["b"] = encoded("blue")
    report = fetch_pictures(store, is_refresh=True)
    assert (report.links, report.fetched, report.unchanged) == (2, 1, 1)
    assert pictures_of(store) == [encoded("red"), encoded("blue")]


def test_withdrawn_items_are_skipped_and_broken_ones_tried_again(server, make_store) -> None:
    store = make_store([f"{server.address}/picture/a.png", f"{server.address}/status/404"])
    store.publish_catalogue(store.catalogue().without(["i0"]))
    for _ in range(2):
        assert fetch_pictures(store).broken == {"status 404": 1}
    assert server.requests == {"/status/404": 2}


def test_an_import_keeps_fetched_pictures_until_their_link_changes(
    server, tmp_path: Path, make_store
) -> None:
    store, feed = make_store([]), tmp_path / "feed.tsv"

    def import_feed(price: int, name: str) -> None:
        rows = [
            ("1", "Lamp", f"{price} EUR", f"{server.address}/picture/{name}.png"),
            ("2", "Rug", "5 EUR", ""),
        ]
        feed.write_text("\n".join("\t".join(row) for row in [("id", "title", "price", "image_link"), *rows]))
        import_layout(store, "google-feed", [feed])

    import_feed(10, "a")
    assert fetch_pictures(store).items == 1
    import_feed(12, "a")
    assert pictures_of(store) == [encoded(), None] and store.catalogue().item(0).price == 12
    import_feed(12, "b")
    assert pictures_of(store) == [None, None]
    assert fetch_pictures(store).fetched == 1


def test_the_command_reports_as_json(server, make_store) -> None:
    store = make_store([f"{server.address}/picture/a.png", f"{server.address}/status/404"])
    report = json.loads(run_command("pictures", "fetch", str(store.path), "--json").stdout)
    assert (report["links"], report["fetched"], report["broken"]) == (2, 1, {"status 404": 1})
    assert "1 × status 404" in run_command("pictures", "fetch", str(store.path)).stdout


@pytest.mark.slow
def test_a_killed_fetch_is_continued(server, make_store) -> None:
    links = [*(f"{server.address}/picture/{n}.png" for n in range(8)), f"{server.address}/waiting/last"]
    store = make_store(links, "connections_per_host = 2")
    command = [sys.executable, "-m", "bowerbird.cli.main", "pictures", "fetch", str(store.path)]
    process = subprocess.Popen(command)
    wait_until(lambda: server.requests.total() == len(links), "all links asked for")
    wait_until(lambda: server.running == 1, "all but one answered")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    server.hold.set()
    report = fetch_pictures(store)
    assert report.items == len(links) and None not in pictures_of(store)
    # At most the one picture whose outcome was not recorded yet is fetched twice.
    assert sum(server.requests.values()) <= len(links) + 2


def test_pictures_fetched_before_a_kill_are_published_by_the_next_fetch(server, make_store) -> None:
    from bowerbird.data.pictures.download import Validators
    from bowerbird.data.pictures.ledger import Ledger

    store = make_store([f"{server.address}/picture/a.png"])
    ledger = Ledger(store.path)
    ledger.add_picture(f"{server.address}/picture/a.png", encoded("green"), Validators())
    ledger.close()
    assert fetch_pictures(store).items == 1
    assert pictures_of(store) == [encoded("green")] and not server.requests

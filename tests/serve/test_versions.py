"""A server that goes on while the store is renewed, and one of several processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np

from bowerbird.data.imports import import_layout
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.recommend.train import complete

Publish = Callable[[Store, int], None]
Serve = Callable[..., AbstractContextManager[tuple[str, int]]]
DEADLINE_S = 600  # a machine that is busy trains slowly


def saved(user: str, item: str) -> dict[str, Any]:
    said = {"type": "track", "userId": user, "event": "Product Added to Wishlist"}
    return {
        **said,
        "properties": {"product_id": item},
        "timestamp": datetime.now(UTC).isoformat(),
        "messageId": uuid.uuid4().hex,
    }


def answered(client: httpx.Client, path: str, **params: Any) -> Any:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(client: httpx.Client, user: str, n: int = 20) -> list[str]:
    return [item["item_id"] for item in answered(client, f"/users/{user}/recommendations", n=n)["items"]]


def asked_until(ask: Callable[[], Any], is_reached: Callable[[Any], bool]) -> Iterator[Any]:
    """Answers, asked for again and again until one is what was waited for."""
    pause, end = threading.Event(), time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        answer = ask()
        yield answer
        if is_reached(answer):
            return
        pause.wait(0.05)  # so that the machine can do what is waited for
    raise AssertionError(f"after {DEADLINE_S} s the answer is still {answer}")


def wait_for(ask: Callable[[], Any], is_reached: Callable[[Any], bool]) -> Any:
    *_, last = asked_until(ask, is_reached)
    return last


def versions(client: httpx.Client) -> dict[str, str]:
    names: dict[str, str] = answered(client, "/healthz")["versions"]
    return names


def there(client: httpx.Client) -> dict[str, str]:
    """Names of the versions that are served, of those kinds that there are."""
    return {kind: name for kind, name in versions(client).items() if name is not None}


def test_new_items_take_part_without_a_restart(
    small_store: Store, serve: Serve, publish: tuple[Publish, Publish]
) -> None:
    publish_catalogue, publish_vectors = publish
    with serve(small_store.path) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        before = answered(client, "/healthz")
        assert before["items"] == 60 and client.get("/items/i61").status_code == 404
        refused = client.post("/v1/track", json=saved("new", "i61")).json()["refused"]
        assert refused == ["unknown item"]
        publish_catalogue(small_store, 64)
        assert client.post("/v1/track", json=saved("new", "i61")).json()["accepted"] == 1, "known at once"
        catalogue = small_store.snapshot().names["catalogue"]
        now = wait_for(lambda: versions(client), lambda names: names["catalogue"] == catalogue)
        assert {kind: now[kind] for kind in ("vectors", "ranker")} == {
            kind: before["versions"][kind] for kind in ("vectors", "ranker")
        }
        assert answered(client, "/healthz")["items"] == 60, "the new ones have no vectors yet"
        publish_vectors(small_store, 64)
        known = {f"i{k}" for k in range(60)}

        def ask() -> tuple[int, set[str]]:
            return answered(client, "/healthz")["items"], set(shown(client, "u1", 60))

        *during, _ = asked_until(ask, lambda answer: answer[0] == 64)
        assert during and all(items <= known for count, items in during[:-1]), "one catalogue in an answer"
        assert client.get("/items/i61").status_code == 200
        assert {"i60", "i62"} <= set(shown(client, "u1", 64)), "through their vectors: nobody has liked them"
        assert "i61" not in shown(client, "new", 64), "what was saved meanwhile was learned"
        assert {"i61", "i63"} & set(shown(client, "u1", 64))


def test_prices_and_stock_reach_answers_within_a_moment(small_store: Store, serve: Serve, tmp_path) -> None:
    with serve(small_store.path) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        before = versions(client)
        sold_out = shown(client, "u1", 5)[0]
        feed = tmp_path / "feed.tsv"
        feed.write_text(
            "id\ttitle\tprice\tavailability\n"
            f"{sold_out}\tthing {sold_out[1:]}\t1.00 EUR\tout_of_stock\n"
            "i7\tthing 7\t99.00 EUR\tin_stock\n"
        )
        import_layout(small_store, "google-feed", [feed])
        wait_for(lambda: answered(client, "/items/i7")["price"], lambda price: price == 99.0)
        assert sold_out not in shown(client, "u1", 60)
        hits = answered(client, "/search", item="i9", n=60)["items"]
        assert [item["price"] for item in hits if item["item_id"] == "i7"] == [99.0]
        now = versions(client)
        assert [kind for kind in before if before[kind] != now[kind]] == ["catalogue"], "nothing was trained"


def test_what_was_withdrawn_is_gone_and_comes_back(small_store: Store, serve: Serve) -> None:
    with serve(small_store.path) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        whole = small_store.catalogue()
        small_store.publish_catalogue(Catalogue(whole.table.slice(10)))
        wait_for(lambda: client.get("/items/i7").status_code, lambda status: status == 404)
        gone = {f"i{k}" for k in range(10)}
        assert not gone & set(shown(client, "u1", 60))
        assert not gone & {item["item_id"] for item in answered(client, "/search", item="i11", n=60)["items"]}
        small_store.publish_catalogue(whole)
        wait_for(lambda: client.get("/items/i7").status_code, lambda status: status == 200)


def test_a_store_that_can_not_be_opened_changes_nothing(small_store: Store, serve: Serve) -> None:
    with serve(small_store.path) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        with small_store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as folder:
            (folder / "vectors.npy").write_bytes(b"broken")
            (folder / "ids.json").write_text('["i1"]')
        items = [Item(f"i{k}", f"thing {k}", price=77.0) for k in range(60)]
        small_store.publish_catalogue(Catalogue.of(items))
        wait_for(lambda: answered(client, "/items/i7")["price"], lambda price: price == 77.0)
        assert len(shown(client, "u1")) == 20
        assert client.post("/v1/track", json=saved("u1", "i7")).json()["accepted"] == 1
        assert "i7" not in shown(client, "u1", 60)


def test_every_erasure_is_followed_by_a_ranker_that_does_not_know_them(
    small_store: Store, serve: Serve
) -> None:
    with serve(small_store.path) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        names = [versions(client)["ranker"]]
        for user in ("u1", "u2", "u3"):
            assert client.delete(f"/users/{user}").json()["status"] == "acknowledged"
            now = wait_for(lambda: versions(client)["ranker"], lambda name: name not in names)
            names.append(now)
        assert len(set(names)) == 4
        trained = small_store.snapshot().version("ranker")
        assert trained is not None and trained.name == names[-1]
        likes = np.load(trained.path / "context.npz")["total"].sum()
        assert likes == (40 - 3) * 8


def test_a_rollback_reaches_a_server_under_load_without_a_failed_request(
    small_store: Store, serve: Serve, publish: tuple[Publish, Publish]
) -> None:
    _, publish_vectors = publish
    complete(small_store)
    first = small_store.snapshot()
    items = [Item(f"i{k}", f"thing {k}", price=900.0 + k) for k in reversed(range(60))]
    small_store.publish_catalogue(Catalogue.of(items))
    publish_vectors(small_store, 60)
    complete(small_store)
    second = small_store.snapshot()
    with serve(small_store.path) as (address, _):
        ended, answers, failed = threading.Event(), [], []

        def load(path: str, **params: Any) -> None:
            with httpx.Client(base_url=address, timeout=60) as client:
                while not ended.is_set():
                    answer = client.get(path, params=params)
                    if answer.status_code == 200:
                        answers.append({item["price"] > 500 for item in answer.json()["items"]})
                    else:
                        failed.append(answer.text)

        threads = [
            threading.Thread(target=load, args=["/users/u1/recommendations"]),
            threading.Thread(target=load, args=["/search"], kwargs={"item": "i7"}),
        ]
        for thread in threads:
            thread.start()
        try:
            with httpx.Client(base_url=address, timeout=60) as client:
                for number, wanted in ((first.number, first), (None, second), (first.number, first)):
                    arguments = ["versions", "rollback", str(small_store.path)]
                    arguments += [] if number is None else [str(number)]
                    subprocess.run([sys.executable, "-m", "bowerbird", *arguments], check=True)
                    wait_for(lambda: there(client), lambda names: names == wanted.names)  # noqa: B023
        finally:
            ended.set()
            for thread in threads:
                thread.join(60)
    assert not failed and answers and all(len(sides) == 1 for sides in answers), "no answer mixes prices"
    assert {True} in answers and {False} in answers


def test_a_server_that_starts_before_new_vectors_have_a_ranker_answers_from_the_old_ones(
    small_store: Store, serve: Serve, publish: tuple[Publish, Publish]
) -> None:
    publish_catalogue, publish_vectors = publish
    complete(small_store)
    old = small_store.snapshot().names
    publish_catalogue(small_store, 64)
    publish_vectors(small_store, 64)
    with serve(small_store.path) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        *before, _ = asked_until(lambda: answered(client, "/healthz"), lambda health: health["items"] == 64)
        assert before, "it answered before the ranker was trained"
        assert {health["versions"]["vectors"] for health in before} == {old["vectors"]}
        assert small_store.snapshot().complete


def test_every_process_knows_what_any_was_told(small_store: Store, serve: Serve) -> None:
    with serve(small_store.path, "--workers", "2") as (address, _):
        for turn in range(24):
            user, item = f"w{turn}", f"i{turn}"
            with httpx.Client(base_url=address, timeout=60) as client:  # a new connection: any of them
                assert client.post("/v1/track", json=saved(user, item)).json()["accepted"] == 1
            with httpx.Client(base_url=address, timeout=60) as client:
                assert item not in shown(client, user, 60)
        assert len(small_store.log) == 40 * 8 + 24

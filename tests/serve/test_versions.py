"""A server that keeps answering while new versions are published, and one with several processes."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest

from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.recommend.train import complete
from commands import run_command

pytestmark = pytest.mark.slow

Publish = Callable[[Store, int], None]
Serve = Callable[..., AbstractContextManager[str]]
DEADLINE_S = 600  # training is slow on a busy machine


def save_message(user: str, item: str) -> dict[str, Any]:
    return {
        "type": "track",
        "userId": user,
        "event": "Product Added to Wishlist",
        "properties": {"product_id": item},
        "timestamp": datetime.now(UTC).isoformat(),
        "messageId": uuid.uuid4().hex,
    }


def get_json(client: httpx.Client, path: str, **params: Any) -> Any:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def get_recommended(client: httpx.Client, user: str, n: int = 20) -> list[str]:
    return [item["item_id"] for item in get_json(client, f"/users/{user}/recommendations", n=n)["items"]]


def poll_until(ask: Callable[[], Any], is_done: Callable[[Any], bool]) -> Iterator[Any]:
    """Repeat a request until its answer satisfies a condition; yields every answer."""
    pause, end = threading.Event(), time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        answer = ask()
        yield answer
        if is_done(answer):
            return
        pause.wait(0.05)  # leave the processor to the awaited work
    raise AssertionError(f"after {DEADLINE_S} s the answer is still {answer}")


def wait_for(ask: Callable[[], Any], is_done: Callable[[Any], bool]) -> Any:
    *_, last = poll_until(ask, is_done)
    return last


def served_versions(client: httpx.Client) -> dict[str, str]:
    names: dict[str, str] = get_json(client, "/healthz")["versions"]
    return names


def existing_versions(client: httpx.Client) -> dict[str, str]:
    """Names of the served versions, without missing kinds."""
    return {kind: name for kind, name in served_versions(client).items() if name is not None}


def test_new_items_take_part_without_a_restart(
    small_store: Store, serve: Serve, publish: tuple[Publish, Publish]
) -> None:
    publish_catalogue, publish_vectors = publish
    with serve(small_store.path) as address, httpx.Client(base_url=address, timeout=60) as client:
        before = get_json(client, "/healthz")
        assert before["items"] == 60 and client.get("/items/i61").status_code == 404
        rejected = client.post("/v1/track", json=save_message("new", "i61")).json()["rejected"]
        assert len(rejected) == 1 and rejected[0].startswith("unknown item (messageId ")
        publish_catalogue(small_store, 64)
        assert client.post("/v1/track", json=save_message("new", "i61")).json()["accepted"] == 1, (
            "known immediately"
        )
        catalogue = small_store.snapshot().names["catalogue"]
        now = wait_for(lambda: served_versions(client), lambda names: names["catalogue"] == catalogue)
        assert {kind: now[kind] for kind in ("vectors", "ranker")} == {
            kind: before["versions"][kind] for kind in ("vectors", "ranker")
        }
        assert get_json(client, "/healthz")["items"] == 60, "the new ones have no vectors yet"
        publish_vectors(small_store, 64)
        known = {f"i{k}" for k in range(60)}

        def ask() -> tuple[int, set[str]]:
            return get_json(client, "/healthz")["items"], set(get_recommended(client, "u1", 60))

        *during, _ = poll_until(ask, lambda answer: answer[0] == 64)
        assert during and all(items <= known for count, items in during[:-1]), "one catalogue in an answer"
        assert client.get("/items/i61").status_code == 200
        assert {"i60", "i62"} <= set(get_recommended(client, "u1", 64)), (
            "through their vectors: they have no likes"
        )
        assert "i61" not in get_recommended(client, "new", 64), "events that arrived meanwhile count"
        assert {"i61", "i63"} & set(get_recommended(client, "u1", 64))


def test_new_prices_and_stock_are_served_without_training(small_store: Store, serve: Serve, tmp_path) -> None:
    with serve(small_store.path) as address, httpx.Client(base_url=address, timeout=60) as client:
        before = served_versions(client)
        sold_out = get_recommended(client, "u1", 5)[0]
        feed = tmp_path / "feed.tsv"
        feed.write_text(
            "id\ttitle\tprice\tavailability\n"
            f"{sold_out}\tthing {sold_out[1:]}\t1.00 EUR\tout_of_stock\n"
            "i7\tthing 7\t99.00 EUR\tin_stock\n"
        )
        import_layout(small_store, "google-feed", [feed])
        wait_for(lambda: get_json(client, "/items/i7")["price"], lambda price: price == 99.0)
        assert sold_out not in get_recommended(client, "u1", 60)
        hits = get_json(client, "/search", item="i9", n=60)["items"]
        assert [item["price"] for item in hits if item["item_id"] == "i7"] == [99.0]
        now = served_versions(client)
        assert [kind for kind in before if before[kind] != now[kind]] == ["catalogue"], "nothing was trained"


def test_withdrawn_items_disappear_and_return(small_store: Store, serve: Serve) -> None:
    with serve(small_store.path) as address, httpx.Client(base_url=address, timeout=60) as client:
        catalogue = small_store.catalogue()
        small_store.publish_catalogue(Catalogue(catalogue.table.slice(10)))
        wait_for(lambda: client.get("/items/i7").status_code, lambda status: status == 404)
        withdrawn = {f"i{k}" for k in range(10)}
        assert not withdrawn & set(get_recommended(client, "u1", 60))
        assert not withdrawn & {
            item["item_id"] for item in get_json(client, "/search", item="i11", n=60)["items"]
        }
        small_store.publish_catalogue(catalogue)
        wait_for(lambda: client.get("/items/i7").status_code, lambda status: status == 200)


def test_withdrawn_and_sold_out_items_leave_every_answer_of_a_running_server(
    small_store: Store, serve: Serve, tmp_path
) -> None:
    feed = tmp_path / "feed.tsv"
    feed.write_text("id\ttitle\tavailability\ni2\tthing 2\tout_of_stock\n")
    gone = {"i1", "i2"}
    with serve(small_store.path) as address, httpx.Client(base_url=address, timeout=60) as client:

        def answered() -> set[str]:
            hits = get_json(client, "/search", item="i9", n=60)["items"]
            similar = get_json(client, "/items/i9/similar", n=60)["items"]
            return {item["item_id"] for item in hits + similar} | set(get_recommended(client, "u1", 60))

        assert gone & answered()
        assert run_command("items", "remove", small_store.path, "i1").returncode == 0
        import_layout(small_store, "google-feed", [feed])
        wait_for(answered, lambda ids: not gone & ids)
        assert client.get("/items/i1").status_code == 404


def test_versions_that_can_not_be_opened_change_nothing(small_store: Store, serve: Serve) -> None:
    with serve(small_store.path) as address, httpx.Client(base_url=address, timeout=60) as client:
        with small_store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as folder:
            (folder / "vectors.npy").write_bytes(b"broken")
            (folder / "ids.json").write_text('["i1"]')
        items = [Item(f"i{k}", f"thing {k}", price=77.0) for k in range(60)]
        small_store.publish_catalogue(Catalogue.of(items))
        wait_for(lambda: get_json(client, "/items/i7")["price"], lambda price: price == 77.0)
        assert len(get_recommended(client, "u1")) == 20
        assert client.post("/v1/track", json=save_message("u1", "i7")).json()["accepted"] == 1
        assert "i7" not in get_recommended(client, "u1", 60)


def test_every_erasure_is_followed_by_a_ranker_that_does_not_know_them(
    small_store: Store, serve: Serve
) -> None:
    with serve(small_store.path) as address, httpx.Client(base_url=address, timeout=60) as client:
        names = [served_versions(client)["ranker"]]
        for user in ("u1", "u2", "u3"):
            assert client.delete(f"/users/{user}").json()["status"] == "acknowledged"
            now = wait_for(lambda: served_versions(client)["ranker"], lambda name: name not in names)
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
    with serve(small_store.path) as address:
        stop, answers, failed = threading.Event(), [], []

        def load(path: str, **params: Any) -> None:
            with httpx.Client(base_url=address, timeout=60) as client:
                while not stop.is_set():
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
                for number, snapshot in ((first.number, first), (None, second), (first.number, first)):
                    arguments = [small_store.path, *([] if number is None else [number])]
                    assert run_command("versions", "rollback", *arguments).returncode == 0
                    wait_for(lambda: existing_versions(client), lambda names: names == snapshot.names)  # noqa: B023
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
    assert not failed and answers and all(len(price_levels) == 1 for price_levels in answers), (
        "no answer mixes prices"
    )
    assert {True} in answers and {False} in answers


def test_a_server_that_starts_before_new_vectors_have_a_ranker_answers_from_the_old_ones(
    small_store: Store, serve: Serve, publish: tuple[Publish, Publish]
) -> None:
    publish_catalogue, publish_vectors = publish
    complete(small_store)
    old = small_store.snapshot().names
    publish_catalogue(small_store, 64)
    publish_vectors(small_store, 64)
    with serve(small_store.path) as address, httpx.Client(base_url=address, timeout=60) as client:
        *before, _ = poll_until(lambda: get_json(client, "/healthz"), lambda health: health["items"] == 64)
        assert before, "it answered before the ranker was trained"
        assert {health["versions"]["vectors"] for health in before} == {old["vectors"]}
        assert small_store.snapshot().complete


def test_every_process_knows_the_events_of_all(small_store: Store, serve_process: Any) -> None:
    with serve_process(small_store.path, "--workers", "2") as (address, _):
        for turn in range(24):
            user, item = f"w{turn}", f"i{turn}"
            with httpx.Client(base_url=address, timeout=DEADLINE_S) as client:  # any of them
                assert client.post("/v1/track", json=save_message(user, item)).json()["accepted"] == 1
            with httpx.Client(base_url=address, timeout=DEADLINE_S) as client:
                assert item not in get_recommended(client, user, 60)
        assert len(small_store.log) == 40 * 8 + 24

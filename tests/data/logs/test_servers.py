"""Logs on a server: killed under load, settings that would lose events, moving events there, passwords."""

import threading
from pathlib import Path

import pytest

from bowerbird.data.logs.contract import EventLog
from bowerbird.data.logs.local.embedded import EmbeddedLog
from bowerbird.data.logs.opening import open_log
from bowerbird.data.settings import Settings
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from waiting import wait_until


@pytest.fixture(params=["postgres_server", "redis_server"])
def server(request):
    server = request.getfixturevalue(request.param)
    server.clear()
    return server


def ids(log: EventLog) -> list[str]:
    return log.read()["event_id"].to_pylist()


def test_a_server_killed_under_load_loses_nothing_acknowledged(server, tmp_path: Path, event) -> None:
    log = open_log(server.address, tmp_path / "events")
    assert log.tail_size == 0
    acknowledged: list[str] = []
    failed = threading.Event()

    def write(user: str) -> None:
        number = 0
        while not failed.is_set():
            sent = [event(n, user) for n in range(number, number + 3)]
            try:
                log.append(sent)
            except StoreError:
                failed.set()
            else:
                acknowledged.extend(logged.event_id for logged in sent)
                number += 3

    writers = [threading.Thread(target=write, args=(f"w{k}",)) for k in range(4)]
    for writer in writers:
        writer.start()
    wait_until(lambda: len(acknowledged) >= 60, "some acknowledged writes")
    server.kill()
    for writer in writers:
        writer.join(60)
    assert failed.is_set() and acknowledged
    server.start()
    assert log.tail_size > 0  # the same handle reconnects
    stored_ids = ids(log)
    assert len(stored_ids) == len(set(stored_ids)) == len(log) and set(acknowledged) <= set(stored_ids)
    again = log.append([event(n, "w0") for n in range(30)])
    assert not {logged.event_id for logged in again} & set(stored_ids)


def test_events_in_the_folder_move_to_the_server(server, tmp_path: Path, event, table) -> None:
    store = Store.create(tmp_path / "store")
    store.log.append([event(1), event(2)])
    store.log.add_segment(table(event(3), event(4, "zelda")))
    store.log.close()
    settings = store.path / "bowerbird.toml"
    settings.write_text(settings.read_text().replace('events = "folder"', f'events = "{server.address}"'))
    moved, second_handle = Store.open(store.path).log, Store.open(store.path).log
    assert ids(moved) == ["ann-1", "ann-2", "ann-3", "zelda-4"] == ids(second_handle)
    assert not EmbeddedLog(store.path / "events").read().num_rows
    assert second_handle.append([event(2), event(5)]) == [event(5)] and len(moved) == 5
    assert second_handle.forget("zelda") == 1
    assert not any(b"zelda" in path.read_bytes() for path in store.path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("setting", "value"),
    [("appendfsync", "everysec"), ("appendonly", "no"), ("maxmemory-policy", "allkeys-lru")],
)
def test_redis_settings_that_lose_events_are_an_error(
    redis_server, tmp_path, setting: str, value: str
) -> None:
    import redis

    admin = redis.Redis.from_url(redis_server.address, decode_responses=True)
    before = {name: admin.config_get(name)[name] for name in (setting, "maxmemory")}
    admin.config_set(setting, value)
    admin.config_set("maxmemory", "100mb")
    try:
        with pytest.raises(StoreError, match=f"{setting} {value}.*set appendonly yes, appendfsync always"):
            open_log(redis_server.address, tmp_path).read()
    finally:
        for name, value_before in before.items():
            admin.config_set(name, value_before)


def test_a_full_redis_is_an_error_and_continues_later(redis_server, tmp_path: Path, event) -> None:
    import redis

    redis_server.clear()
    admin = redis.Redis.from_url(redis_server.address)
    log = open_log(redis_server.address, tmp_path)
    log.append([event(1)])
    admin.config_set("maxmemory", "1kb")
    try:
        with pytest.raises(StoreError, match=r"can't be used .*maxmemory"):
            log.append([event(1), event(2)])
    finally:
        admin.config_set("maxmemory", "0")
    assert log.append([event(1), event(2)]) == [event(2)] and ids(log) == ["ann-1", "ann-2"]


def shown_setting(address: str, name: str) -> str:
    import psycopg

    with psycopg.connect(address) as connection:
        row = connection.execute(f"SHOW {name}").fetchone()
    assert row is not None
    return str(row[0])


def test_postgres_settings_that_lose_events_are_an_error(postgres_server, tmp_path: Path) -> None:
    import psycopg

    postgres_server.clear()
    with psycopg.connect(postgres_server.address, autocommit=True) as admin:
        for setting in ("off", "on"):
            admin.execute(f"ALTER SYSTEM SET fsync = {setting}")
            admin.execute("SELECT pg_reload_conf()")
            log = open_log(postgres_server.address, tmp_path)
            wait_until(lambda: shown_setting(postgres_server.address, "fsync") == setting, "the setting")  # noqa: B023
            if setting == "off":
                with pytest.raises(StoreError, match=r"fsync = off.*must be on"):
                    len(log)
        assert len(log) == 0


def test_postgres_has_no_samples_of_users(postgres_server, tmp_path: Path, event) -> None:
    """The planner's statistics would hold frequent values, also of erased users."""
    import psycopg

    postgres_server.clear()
    log = open_log(postgres_server.address, tmp_path)
    log.append([event(number, "zelda-77") for number in range(300)])
    with psycopg.connect(postgres_server.address, autocommit=True) as admin:
        admin.execute("ANALYZE bowerbird_events")
        sampled = admin.execute(
            "SELECT attname FROM pg_stats WHERE tablename = 'bowerbird_events'"
        ).fetchall()
    assert {name for (name,) in sampled} == {"seq", "live"}


@pytest.mark.parametrize(
    "harm",
    [
        lambda address: address.replace("s3cret", "wr0ng"),
        lambda address: address.replace("s3cret%2Fw%3Frd", "s3cret/w?rd"),  # not escaped: parsed as a port
        lambda address: address.replace("127.0.0.1", "127.0.0.1:1:"),
        lambda address: address.rpartition(":")[0] + ":1/0",
        lambda address: address + "?password=s3cret%2Fw%3Frd&socket_timeout=nonsense",
        lambda address: address.replace("://", ":/"),
    ],
)
def test_no_message_contains_a_password(server, tmp_path: Path, harm, event) -> None:
    with pytest.raises(StoreError) as raised:
        open_log(harm(server.address), tmp_path).append([event(1)])
    message = f"{raised.value}{raised.value.__cause__}"
    assert not any(secret in message for secret in ("s3cret", "wr0ng", "w?rd", "w%3Frd")), message
    assert "events" in message
    assert "s3cret" not in repr(Settings(events=server.address))


def test_an_invalid_setting_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r'events = "folder", "postgres://user@host/database" or "redis:'):
        open_log("mysql://ann:s3cret@host/shop", tmp_path)

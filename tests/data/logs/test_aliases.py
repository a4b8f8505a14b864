"""The guarantees of every alias table, checked on each: in a folder, on Postgres, on Redis."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bowerbird.data.events import Alias
from bowerbird.data.logs.aliases.contract import ALIAS_TAKEN, AliasTable
from bowerbird.data.logs.aliases.local import LocalAliases
from bowerbird.data.logs.joined import JoinedLog
from bowerbird.data.logs.opening import open_log
from bowerbird.errors import InputError, StoreError
from waiting import wait_until

Open = Callable[[str], JoinedLog]


@pytest.fixture(params=["folder", "postgres_server", "redis_server"])
def open_store(request, tmp_path: Path) -> Iterator[Open]:
    """Opens the log of a store; all share one server, or one folder."""
    setting = "folder"
    if request.param != "folder":
        server = request.getfixturevalue(request.param)
        server.clear()
        setting = server.address
    logs: list[JoinedLog] = []

    def open_at(name: str) -> JoinedLog:
        logs.append(open_log(setting, tmp_path / (name if setting != "folder" else "store") / "events"))
        return logs[-1]

    yield open_at
    for log in logs:
        log.close()


@pytest.fixture
def table(open_store: Open) -> AliasTable:
    return open_store("store")._aliases


def test_two_known_users_of_one_browser_stay_apart(table: AliasTable) -> None:
    assert table.add([Alias("browser", "ann"), Alias("browser", "bob")], live=0) == ["", ALIAS_TAKEN]
    assert table.read().user_of("browser") == "ann"
    assert table.read().ids_of("bob") == ["bob"]
    assert table.add([Alias("browser", "bob"), Alias("o'n\x00", "ann")], live=0) == [ALIAS_TAKEN, ""]
    with pytest.raises(InputError, match="not valid Unicode"):
        table.add([Alias("half \ud800", "ann")], live=0)
    assert sorted(table.read().ids_of("ann")) == ["ann", "browser", "o'n\x00"]


def test_chains_lead_to_one_user_and_circles_are_none(open_store: Open) -> None:
    first, second = open_store("a"), open_store("a")
    first.join([Alias("a", "b"), Alias("b", "c")])
    assert first.join([Alias("c", "a"), Alias("a", "c")]) == ["", ""]  # joined already
    assert {second.user_of(each) for each in "abc"} == {"c"}
    assert sorted(second.ids_of("a")) == ["a", "b", "c"]
    assert second.aliases_since(1) == ([Alias("b", "c")], 2)


def test_all_machines_see_one_history(open_store: Open, event) -> None:
    """Each has a folder of its own; what one learns of a user holds for all, erasures too."""
    own, other = open_store("here"), open_store("there")
    own.append([event(1, "browser"), event(2, "ann")])
    assert other.user_of("browser") == "browser"
    assert own.join([Alias("browser", "ann")]) == [""]
    wait_until(lambda: other.user_of("browser") == "ann", "the other machine's alias")
    assert set(other.read()["user_id"].to_pylist()) == {"ann"}
    assert other.read_users(["ann"]) == other.read() and not other.read_users(["browser"]).num_rows
    assert other.join([Alias("browser", "bob"), Alias("tablet", "ann")]) == [ALIAS_TAKEN, ""]
    wait_until(lambda: own.user_of("tablet") == "ann", "the other machine's alias")
    assert own.forget("ann") == 2
    wait_until(lambda: other.ids_of("ann") == ["ann"], "the erasure")
    assert other.aliases_since(0)[0] == [] and not other.read().num_rows
    assert other.join([Alias("browser", "bob")]) == [""]


@pytest.mark.parametrize("kind", ["postgres_server", "redis_server"])
def test_aliases_in_the_folder_move_to_the_server(request, tmp_path: Path, kind: str) -> None:
    server = request.getfixturevalue(kind)
    server.clear()
    local = LocalAliases(tmp_path / "aliases.db")
    local.add([Alias("browser", "ann"), Alias("zelda-77", "ann")], live=5)
    log = open_log(server.address, tmp_path)
    assert log.ids_of("browser") == ["ann", "browser", "zelda-77"]
    assert local.since(0)[0] == [] and b"zelda-77" not in (tmp_path / "aliases.db").read_bytes()


def test_a_move_that_failed_is_made_at_the_next_call(redis_server, tmp_path: Path) -> None:
    redis_server.clear()
    local = LocalAliases(tmp_path / "aliases.db")
    local.add([Alias("browser", "ann")], live=5)
    log = open_log(redis_server.address, tmp_path)
    redis_server.kill()
    with pytest.raises(StoreError):
        log.ids_of("browser")
    assert local.read().user_of("browser") == "ann"
    redis_server.start()
    assert log.ids_of("browser") == ["ann", "browser"] and local.since(0)[0] == []

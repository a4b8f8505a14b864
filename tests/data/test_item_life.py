"""The life of an item: full and partial imports, withdrawal, dry runs, and what commands say of them."""

import json
from pathlib import Path

import pytest

from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.ingest.item_changes import withdraw_items
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from commands import run_command

FIRST = "id\ttitle\n1\tLamp\n2\tChair\n3\tSofa\n"
SECOND = "id\ttitle\n1\tLamp\n2\tArmchair\n4\t\n"


@pytest.fixture
def feeds(tmp_path: Path) -> tuple[Path, Path]:
    for name, text in (("first.tsv", FIRST), ("second.tsv", SECOND)):
        (tmp_path / name).write_text(text)
    return tmp_path / "first.tsv", tmp_path / "second.tsv"


def states(store: Store) -> dict[str, str]:
    return {item.item_id: item.availability for item in store.catalogue().items()}


def test_a_full_import_withdraws_what_is_gone_and_brings_it_back(store: Store, feeds) -> None:
    assert import_layout(store, "google-feed", [feeds[0]], is_full=True).withdrawn == 0
    summary = import_layout(store, "google-feed", [feeds[1]], is_full=True)
    assert (summary.not_in_files, summary.withdrawn, summary.items.new) == (1, 1, 1)
    assert states(store) == {"1": "in_stock", "2": "in_stock", "3": "withdrawn"}
    assert import_layout(store, "google-feed", [feeds[1]], is_full=True).withdrawn == 0
    import_layout(store, "google-feed", [feeds[0]])
    assert states(store)["3"] == "in_stock"


def test_a_partial_import_says_what_is_not_in_its_files(store: Store, feeds) -> None:
    import_layout(store, "google-feed", [feeds[0]])
    summary = import_layout(store, "google-feed", [feeds[1]])
    assert (summary.not_in_files, summary.withdrawn) == (1, 0)
    assert states(store)["3"] == "in_stock"


def test_a_dry_run_changes_nothing_and_reports_the_same(store: Store, feeds) -> None:
    import_layout(store, "google-feed", [feeds[0]])
    before = store.history()
    dry = import_layout(store, "google-feed", [feeds[1]], is_full=True, is_dry_run=True)
    assert store.history() == before and dry.is_dry_run
    real = import_layout(store, "google-feed", [feeds[1]], is_full=True)
    assert (dry.items.accepted, dry.items.rejected, dry.not_in_files) == (
        real.items.accepted,
        real.items.rejected,
        real.not_in_files,
    )


def test_unknown_ids_withdraw_nothing(store: Store, feeds) -> None:
    import_layout(store, "google-feed", [feeds[0]])
    with pytest.raises(InputError, match="has no item x"):
        withdraw_items(store, ["1", "x"])
    assert withdraw_items(store, ["1", "1"]) == ["1"] and withdraw_items(store, ["1"]) == []
    assert states(store)["1"] == "withdrawn"


def test_commands_list_show_remove_and_export(store: Store, feeds, tmp_path: Path) -> None:
    import_layout(store, "google-feed", [feeds[0]])
    path = str(store.path)
    assert json.loads(run_command("items", "remove", path, "3", "--json").stdout) == {"withdrawn": ["3"]}
    listed = json.loads(run_command("items", "list", path, "--json", "--availability", "in_stock").stdout)
    assert listed["total"] == 2 and [item["item_id"] for item in listed["items"]] == ["1", "2"]
    shown = json.loads(run_command("items", "show", path, "3", "--json").stdout)["items"][0]
    assert (shown["title"], shown["availability"], shown["picture_bytes"]) == ("Sofa", "withdrawn", 0)
    assert "Lamp" in run_command("items", "list", path).stdout
    out = tmp_path / "feed.tsv"
    run_command("items", "export", path, "--out", str(out))
    assert [line.split("\t")[:2] for line in out.read_text().splitlines()[1:]] == [
        ["1", "Lamp"],
        ["2", "Chair"],
    ]

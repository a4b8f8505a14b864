"""Summaries and differences of version sets, in Python and on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.report.version_summary import compare_items, compare_sets, summarise_sets

TEXT = st.sampled_from(["", "x"])
ITEM = st.builds(
    Item,
    item_id=st.sampled_from("abcde"),
    title=TEXT,
    image=st.none() | st.sampled_from([b"1", b"2"]),
    price=st.none() | st.sampled_from([1.0, 2.0]),
    category=st.lists(TEXT, max_size=2).map(tuple),
    attributes=st.dictionaries(TEXT, TEXT, max_size=2),
)
CATALOGUE = st.lists(ITEM, max_size=5, unique_by=lambda item: item.item_id)


@given(CATALOGUE, CATALOGUE)
def test_items_are_compared_as_dictionaries_are(before: list[Item], after: list[Item]) -> None:
    by_id_before, by_id_after = ({item.item_id: item for item in items} for items in (before, after))
    added, removed = by_id_after.keys() - by_id_before.keys(), by_id_before.keys() - by_id_after.keys()
    changes = compare_items(Catalogue.of(before), Catalogue.of(after))
    differ = {
        name for name in by_id_before.keys() & by_id_after.keys() if by_id_before[name] != by_id_after[name]
    }
    assert (set(changes.examples["added"]), changes.added) == (added, len(added))
    assert (set(changes.examples["removed"]), changes.removed) == (removed, len(removed))
    assert set(changes.examples["changed"]) == differ and changes.changed == len(differ)
    for name in ("title", "image", "price", "category", "attributes"):
        count = sum(getattr(by_id_before[key], name) != getattr(by_id_after[key], name) for key in differ)
        assert changes.fields.get(name, 0) == count


@pytest.fixture
def two_sets(store: Store) -> Store:
    """Two complete sets: in the second a price, an item and the metrics are new."""
    items = [Item(f"i{k}", f"thing {k}", price=5.0) for k in range(3)]
    later_items = [replace(items[0], price=6.0), *items[1:], Item("new", "a new thing")]
    for number, set_items in enumerate((items, later_items)):
        with store.publishing_together():
            store.publish_catalogue(Catalogue.of(set_items))
            metrics = {"tower": {"warm": 0.25 + number / 4}, "what": "a sentence that explains " * 3}
            store.publish("vectors", {"metrics": metrics}, lambda folder: None)
            store.publish("interests", {"interests": 4}, lambda folder: None)
            store.publish("ranker", {"report": {"order": "lambdarank"}}, lambda folder: None)
    return store


def test_each_set_is_summarised(two_sets: Store) -> None:
    current, before = summarise_sets(two_sets)
    assert (current.number, current.in_force, current.complete, before.number) == (2, True, True, 1)
    assert current.figures == {
        "catalogue.items": 4,
        "vectors.metrics.tower.warm": 0.5,
        "interests.interests": 4,
        "ranker.report.order": "lambdarank",
    }
    assert set(current.changed) == {"catalogue", "vectors", "interests", "ranker"}


def test_two_sets_are_compared_by_items_and_figures(two_sets: Store) -> None:
    difference = compare_sets(two_sets.snapshot(number=1), two_sets.snapshot())
    assert (difference.items.added, difference.items.removed, difference.items.changed) == (1, 0, 1)
    assert difference.items.fields == {"price": 1} and difference.items.examples["changed"] == ("i0",)
    assert difference.figures == {
        "catalogue.items": (3, 4),
        "vectors.metrics.tower.warm": (0.25, 0.5),
    }
    assert compare_sets(two_sets.snapshot(), two_sets.snapshot()).versions == {}


def run_versions(*arguments: Any) -> Any:
    result = CliRunner().invoke(app, ["versions", *map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.stdout


def test_rollback_on_the_command_line(two_sets: Store) -> None:
    listed = run_versions("list", two_sets.path, "--json")["sets"]
    assert [(version_set["number"], version_set["in_force"]) for version_set in listed] == [
        (2, True),
        (1, False),
    ]
    assert "lambdarank" in run_versions("list", two_sets.path) and "in force" in run_versions(
        "list", two_sets.path
    )
    assert run_versions("diff", two_sets.path, "--json")["items"]["added"] == 1
    assert run_versions("diff", two_sets.path, 2, 1, "--json")["items"]["removed"] == 1
    assert "0.25" in run_versions("diff", two_sets.path)
    assert run_versions("rollback", two_sets.path, "--json") == {"before": 2, "now": 1, "complete": True}
    assert len(two_sets.snapshot().imported) == 3
    assert [
        version_set["number"] for version_set in run_versions("list", two_sets.path, "--json")["sets"]
    ] == [1, 2]
    assert "Set 2 is in force" in run_versions("rollback", two_sets.path)
    assert run_versions("rollback", two_sets.path, 1, "--json")["now"] == 1


def test_an_empty_store_has_nothing_to_list_or_roll_back(store: Store) -> None:
    assert run_versions("list", store.path, "--json") == {"sets": []} and "bowerbird import" in run_versions(
        "list", store.path
    )
    for command in ("diff", "rollback"):
        result = CliRunner().invoke(app, ["versions", command, str(store.path)])
        assert "no earlier set" in str(result.exception)

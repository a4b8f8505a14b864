"""What sets of versions are, and in what two differ, in Python and on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.data.version_summary import compare_items, compare_sets, summarise_sets

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


@settings(deadline=None)
@given(CATALOGUE, CATALOGUE)
def test_items_are_compared_as_dictionaries_are(before: list[Item], after: list[Item]) -> None:
    then, now = ({item.item_id: item for item in items} for items in (before, after))
    added, removed = now.keys() - then.keys(), then.keys() - now.keys()
    changes = compare_items(Catalogue.of(before), Catalogue.of(after))
    differ = {name for name in then.keys() & now.keys() if then[name] != now[name]}
    assert (set(changes.examples["added"]), changes.added) == (added, len(added))
    assert (set(changes.examples["removed"]), changes.removed) == (removed, len(removed))
    assert set(changes.examples["changed"]) == differ and changes.changed == len(differ)
    for name in ("title", "image", "price", "category", "attributes"):
        count = sum(getattr(then[key], name) != getattr(now[key], name) for key in differ)
        assert changes.fields.get(name, 0) == count


@pytest.fixture
def two_sets(store: Store) -> Store:
    """Two complete sets: in the second a price, an item and the metrics are new."""
    items = [Item(f"i{k}", f"thing {k}", price=5.0) for k in range(3)]
    later = [replace(items[0], price=6.0), *items[1:], Item("new", "a new thing")]
    for number, held in enumerate((items, later)):
        with store.publishing_together():
            store.publish_catalogue(Catalogue.of(held))
            quality = {"tower": {"warm": 0.25 + number / 4}, "what": "a sentence that explains " * 3}
            store.publish("vectors", {"metrics": quality}, lambda folder: None)
            store.publish("interests", {"interests": 4}, lambda folder: None)
            store.publish("ranker", {"report": {"order": "lambdarank"}}, lambda folder: None)
    return store


def test_each_set_says_what_it_is(two_sets: Store) -> None:
    now, before = summarise_sets(two_sets)
    assert (now.number, now.in_force, now.complete, before.number) == (2, True, True, 1)
    assert now.figures == {
        "catalogue.items": 4,
        "vectors.metrics.tower.warm": 0.5,
        "interests.interests": 4,
        "ranker.report.order": "lambdarank",
    }
    assert set(now.changed) == {"catalogue", "vectors", "interests", "ranker"}


def test_two_sets_are_compared_by_items_and_figures(two_sets: Store) -> None:
    difference = compare_sets(two_sets.snapshot(number=1), two_sets.snapshot())
    assert (difference.items.added, difference.items.removed, difference.items.changed) == (1, 0, 1)
    assert difference.items.fields == {"price": 1} and difference.items.examples["changed"] == ("i0",)
    assert difference.figures == {
        "catalogue.items": (3, 4),
        "vectors.metrics.tower.warm": (0.25, 0.5),
    }
    assert compare_sets(two_sets.snapshot(), two_sets.snapshot()).versions == {}


def ran(*arguments: Any) -> Any:
    done = CliRunner().invoke(app, ["versions", *map(str, arguments)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def test_the_way_back_and_forth_on_the_command_line(two_sets: Store) -> None:
    listed = ran("list", two_sets.path, "--json")["sets"]
    assert [(each["number"], each["in_force"]) for each in listed] == [(2, True), (1, False)]
    assert "lambdarank" in ran("list", two_sets.path) and "in force" in ran("list", two_sets.path)
    assert ran("diff", two_sets.path, "--json")["items"]["added"] == 1
    assert ran("diff", two_sets.path, 2, 1, "--json")["items"]["removed"] == 1
    assert "0.25" in ran("diff", two_sets.path)
    assert ran("rollback", two_sets.path, "--json") == {"before": 2, "now": 1, "complete": True}
    assert len(two_sets.snapshot().imported) == 3
    assert [each["number"] for each in ran("list", two_sets.path, "--json")["sets"]] == [1, 2]
    assert "Set 2 is in force" in ran("rollback", two_sets.path)
    assert ran("rollback", two_sets.path, 1, "--json")["now"] == 1


def test_an_empty_store_has_nothing_to_list_or_to_go_back_to(store: Store) -> None:
    assert ran("list", store.path, "--json") == {"sets": []} and "bowerbird import" in ran("list", store.path)
    for command in ("diff", "rollback"):
        done = CliRunner().invoke(app, ["versions", command, str(store.path)])
        assert "no earlier set" in str(done.exception)

"""Completion of a set: items of its theme, never its own, independent of the order of its items."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.collections import Collection
from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.data.times import SECOND
from bowerbird.errors import InputError, StoreError
from bowerbird.recommend.completion.completer import Completer
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.control.forgetting import forget
from bowerbird.taste.state.user_state import TasteState
from factories import publish_vectors

run = CliRunner().invoke
THEMES, OF_A_THEME = 4, 15
ITEMS = THEMES * OF_A_THEME
SOLD_OUT = 7


def make_store(path: Path) -> Store:
    """Items of four themes, and rooms that each hold six items of one; the vectors hold no information on
    themes."""
    store = Store.create(path)
    store.publish_catalogue(
        Catalogue.of(
            Item(f"i{k}", f"item {k}", availability="out_of_stock" if k == SOLD_OUT else "in_stock")
            for k in range(ITEMS)
        )
    )
    rng = np.random.default_rng(0)
    publish_vectors(store, rng.normal(size=(ITEMS, 8)))
    rooms = [
        Collection(
            f"room-{k}", tuple(f"i{k % THEMES + THEMES * int(j)}" for j in rng.permutation(OF_A_THEME)[:6])
        )
        for k in range(120)
    ]
    store.publish_collections([*rooms, Collection("board", ("i0", "i1"), user_id="ada-lovelace")])
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("completion") / "store")


@pytest.fixture(scope="module")
def completer(store: Store) -> Completer:
    return Completer.open(store.snapshot())


def test_a_set_is_completed_by_its_theme(completer: Completer) -> None:
    for theme in range(THEMES):
        completion = completer.complete([f"i{theme}", f"i{theme + THEMES}", f"i{theme + 5 * THEMES}"], 8)
        is_of_theme = [int(missing_item.item_id[1:]) % THEMES == theme for missing_item in completion]
        assert np.mean(is_of_theme) >= 0.85


@given(st.sets(st.integers(0, ITEMS - 1), min_size=1, max_size=8))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_never_its_own_nor_what_is_sold_out_in_any_order(completer: Completer, items: set[int]) -> None:
    ids = [f"i{k}" for k in sorted(items)]
    answer = [each.item_id for each in completer.complete(ids, 10)]
    assert len(set(answer)) == 10 and not set(answer) & {*ids, f"i{SOLD_OUT}"}
    assert [each.item_id for each in completer.complete([*reversed(ids), ids[0]], 10)] == answer


def test_many_sets_are_completed_as_one_by_one(completer: Completer) -> None:
    sets = [np.array(items) for items in ([0, 4], [1], [2, 6, 10, 14])]
    for items, (positions, _) in zip(sets, completer.complete_many(sets, 5), strict=True):
        alone = completer.complete([f"i{k}" for k in items], 5)
        assert [each.item_id for each in alone] == [f"i{k}" for k in positions]


def test_reasons_are_true(store: Store, completer: Completer) -> None:
    rooms = [set(missing_item.item_ids) for missing_item in store.snapshot().collections]
    for missing_item in completer.complete(["i1", "i5"], 10):
        if missing_item.reason.startswith("together with"):
            partner = "i" + missing_item.reason.split("“item ")[1].split("”")[0]
            n_together = sum({partner, missing_item.item_id} <= room for room in rooms)
            claimed = (
                1
                if "a collection" in missing_item.reason
                else int(missing_item.reason.split(" in ")[1].split()[0])
            )
            assert partner in ("i1", "i5") and claimed == n_together > 0


def test_the_next_process_loads_what_was_trained(store: Store, completer: Completer) -> None:
    version = store.current("completion")
    loaded = Completer.open(Store.open(store.path).snapshot())
    assert store.current("completion") == version is not None
    assert loaded.complete(["i3", "i7"], 6) == completer.complete(["i3", "i7"], 6)


@pytest.mark.slow
def test_the_recommender_is_trained_on_collections_too(store: Store) -> None:
    """No event in the log: that items of a theme belong together follows from rooms alone."""
    recommender = Recommender.open(store.snapshot())
    for theme in range(THEMES):
        items = np.array([theme, theme + THEMES, theme + 2 * THEMES])
        history = History(items, np.full(3, ACTION_CODE["save"], np.int8), np.arange(3) * SECOND)
        ranked = next(recommender.lists([TasteState.of(history)], 8, now=[0]))
        assert np.mean(ranked.positions % THEMES == theme) >= 0.6


@pytest.mark.slow
def test_an_erased_users_boards_are_removed(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store")
    Completer.open(store.snapshot())
    assert store.current("completion") is not None
    forget(store, "ada-lovelace")
    assert store.current("completion") is None
    assert "board" not in {each.collection_id for each in store.snapshot().collections}


def test_an_empty_set_or_training_set_is_reported(completer: Completer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds none of the items"):
        completer.complete(["nonesuch"])
    store = make_store(tmp_path / "store")
    store.publish_collections([Collection("one", ("i1",))])
    with pytest.raises(StoreError, match="no collection of two items"):
        Completer.open(store.snapshot())


def test_the_command_completes_sets_and_files(store: Store, tmp_path: Path) -> None:
    path = str(store.path)
    result_of_items = run(
        app, ["complete", path, "--items", "i1", "--items", "nonesuch", "-n", "3", "--json"]
    )
    result = json.loads(result_of_items.stdout)
    assert result["unknown"] == ["nonesuch"] and len(result["missing"]) == 3
    assert run(app, ["complete", path, "--collection", "room-1"]).exit_code == 0
    sets_file, out = tmp_path / "asked.parquet", tmp_path / "out.parquet"
    rows = [("a", "i1"), ("a", "i5"), ("b", "i2"), ("c", "nonesuch")]
    pq.write_table(
        pa.table({"collection_id": [r[0] for r in rows], "item_id": [r[1] for r in rows]}), sets_file
    )
    run(
        app,
        ["complete", path, "--collections", str(sets_file), "--out", str(out), "-n", "4"],
        catch_exceptions=False,
    )
    table = pq.read_table(out).to_pylist()
    assert [(row["collection_id"], row["rank"]) for row in table] == [
        *(("a", rank) for rank in range(1, 5)),
        *(("b", rank) for rank in range(1, 5)),
    ]
    assert {row["item_id"] for row in table if row["collection_id"] == "a"}.isdisjoint({"i1", "i5"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name one set"),
        (["--items", "i1", "--collection", "room-1"], "name one set"),
        (["--collection", "nonesuch"], "unknown collection 'nonesuch'"),
        (["--collections", "x.parquet"], "go together"),
    ],
)
def test_mistakes_are_named(store: Store, arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(app, ["complete", str(store.path), *arguments], catch_exceptions=False)

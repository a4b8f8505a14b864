"""Batches of users from a file: reading, writing, rejected input; and the command."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bowerbird.cli.main import app, main
from bowerbird.data.events import ACTION_CODE
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.recommend.batch import read_histories, write_lists
from bowerbird.recommend.filtering.filters import ItemFilter, Range
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommendation import RankedList
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.state.user_state import TasteState

CATALOGUE = Catalogue.of(Item(name, name) for name in "abcdef")


def write_histories(folder: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), folder / "histories.parquet")
    return folder / "histories.parquet"


def test_rows_in_order_are_enough(tmp_path: Path) -> None:
    path = write_histories(tmp_path, user_id=["x", "y", "x"], item_id=["c", "a", "b"])
    users, histories, unknown = read_histories(path, CATALOGUE)
    assert (users, unknown) == (["x", "y"], 0)
    assert [history.items.tolist() for history in histories] == [[2, 1], [0]]
    assert set(histories[0].actions.tolist()) == {ACTION_CODE["click"]}


@pytest.mark.parametrize(
    "at",
    [
        [datetime(2026, 1, day, tzinfo=UTC) for day in (3, 1, 2)],
        [1_800_000_003, 1_800_000_001, 1_800_000_002],
        ["2026-01-03", "2026-01-01T00:00:00Z", "2026-01-02"],
    ],
    ids=["timestamps", "seconds", "text"],
)
def test_times_put_rows_in_order(tmp_path: Path, at: list[Any]) -> None:
    path = write_histories(
        tmp_path, user_id=["x"] * 3, item_id=["c", "a", "b"], at=at, action=["save", "hide", None]
    )
    _, [history], _ = read_histories(path, CATALOGUE)
    assert history.items.tolist() == [0, 1, 2]
    assert history.actions.tolist() == [ACTION_CODE[name] for name in ("hide", "click", "save")]
    assert (np.diff(history.at) > 0).all()


def test_unknown_items_are_counted_and_their_user_stays(tmp_path: Path) -> None:
    path = write_histories(tmp_path, user_id=["x", "y", "x"], item_id=["c", "lost", None])
    users, histories, unknown = read_histories(path, CATALOGUE)
    assert (users, unknown) == (["x", "y"], 2)
    assert [len(history) for history in histories] == [1, 0]


def test_ids_may_be_numbers(tmp_path: Path) -> None:
    path = write_histories(tmp_path, user_id=[7, 8], item_id=[1, 2])
    users, histories, _ = read_histories(path, Catalogue.of(Item(str(k), "x") for k in range(3)))
    assert users == ["7", "8"] and [history.items.tolist() for history in histories] == [[1], [2]]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"user_id": ["x"], "item": ["a"]}, "no column item_id; it has user_id, item"),
        (
            {"user_id": ["x"], "item_id": ["a"], "action": ["adore"]},
            r"actions \['adore'\]; known are .*click",
        ),
        ({"user_id": ["x"], "item_id": ["a"], "at": ["someday"]}, "row 1 of .*'someday'"),
        ({"user_id": [None], "item_id": ["a"]}, "row 1 of .* has no user_id"),
    ],
)
def test_input_errors_are_reported(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_histories(write_histories(tmp_path, **columns), CATALOGUE)


def test_no_parquet_at_all(tmp_path: Path) -> None:
    (tmp_path / "h.parquet").write_bytes(b"garbage")
    for path in (tmp_path / "h.parquet", tmp_path / "absent.parquet"):
        with pytest.raises(InputError, match="can't be read as Parquet"):
            read_histories(path, CATALOGUE)


def test_rows_without_times_keep_their_order_in_the_state(tmp_path: Path) -> None:
    """A state has a resolution of one second."""
    path = write_histories(tmp_path, user_id=["x"] * 4, item_id=["c", "a", "d", "b"])
    _, [history], _ = read_histories(path, CATALOGUE)
    assert TasteState.of(history).items.tolist() == [2, 0, 3, 1]


def test_lists_are_written_best_first(recommender: Recommender, tmp_path: Path) -> None:
    users = ["u0", "nobody", "u5"]
    states = [recommender.taste.state(user) for user in users]
    few_items = np.zeros(len(recommender.catalogue), bool)
    few_items[:5] = True
    for eligible, n, n_for_nobody in (
        (None, 3, 3),
        (few_items, 9, 5),
    ):  # as many as there are, without padding
        lists: list[RankedList] = list(recommender.lists(states, n, eligible=eligible))
        out = tmp_path / "lists.parquet"
        assert write_lists(out, users, lists, recommender.catalogue) == sum(
            len(ranked.rows) for ranked in lists
        )
        rows = pq.read_table(out).to_pylist()
        expected = [
            (user, rank, recommender.catalogue.ids[position], pytest.approx(score))
            for user, ranked in zip(users, lists, strict=True)
            for rank, (position, score) in enumerate(
                zip(ranked.positions, ranked.relevance, strict=True), start=1
            )
        ]
        assert [tuple(row.values()) for row in rows] == expected
        assert list(tmp_path.iterdir()) == [out]
        assert [row["user_id"] for row in rows].count("nobody") == n_for_nobody


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path, recommender: Recommender) -> None:
    lists = recommender.lists([recommender.taste.state("u0")], 3)
    with pytest.raises(InputError, match="can't be written"):
        write_lists(tmp_path / "absent" / "o.parquet", ["x"], lists, recommender.catalogue)


# -- the command ---------------------------------------------------------------------------------------------


def run_recommend(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["recommend", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_recommending_for_one_user(read_only_shop: Store, recommender: Recommender) -> None:
    result = json.loads(run_recommend(read_only_shop.path, "--user", "u0", "-n", 5, "--json"))
    assert result == {
        "user": "u0",
        "outcomes": recommender.outcomes.meaning,
        "items": [item.as_dict() for item in recommender.recommend_user("u0", 5)],
    }
    fields = {"item_id", "title", "price", "currency", "score", "reason", "source"}
    fields |= {"probability", "propensity", "promoted", "also_in", "list_price", "on_sale"}
    assert set(result["items"][0]) == fields
    assert result["items"][0]["item_id"] in run_recommend(read_only_shop.path, "--user", "u0", "-n", 5)


def test_recommending_for_a_file_of_users(
    read_only_shop: Store, recommender: Recommender, tmp_path: Path
) -> None:
    users = [*recommender.taste.users()[:5], "never-seen"]
    ids = recommender.catalogue.ids
    pairs = [(user, ids[item]) for user in users for item in recommender.taste.state(user).history.items]
    pairs += [("never-seen", "gone")]
    path = write_histories(tmp_path, user_id=[user for user, _ in pairs], item_id=[item for _, item in pairs])
    out = tmp_path / "out.parquet"
    result = json.loads(
        run_recommend(read_only_shop.path, "--histories", path, "--out", out, "-n", 7, "--json")
    )
    assert result == {"users": 6, "rows": 42, "unknown_items": 1, "out": str(out)}
    rows = pq.read_table(out).to_pylist()
    assert list(dict.fromkeys(row["user_id"] for row in rows)) == users
    seen = set(pairs)
    assert not any((row["user_id"], row["item_id"]) in seen for row in rows)
    _, histories, _ = read_histories(path, recommender.catalogue)
    in_stock = recommender.catalogue.available
    assert all(in_stock[recommender.catalogue.position[row["item_id"]]] for row in rows)
    states = [TasteState.of(history, user) for history, user in zip(histories, users, strict=True)]
    expected = [ids[position] for ranked in recommender.lists(states, 7) for position in ranked.positions]
    assert [row["item_id"] for row in rows] == expected
    assert "1 rows of the histories have items" in run_recommend(
        read_only_shop.path, "--histories", path, "--out", out, "-n", 3
    )


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--user", "u0", "--histories", "h.parquet"],
        ["--histories", "h.parquet"],
        ["--user", "u0", "--out", "o"],
    ],
    ids=["neither", "both", "no out", "out for one user"],
)
def test_incomplete_options_end_in_exit_code_2(
    read_only_shop: Store,
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["bowerbird", "recommend", str(read_only_shop.path), *options])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 2
    assert "--histories" in capsys.readouterr().err


def test_filters_that_no_item_passes_are_reported(read_only_shop: Store) -> None:
    arguments = ["recommend", str(read_only_shop.path), "--user", "u0", "--category", "none"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 and "no item has category 'none'" in result.stderr


def test_options_count_for_a_file_too(
    read_only_shop: Store, recommender: Recommender, tmp_path: Path
) -> None:
    ids = recommender.catalogue.ids
    items = recommender.taste.state("u1").history.items
    path = write_histories(tmp_path, user_id=["u1"] * len(items), item_id=[ids[item] for item in items])
    out = tmp_path / "out.parquet"
    run_recommend(
        read_only_shop.path, "--histories", path, "--out", out, "-n", 9, "--price-max", 40, "--diversity", 0
    )
    _, [history], _ = read_histories(path, recommender.catalogue)
    options = RecommendOptions(diversity=0.0, filter=ItemFilter(price=Range(max=40.0)))
    (ranked,) = recommender.lists([TasteState.of(history, "u1")], 9, options)
    assert pq.read_table(out)["item_id"].to_pylist() == [ids[position] for position in ranked.positions]
    assert (recommender.catalogue.prices[ranked.positions] <= 40).all()

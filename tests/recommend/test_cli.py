"""`bowerbird recommend`: filters, outcomes and reasons on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.recommend.recommender import Recommender


def recommend_json(store: Store, *options: str, user: str = "u0") -> Any:
    arguments = ["recommend", str(store.path), "--user", user, *options, "--json"]
    return json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)


def kinds(items: list[dict[str, Any]]) -> set[int]:
    return {int(item["item_id"].removeprefix("item-")) // 30 for item in items}


def test_sold_out_seen_and_too_expensive_items_are_left_out(read_only_shop: Store) -> None:
    seen = {event["item_id"] for event in read_only_shop.log.read().to_pylist() if event["user_id"] == "u0"}
    items = recommend_json(read_only_shop, "-n", "200")["items"]
    ids = {item["item_id"] for item in items}
    assert len(seen) == 14 and len(ids) == len(items) == 120 - 4 - len(seen - {"item-29", "item-59"})
    assert not ids & (seen | {f"item-{k}" for k in (29, 59, 89, 119)})
    bounded = recommend_json(read_only_shop, "-n", "200", "--price-min", "20", "--price-max", "40")["items"]
    assert {item["item_id"] for item in bounded} == {
        item["item_id"] for item in items if 20 <= item["price"] <= 40
    }


def test_muted_interests_are_left_out(shop: Store) -> None:
    runner = CliRunner()
    before = recommend_json(shop, "-n", "40")["items"]
    interests = Recommender.open(shop.snapshot()).taste.interests_of_items
    lamps = interests.fine.ids[interests.group[:30]]
    for interest in json.loads(
        runner.invoke(app, ["taste", "show", str(shop.path), "--user", "u0", "--json"]).stdout
    )["interests"]:
        if interest["id"] in lamps:
            arguments = ["taste", "mute", str(shop.path), "--user", "u0", "--interest", interest["name"]]
            assert runner.invoke(app, arguments).exit_code == 0
    assert 0 in kinds(before) and 0 not in kinds(recommend_json(shop, "-n", "40")["items"])


def test_only_of_a_category(tmp_path: Path, shop: Store) -> None:
    catalogue = shop.catalogue()
    items = [catalogue.item(row) for row in range(len(catalogue))]
    shop.publish_catalogue(
        Catalogue.of(
            Item(
                item.item_id,
                item.title,
                price=item.price,
                category=("Home", "Lamps") if 30 <= k < 60 else ("Else",),
            )
            for k, item in enumerate(items)
        )
    )
    assert kinds(recommend_json(shop, "--category", "lamps", "-n", "200")["items"]) == {1}
    empty_result = CliRunner().invoke(
        app, ["recommend", str(shop.path), "--user", "u0", "--category", "cars"]
    )
    assert "no item has category 'cars'" in empty_result.stderr


def test_an_outcome_that_is_not_in_the_log_is_reported(read_only_shop: Store) -> None:
    arguments = ["recommend", str(read_only_shop.path), "--user", "u0", "--outcome", "purchase"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 and "the probability of a purchase is unknown" in result.stderr
    meaning = recommend_json(read_only_shop)["outcomes"]
    assert meaning["conditioning"] == "session" and {"save", "purchase"} <= set(meaning["absent"])


@pytest.mark.parametrize("option", ["--outcome=hide", "--price-min=x"])
def test_invalid_options_are_rejected(read_only_shop: Store, option: str) -> None:
    assert (
        CliRunner().invoke(app, ["recommend", str(read_only_shop.path), "--user", "u0", option]).exit_code
        == 2
    )

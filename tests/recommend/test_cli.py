"""`bowerbird recommend`: filters, outcomes and reasons as the command line tells them."""

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


def said(store: Store, *more: str, user: str = "u0") -> Any:
    arguments = ["recommend", str(store.path), "--user", user, *more, "--json"]
    return json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)


def kinds(items: list[dict[str, Any]]) -> set[int]:
    return {int(one["item_id"].removeprefix("item-")) // 30 for one in items}


def test_never_what_is_sold_out_was_seen_or_is_too_dear(read_only_shop: Store) -> None:
    seen = {event["item_id"] for event in read_only_shop.log.read().to_pylist() if event["user_id"] == "u0"}
    found = said(read_only_shop, "-n", "200")["items"]
    ids = {one["item_id"] for one in found}
    assert len(seen) == 14 and len(ids) == len(found) == 120 - 4 - len(seen - {"item-29", "item-59"})
    assert not ids & (seen | {f"item-{k}" for k in (29, 59, 89, 119)})
    bounded = said(read_only_shop, "-n", "200", "--price-min", "20", "--price-max", "40")["items"]
    assert {one["item_id"] for one in bounded} == {
        one["item_id"] for one in found if 20 <= one["price"] <= 40
    }


def test_what_is_muted_does_not_come(shop: Store) -> None:
    runner = CliRunner()
    before = said(shop, "-n", "40")["items"]
    interests = Recommender.open(shop.snapshot()).taste.interests_of_items
    lamps = interests.fine.ids[interests.group[:30]]
    for interest in json.loads(
        runner.invoke(app, ["taste", "show", str(shop.path), "--user", "u0", "--json"]).stdout
    )["interests"]:
        if interest["id"] in lamps:
            muted = ["taste", "mute", str(shop.path), "--user", "u0", "--interest", interest["name"]]
            assert runner.invoke(app, muted).exit_code == 0
    assert 0 in kinds(before) and 0 not in kinds(said(shop, "-n", "40")["items"])


def test_only_of_a_category(tmp_path: Path, shop: Store) -> None:
    catalogue = shop.catalogue()
    items = [catalogue.item(row) for row in range(len(catalogue))]
    shop.publish_catalogue(
        Catalogue.of(
            Item(
                one.item_id,
                one.title,
                price=one.price,
                category=("Home", "Lamps") if 30 <= k < 60 else ("Else",),
            )
            for k, one in enumerate(items)
        )
    )
    assert kinds(said(shop, "--category", "lamps", "-n", "200")["items"]) == {1}
    nothing = CliRunner().invoke(app, ["recommend", str(shop.path), "--user", "u0", "--category", "cars"])
    assert "widen them" in nothing.stderr


def test_an_outcome_that_the_log_does_not_hold_is_said(read_only_shop: Store) -> None:
    asked = ["recommend", str(read_only_shop.path), "--user", "u0", "--outcome", "purchase"]
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0 and "the probability of a purchase is unknown" in told.stderr
    meaning = said(read_only_shop)["outcomes"]
    assert meaning["given"] == "session" and {"save", "purchase"} <= set(meaning["absent"])


@pytest.mark.parametrize("asked", ["--outcome=hide", "--price-min=x"])
def test_what_can_not_be_asked_is_refused(read_only_shop: Store, asked: str) -> None:
    assert (
        CliRunner().invoke(app, ["recommend", str(read_only_shop.path), "--user", "u0", asked]).exit_code == 2
    )

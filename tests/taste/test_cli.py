"""`bowerbird taste`: show, explain, mute, boost, forget."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.events import Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.taste.graph import TasteGraph

pytestmark = pytest.mark.usefixtures("ada")


def said(store: Store, command: str, *more: str, user: str = "ada") -> Any:
    arguments = ["taste", command, str(store.path), "--user", user, *more, "--json"]
    return json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)


def test_show(store: Store) -> None:
    shown = said(store, "show")
    assert shown["user"] == "ada"
    assert [one["name"] for one in shown["interests"]] == ["plain · wood · lamp", "striped · cotton · shirt"]
    assert sum(one["share"] for one in shown["interests"]) == pytest.approx(1.0)


def test_show_for_people(store: Store) -> None:
    shown = CliRunner().invoke(app, ["taste", "show", str(store.path), "--user", "ada"])
    assert shown.exit_code == 0 and "plain · wood · lamp" in shown.stdout


def test_explain(store: Store) -> None:
    first = said(store, "explain")["interests"][0]
    assert first["name"] == "plain · wood · lamp"
    assert first["events"][0]["action"] == "purchase"
    human = CliRunner().invoke(app, ["taste", "explain", str(store.path), "--user", "ada"])
    assert first["events"][0]["title"] in human.stdout


def test_mute_then_boost_then_back(store: Store) -> None:
    assert said(store, "mute", "--interest", "1")["muted"] is True
    assert said(store, "boost", "--interest", "striped · cotton · shirt")["boosted"] is True
    assert [one["muted"] for one in said(store, "show")["interests"]] == [True, False]
    assert said(store, "mute", "--interest", "1")["muted"] is False


def test_forget(store: Store) -> None:
    assert said(store, "forget")["events_erased"] == 8
    assert TasteGraph.open(store.snapshot()).people() == ["bo"]
    with pytest.raises(InputError, match="'ada'"):
        said(store, "forget")


def test_somebody_without_a_taste_can_be_forgotten_too(store: Store, did: Callable[..., Event]) -> None:
    store.log.append([did("cy", "sold out long ago"), did("di", 3, Action.IMPRESSION)])
    assert said(store, "forget", user="cy")["events_erased"] == 1
    assert said(store, "forget", user="di")["events_erased"] == 1


def test_forgetting_needs_no_vectors(store: Store, tmp_path: Any, did: Callable[..., Event]) -> None:
    bare = Store.create(tmp_path / "bare")
    bare.publish_catalogue(Catalogue.of([Item("1", "a thing")]))
    bare.log.append([did("ada", 1)])
    assert said(bare, "forget")["events_erased"] == 1


@pytest.mark.parametrize("command", ["show", "explain"])
def test_nobody_of_that_name(store: Store, command: str) -> None:
    with pytest.raises(InputError, match="known are, for example, ada, bo"):
        said(store, command, user="eve")


def test_show_holds_the_whole_profile(store: Store) -> None:
    shown = said(store, "show")
    assert {"scales", "tastes", "price_comfort", "hidden", "disliked", "changed", "recent", "boards"} <= set(
        shown
    )
    human = CliRunner().invoke(app, ["taste", "show", str(store.path), "--user", "ada"]).stdout
    assert "Distinct tastes" in human and "Price comfort" in human and "This month" in human


def test_explain_an_item(store: Store) -> None:
    found = said(store, "explain", "--item", "19")
    assert found["interest"]["name"] == "plain · wood · lamp" and found["likes"]
    arguments = ["taste", "explain", str(store.path), "--user", "ada", "--item", "19"]
    assert found["because"][0][:20] in CliRunner().invoke(app, arguments).stdout


def test_correct_and_back(store: Store) -> None:
    assert said(store, "correct", "--interest", "1", "--not-me")["weight"] == 0.0
    assert [one["name"] for one in said(store, "show")["interests"]] == ["striped · cotton · shirt"]
    assert said(store, "correct", "--interest", "plain · wood · lamp")["corrected"] is False
    assert said(store, "correct", "--interest", "1", "--weight", "9")["weight"] == 9.0


def test_not_mine(store: Store) -> None:
    assert said(store, "not-mine", "--item", "14")["set_aside"] is True
    assert "14" not in {one["item_id"] for one in said(store, "show")["recent"]}
    assert said(store, "not-mine", "--item", "14")["set_aside"] is False


def test_crowd_of_too_few(store: Store) -> None:
    assert said(store, "crowd")["people"] == 0
    human = CliRunner().invoke(app, ["taste", "crowd", str(store.path), "--user", "ada"]).stdout
    assert "Fewer than 20 people" in human and "bo" not in human


def test_export(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "ada.json"
    assert said(store, "export", "--out", str(out))["events"] == 8
    assert json.loads(out.read_text()) == said(store, "export")


def test_interests_with_typical_items(store: Store) -> None:
    ran = CliRunner().invoke(app, ["taste", "interests", str(store.path), "--json"])
    found = [one for theme in json.loads(ran.stdout)["themes"] for one in theme["interests"]]
    assert {one["name"]: one["items"] for one in found}["plain · wood · lamp"] == 10
    assert len(found) == 4 and all(len(one["examples"]) == 3 for one in found)
    lamps = next(one for one in found if one["name"] == "plain · wood · lamp")
    assert all("lamp" in title for title in lamps["examples"])
    assert lamps["examples"][0] in CliRunner().invoke(app, ["taste", "interests", str(store.path)]).stdout

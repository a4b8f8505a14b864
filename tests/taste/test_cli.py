"""`bowerbird taste`: every command, by its JSON output and by its text."""

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


def run_json(store: Store, command: str, *options: str, user: str = "ada") -> Any:
    arguments = ["taste", command, str(store.path), "--user", user, *options, "--json"]
    return json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)


def test_show(store: Store) -> None:
    profile = run_json(store, "show")
    assert profile["user"] == "ada"
    assert [interest["name"] for interest in profile["interests"]] == [
        "plain · wood · lamp",
        "striped · cotton · shirt",
    ]
    assert sum(interest["share"] for interest in profile["interests"]) == pytest.approx(1.0)


def test_show_as_text(store: Store) -> None:
    result = CliRunner().invoke(app, ["taste", "show", str(store.path), "--user", "ada"])
    assert result.exit_code == 0 and "plain · wood · lamp" in result.stdout


def test_explain(store: Store) -> None:
    first = run_json(store, "explain")["interests"][0]
    assert first["name"] == "plain · wood · lamp"
    assert first["events"][0]["action"] == "purchase"
    output = CliRunner().invoke(app, ["taste", "explain", str(store.path), "--user", "ada"])
    assert first["events"][0]["title"] in output.stdout


def test_mute_and_boost_and_undo(store: Store) -> None:
    assert run_json(store, "mute", "--interest", "1")["muted"] is True
    assert run_json(store, "boost", "--interest", "striped · cotton · shirt")["boosted"] is True
    assert [interest["muted"] for interest in run_json(store, "show")["interests"]] == [True, False]
    assert run_json(store, "mute", "--interest", "1")["muted"] is False


def test_forget(store: Store) -> None:
    assert run_json(store, "forget")["events_erased"] == 8
    assert TasteGraph.open(store.snapshot()).users() == ["bo"]
    with pytest.raises(InputError, match="'ada'"):
        run_json(store, "forget")


def test_a_user_without_a_taste_can_be_forgotten_too(store: Store, did: Callable[..., Event]) -> None:
    store.log.append([did("cy", "sold out long ago"), did("di", 3, Action.IMPRESSION)])
    assert run_json(store, "forget", user="cy")["events_erased"] == 1
    assert run_json(store, "forget", user="di")["events_erased"] == 1


def test_forgetting_needs_no_vectors(store: Store, tmp_path: Any, did: Callable[..., Event]) -> None:
    bare = Store.create(tmp_path / "bare")
    bare.publish_catalogue(Catalogue.of([Item("1", "an item")]))
    bare.log.append([did("ada", 1)])
    assert run_json(bare, "forget")["events_erased"] == 1


@pytest.mark.parametrize("command", ["show", "explain"])
def test_an_unknown_user(store: Store, command: str) -> None:
    with pytest.raises(InputError, match="known users are, for example, ada, bo"):
        run_json(store, command, user="eve")


def test_show_holds_the_whole_profile(store: Store) -> None:
    profile = run_json(store, "show")
    assert {"scales", "tastes", "price_comfort", "hidden", "disliked", "changed", "recent", "boards"} <= set(
        profile
    )
    output = CliRunner().invoke(app, ["taste", "show", str(store.path), "--user", "ada"]).stdout
    assert "Taste clusters" in output and "Price comfort" in output and "This month" in output


def test_explain_an_item(store: Store) -> None:
    explanation = run_json(store, "explain", "--item", "19")
    assert explanation["interest"]["name"] == "plain · wood · lamp" and explanation["likes"]
    arguments = ["taste", "explain", str(store.path), "--user", "ada", "--item", "19"]
    assert explanation["explanation"][0][:20] in CliRunner().invoke(app, arguments).stdout


def test_correct_and_undo(store: Store) -> None:
    assert run_json(store, "correct", "--interest", "1", "--not-me")["weight"] == 0.0
    assert [interest["name"] for interest in run_json(store, "show")["interests"]] == [
        "striped · cotton · shirt"
    ]
    assert run_json(store, "correct", "--interest", "plain · wood · lamp")["corrected"] is False
    assert run_json(store, "correct", "--interest", "1", "--weight", "9")["weight"] == 9.0


def test_exclude_an_item_and_undo(store: Store) -> None:
    assert run_json(store, "exclude-item", "--item", "14")["excluded"] is True
    assert "14" not in {event["item_id"] for event in run_json(store, "show")["recent"]}
    assert run_json(store, "exclude-item", "--item", "14")["excluded"] is False


def test_too_few_similar_users(store: Store) -> None:
    assert run_json(store, "similar-users")["users"] == 0
    output = CliRunner().invoke(app, ["taste", "similar-users", str(store.path), "--user", "ada"]).stdout
    assert "Fewer than 20 users" in output and "bo" not in output


def test_export(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "ada.json"
    assert run_json(store, "export", "--out", str(out))["events"] == 8
    assert json.loads(out.read_text()) == run_json(store, "export")


def test_interests_with_typical_items(store: Store) -> None:
    result = CliRunner().invoke(app, ["taste", "interests", str(store.path), "--json"])
    themes = json.loads(result.stdout)["themes"]
    interests = [interest for theme in themes for interest in theme["interests"]]
    assert {interest["name"]: interest["items"] for interest in interests}["plain · wood · lamp"] == 10
    assert len(interests) == 4 and all(len(interest["examples"]) == 3 for interest in interests)
    lamps = next(interest for interest in interests if interest["name"] == "plain · wood · lamp")
    assert all("lamp" in title for title in lamps["examples"])
    assert lamps["examples"][0] in CliRunner().invoke(app, ["taste", "interests", str(store.path)]).stdout

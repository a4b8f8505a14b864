"""`bowerbird taste`: show, explain, mute, boost, forget."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    assert TasteGraph.open(store).people() == ["bo"]
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

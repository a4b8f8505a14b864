"""`bowerbird config show` on a store: settings with their defaults, changes marked, no password."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.settings import SETTINGS_FILE
from bowerbird.data.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = Store.create(tmp_path / "store")
    (store.path / SETTINGS_FILE).write_text(
        'layout_version = 1\nevents = "postgres://ann:s3cret@db/shop"\n[taste]\nhalf_life_days = [1.0]\n'
    )
    return store.path


def test_settings_are_listed_with_units_and_changes(store: Path) -> None:
    result = CliRunner().invoke(app, ["config", "show", str(store), "--json"])
    components = {each["name"]: each["settings"] for each in json.loads(result.stdout)["components"]}
    (half_lives,) = components["data.settings.TasteSettings"]
    assert half_lives["value"] == [1.0] and half_lives["default"] == [0.02, 7.0, 90.0]
    assert half_lives["unit"] == "days" and half_lives["changed"] and half_lives["description"]
    (machine_hour, _) = components["data.settings.PriceSettings"]
    assert not machine_hour["changed"]


def test_no_password_is_shown(store: Path) -> None:
    for options in ([], ["--json"]):
        result = CliRunner().invoke(app, ["config", "show", str(store), *options])
        assert "postgres://db/shop" in result.stdout and "s3cret" not in result.stdout


def test_components_are_filtered_by_the_start_of_their_name(store: Path) -> None:
    result = CliRunner().invoke(app, ["config", "show", str(store), "data.settings.TasteSettings"])
    assert "half_life_days" in result.stdout and "machine_hour" not in result.stdout


def test_an_unknown_component_is_an_error(store: Path) -> None:
    result = CliRunner().invoke(app, ["config", "show", str(store), "nothing"])
    assert "there is no component 'nothing'" in str(result.exception)


def test_a_version_of_another_bowerbird_does_not_hide_the_rest(store: Path) -> None:
    (store / SETTINGS_FILE).write_text("layout_version = 1\n")
    Store.open(store).publish("ranker", {"config": 3}, lambda folder: None)
    result = CliRunner().invoke(app, ["config", "show", str(store), "--json"])
    components = {each["name"]: each for each in json.loads(result.stdout)["components"]}
    assert "meta.json can't be read" in components["ranker"]["problem"]
    assert components["data.settings.TasteSettings"]["settings"]

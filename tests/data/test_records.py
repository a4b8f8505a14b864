"""Records in files: what is read is what was written, and what is wrong is said with its place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bowerbird.config import describe_config, nested_configs, setting
from bowerbird.data.files.records import read_record, record_as_dict, record_from, write_record
from bowerbird.data.settings import SETTINGS_FILE, PriceSettings
from bowerbird.data.store import Store
from bowerbird.data.versions.meta import CatalogueMeta, VersionMeta
from bowerbird.errors import InputError, StoreError


@dataclass(frozen=True)
class WalkConfig:
    """A config for these tests."""

    length: int = setting(4, "Length of a walk", "steps")
    restart: float = setting(0.15, "Probability of a restart")


@dataclass(frozen=True)
class GraphConfig:
    """A config with another one inside."""

    walks: WalkConfig = WalkConfig()
    half_lives: tuple[float, ...] = setting((1.0, 2.0), "Half-lives", "days")


@dataclass(frozen=True, kw_only=True)
class GraphMeta(VersionMeta):
    """A kind of versions for these tests."""

    KIND = "graph"

    config: GraphConfig
    loss: float | None


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    config = GraphConfig(WalkConfig(7), (3.0,))
    write_record(tmp_path / "config.json", config)
    assert read_record(tmp_path / "config.json", GraphConfig) == config


def test_numpy_values_become_plain_and_nan_becomes_null(tmp_path: Path) -> None:
    write_record(tmp_path / "values.json", {"n": np.int64(3), "x": np.float32("nan"), "rows": np.arange(2)})
    assert json.loads((tmp_path / "values.json").read_text()) == {"n": 3, "x": None, "rows": [0, 1]}
    assert record_as_dict(GraphConfig()) == {
        "walks": {"length": 4, "restart": 0.15},
        "half_lives": (1.0, 2.0),
    }


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"walks": {"length": "4"}}, r"Expected `int`, got `str` - at `\$\.walks\.length`"),
        ({"walks": {"lenght": 4}}, r"unknown field `walks\.lenght`; the fields are walks\.length"),
        ({"steps": 4}, "unknown field `steps`; the fields are walks, half_lives"),
    ],
)
def test_wrong_and_unknown_fields_are_named(raw: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        record_from(raw, GraphConfig, "the config")


@pytest.mark.parametrize("content", ["", "[]", '{"walks": 3}', "\xff"])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(StoreError, match=r"config\.json can't be read"):
        read_record(path, GraphConfig)


def test_a_version_says_how_it_was_made(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    config = GraphConfig(WalkConfig(restart=0.5))
    meta = GraphMeta(config=config, loss=float("nan"))
    version = store.publish("graph", meta, lambda folder: None)
    saved = version.read_meta(GraphMeta)
    assert saved.config == config and saved.loss is None and saved.made_with
    with pytest.raises(StoreError, match=r"meta\.json can't be read \(Object missing required field `items`"):
        version.read_meta(CatalogueMeta)


def test_a_meta_that_writing_returns_is_saved(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    measured = GraphMeta(config=GraphConfig(), loss=0.5)
    version = store.publish("graph", GraphMeta(config=GraphConfig(), loss=None), lambda folder: measured)
    assert version.read_meta(GraphMeta).loss == 0.5


def test_settings_are_described_with_their_changes() -> None:
    graph, walks = nested_configs(GraphConfig(WalkConfig(7)))
    (half_lives,) = describe_config(graph)
    length, restart = describe_config(walks)
    assert (half_lives.name, half_lives.unit, half_lives.is_changed) == ("half_lives", "days", False)
    assert (length.value, length.default, length.is_changed) == (7, 4, True)
    assert not restart.is_changed


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[taste]\nhalf_life_day = [1.0]", r"unknown field `taste\.half_life_day`"),
        ("[taste]\nhalf_life_days = []", "expected numbers above 0"),
        ("[taste]\nhalf_life_days = [1.0, -2.0]", "expected numbers above 0"),
        ("[prices]\nmachine_hour = 'much'", r"Expected `float`, got `str` - at `\$\.prices\.machine_hour`"),
        ("[price]\nmachine_hour = 1", "unknown field `price`; the fields are layout_version, events, prices"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, line: str, message: str) -> None:
    store = Store.create(tmp_path / "store")
    (store.path / SETTINGS_FILE).write_text(f"layout_version = 1\n{line}\n")
    with pytest.raises(StoreError, match=message):
        Store.open(store.path)


def test_settings_that_a_file_leaves_out_have_their_defaults(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    (store.path / SETTINGS_FILE).write_text("layout_version = 1\n[prices]\nmachine_hour = 2\n")
    settings = Store.open(store.path).settings
    assert settings.prices == PriceSettings(2.0) and settings.taste.half_life_days == (0.02, 7.0, 90.0)

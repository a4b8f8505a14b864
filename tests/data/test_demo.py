"""The demo world: reproducible by its seed, readable by the importer, and consistent with its truth."""

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.interactions import Interactions
from bowerbird.data.store import Store
from bowerbird.demo import DemoConfig, DemoFiles, read_truth, write_demo_world
from bowerbird.demo.picture import draw_product
from bowerbird.demo.vocabulary import COLOURS, STYLES, TYPES
from bowerbird.errors import InputError

CONFIG = DemoConfig(items=150, users=60, days=60, seed=3, image_px=32)
SMALL = DemoConfig(items=10, users=5, days=20, seed=1, image_px=32)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoFiles, Store]:
    folder = tmp_path_factory.mktemp("demo")
    files = write_demo_world(folder / "world", CONFIG)
    store = Store.create(folder / "store")
    for layout, path in (("google-feed", files.feed), ("segment", files.events)):
        summary = import_layout(store, layout, [path])
        for count in (summary.items, summary.events, summary.collections):
            assert not count.rejected and not count.repaired
        assert summary.images_broken == summary.images_not_fetched == 0
    return files, store


def test_the_whole_world_is_imported(world: tuple[DemoFiles, Store]) -> None:
    files, store = world
    assert len(store.catalogue()) == CONFIG.items and store.collections()
    lines = files.events.read_text().splitlines()
    assert len(lines) > len(set(lines))  # some are repeated, as on a real network
    n_events = sum(max(1, len(json.loads(line)["properties"].get("products", []))) for line in set(lines))
    assert len(store.log) == n_events


def test_same_seed_same_bytes(tmp_path: Path, tree) -> None:
    folder, same_folder = tmp_path / "one", tmp_path / "same"
    write_demo_world(folder, SMALL)
    write_demo_world(same_folder, SMALL)
    assert tree(folder) == tree(same_folder)
    write_demo_world(tmp_path / "other", DemoConfig(**{**SMALL.__dict__, "seed": 2}))
    other_files = tree(tmp_path / "other")
    assert all(
        tree(folder)[name] != other_files[name] for name in ("feed.tsv", "events.jsonl", "truth/tastes.jsonl")
    )
    (folder / "world.json").unlink()  # as if interrupted
    (folder / "events.jsonl").write_text("half")
    write_demo_world(folder, SMALL)
    assert tree(folder) == tree(same_folder)
    with pytest.raises(InputError, match="contains another world"):
        write_demo_world(folder, CONFIG)
    with pytest.raises(InputError, match="no demo world's truth"):
        read_truth(tmp_path)


def score(interests: list[dict[str, Any]], facts: dict[str, str]) -> float:
    """Best match of an item with some interests: one point each for type, style, colour."""
    return max(
        (facts["type"].lower() in i["types"])
        + (facts["style"] == i["style"])
        + (facts["colour"] in i["colours"])
        for i in interests
    )


def test_shoppers_click_items_of_their_interests(world: tuple[DemoFiles, Store]) -> None:
    files, store = world
    catalogue = store.catalogue()
    facts = [dict(catalogue.item(k).attributes) for k in range(len(catalogue))]
    events = Interactions.of(store.log.read(), catalogue).liked()
    clicked, chance, after, before = [], [], [], []
    for shopper in read_truth(files.truth).users:
        history = events.history_of(shopper["user_id"])
        if shopper["drift_at"] is None:
            clicked += [score(shopper["interests"], facts[k]) for k in history.items]
            chance += [score(shopper["interests"], fact) for fact in facts]
            continue
        drift = datetime.fromisoformat(shopper["drift_at"]).timestamp() * 1e6
        new, old = [shopper["after"][0]], [shopper["interests"][0]]
        for item, at in zip(history.items, history.at, strict=True):
            gain = score(new, facts[item]) - score(old, facts[item])
            (after if at >= drift else before).append(gain)
    assert np.mean(clicked) > 1.4 * np.mean(chance)
    assert np.mean(after) > np.mean(before) + 0.2


def test_relevant_items_are_relevant(world: tuple[DemoFiles, Store]) -> None:
    files, store = world
    catalogue = store.catalogue()
    truth = read_truth(files.truth)
    relevant, all_items = [], []
    for shopper in truth.users:
        expected = truth.relevant[shopper["user_id"]]
        assert len(expected) == len(set(expected)) == 20
        relevant += [
            score(shopper["after"], dict(catalogue.item(catalogue.position[i]).attributes)) for i in expected
        ]
        all_items += [
            score(shopper["after"], dict(catalogue.item(k).attributes)) for k in range(len(catalogue))
        ]
    assert np.mean(relevant) > 1.4 * np.mean(all_items)


def test_each_type_and_style_has_its_own_picture() -> None:
    pictures = {
        (kind.name, style.name): np.asarray(
            Image.open(io.BytesIO(draw_product(kind.name, style, "red", kind.materials[0], "plain", 0, 48))),
            np.float32,
        )
        for kind in TYPES
        for style in STYLES
    }
    flat = np.stack([picture.ravel() for picture in pictures.values()])
    for row in range(len(flat)):
        difference = np.abs(flat - flat[row]).mean(axis=1)
        difference[row] = np.inf
        assert difference.min() > 1.5, list(pictures)[row]


@pytest.mark.parametrize("kind", ["sofa", "dress", "cushion"])
@pytest.mark.parametrize("colour", ["red", "yellow", "green", "blue", "purple"])
def test_the_colour_shows(kind: str, colour: str) -> None:
    style = next(s for s in STYLES if s.name == "scandinavian")
    image = Image.open(io.BytesIO(draw_product(kind, style, colour, "cotton", "plain", 0, 96)))
    centre = np.asarray(image, np.float32)[36:66, 36:60].reshape(-1, 3)
    hues = {name: np.array(rgb) / np.linalg.norm(rgb) for name, rgb in COLOURS.items()}
    middle = np.median(centre, axis=0)
    middle /= np.linalg.norm(middle)
    rivals = ("red", "yellow", "green", "blue", "purple")
    assert max(rivals, key=lambda name: float(hues[name] @ middle)) == colour

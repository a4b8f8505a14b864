"""Nothing of a forgotten user is left: every file is searched, also inside compressed and packed ones."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.ipc as ipc
import pyarrow.parquet as parquet
import pytest

from bowerbird.data.collections import Collection
from bowerbird.data.events import Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.graph import TasteGraph

from .conftest import publish_store, shop_events, shop_items, shop_vectors

NAME = "zebulon-the-visitor"
START = datetime(2026, 1, 1, tzinfo=UTC)


def contents_of(path: Path) -> Iterator[bytes]:
    """Yield a file's content: raw, and decoded if it is packed."""
    raw = path.read_bytes()
    yield raw
    if raw[:4] == b"PAR1":
        yield str(parquet.read_table(io.BytesIO(raw)).to_pydict()).encode()
    elif raw[:6] == b"ARROW1":
        yield str(ipc.open_file(io.BytesIO(raw)).read_all().to_pydict()).encode()
    elif raw[:15] == b"SQLite format 3":
        with sqlite3.connect(path) as base:
            yield "\n".join(base.iterdump()).encode()
    elif raw[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            yield from (packed.read(name) for name in packed.namelist())
    elif raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)


def files_that_name(folder: Path, word: str) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder))
        for path in files
        if any(word.encode() in content for content in contents_of(path))
    }


@pytest.fixture
def store_with_user(tmp_path: Path) -> Store:
    """A store with one more user: in the log, on a board, in a rejected row; the ranker is not trained
    yet."""
    shop = publish_store(tmp_path / "shop", Catalogue.of(shop_items()), shop_vectors(), shop_events())
    item_ids = [f"item-{k}" for k in (60, 61, 62, 63, 64)]
    events = [
        Event(NAME, item_id, Action.SAVE, START + timedelta(days=k), event_id=f"event-{k}", query="velvet")
        for k, item_id in enumerate(item_ids)
    ]
    shop.log.append(events)
    shop.publish_collections([Collection("board", tuple(item_ids), name="mine", user_id=NAME)])
    (shop.reports / "refused-segment-0.jsonl").write_text(f'{{"row": {{"userId": "{NAME}"}}}}\n')
    return shop


@pytest.mark.slow
def test_no_file_of_a_used_store_names_a_forgotten_user(store_with_user: Store) -> None:
    recommender = Recommender.open(store_with_user.snapshot())
    taste = recommender.taste
    taste.mute(NAME, "1")
    assert taste.save() and recommender.recommend_user(NAME)
    before = files_that_name(store_with_user.path, NAME)
    kinds = {Path(path).parts[0] for path in before}
    assert {"events", "collections", "taste", "reports"} <= kinds, "the search finds the name where it occurs"
    taste.forget(NAME)
    reopened = Recommender.open(store_with_user.snapshot())
    reopened.recommend_user("u0")
    assert reopened.taste.save()
    assert files_that_name(store_with_user.path, NAME) == set()


@pytest.mark.slow
def test_nothing_learned_holds_their_likes(store_with_user: Store) -> None:
    recommender = Recommender.open(store_with_user.snapshot())
    taste, liked = recommender.taste, recommender.catalogue.position["item-64"]
    row = taste._states.table.find(NAME)
    assert any(row in taste._states.likers.ring(item)[0] for item in range(len(recommender.catalogue)))
    likes = recommender.ranker.context.popularity.total[liked]
    taste.forget(NAME)
    rings = taste._states.likers
    assert not any(row in rings.ring(item)[0] for item in range(len(recommender.catalogue)))
    assert not np.array(taste._states.table.arrays[2])[row]
    for graph in (taste, TasteGraph.open(store_with_user.snapshot())):
        assert NAME not in graph and not len(graph.state(NAME).items)
    training = Interactions.of(store_with_user.log.read(), recommender.catalogue)
    assert NAME not in training.users, "the next training set"
    assert Recommender.open(store_with_user.snapshot()).ranker.context.popularity.total[liked] == likes - 1

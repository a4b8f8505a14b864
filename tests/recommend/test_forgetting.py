"""Nothing of a forgotten person is left: every file is looked into, compressed and packed ones too."""

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


def said_in(path: Path) -> Iterator[bytes]:
    """All that a file says: as it is, and whatever is packed in it."""
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
        str(path.relative_to(folder)) for path in files if any(word.encode() in one for one in said_in(path))
    }


@pytest.fixture
def visited(tmp_path: Path) -> Store:
    """Somebody was there: in the log, on a board, in a refused row; the ranker is yet to be trained."""
    shop = publish_store(tmp_path / "shop", Catalogue.of(shop_items()), shop_vectors(), shop_events())
    only = [f"item-{k}" for k in (60, 61, 62, 63, 64)]
    did = [
        Event(NAME, one, Action.SAVE, START + timedelta(days=k), event_id=f"visit-{k}", query="velvet")
        for k, one in enumerate(only)
    ]
    shop.log.append(did)
    shop.publish_collections([Collection("board", tuple(only), name="mine", user_id=NAME)])
    (shop.reports / "refused-segment-0.jsonl").write_text(f'{{"row": {{"userId": "{NAME}"}}}}\n')
    return shop


def test_no_file_of_a_used_store_names_a_forgotten_person(visited: Store) -> None:
    recommender = Recommender.open(visited.snapshot())
    taste = recommender.taste
    taste.mute(NAME, "1")
    assert taste.save() and recommender.recommend_user(NAME)
    before = files_that_name(visited.path, NAME)
    kinds = {Path(one).parts[0] for one in before}
    assert {"events", "collections", "taste", "reports"} <= kinds, "the search finds what is there"
    taste.forget(NAME)
    again = Recommender.open(visited.snapshot())
    again.recommend_user("u0")
    assert again.taste.save()
    assert files_that_name(visited.path, NAME) == set()


def test_nothing_that_is_learnt_holds_their_likes(visited: Store) -> None:
    recommender = Recommender.open(visited.snapshot())
    taste, liked = recommender.taste, recommender.catalogue.position["item-64"]
    row = taste._states.table.find(NAME)
    assert any(row in taste._states.likers.ring(item)[0] for item in range(len(recommender.catalogue)))
    likes = recommender.ranker.context.popularity.total[liked]
    taste.forget(NAME)
    rings = taste._states.likers
    assert not any(row in rings.ring(item)[0] for item in range(len(recommender.catalogue)))
    assert not np.array(taste._states.table.arrays[2])[row]
    for graph in (taste, TasteGraph.open(visited.snapshot())):
        assert NAME not in graph and not len(graph.state(NAME).items)
    training = Interactions.of(visited.log.read(), recommender.catalogue)
    assert NAME not in training.users, "the next training set"
    assert Recommender.open(visited.snapshot()).ranker.context.popularity.total[liked] == likes - 1

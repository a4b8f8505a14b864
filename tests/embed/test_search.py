"""Search by text, picture, item and combinations; single queries and files."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.search.query import QueryEncoder
from bowerbird.embed.search.searcher import Searcher
from bowerbird.embed.training import train_embedding
from bowerbird.errors import InputError


def blue(side_px: int = 60) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side_px, side_px), (30, 60, 200)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def embedded_store(toy_store: Callable[..., Store]) -> Store:
    store = toy_store()
    train_embedding(store, EmbedConfig(dim=32, epochs=2))
    return store


@pytest.fixture(scope="module")
def searcher(embedded_store: Store) -> Searcher:
    return Searcher.open(embedded_store.snapshot())


def colours(item_ids: list[str]) -> set[str]:
    return {item_id.split("-")[0] for item_id in item_ids}


def test_each_kind_of_query_finds_its_colour(searcher: Searcher) -> None:
    assert colours([hit.item_id for hit in searcher.search(image=blue(), n=3)]) == {"blue"}
    # Users who like green like yellow: an item's neighbours may be either.
    assert colours([hit.item_id for hit in searcher.search(item="green-1", n=3)]) <= {"green", "yellow"}
    assert colours([hit.item_id for hit in searcher.search(text="yellow rug", n=1)]) == {"yellow"}
    assert colours([hit.item_id for hit in searcher.search("a blue lamp", image=blue(), n=3)]) == {"blue"}


def test_a_text_with_a_picture_or_an_item_edits_it(searcher: Searcher) -> None:
    for text in ("but in blue", "is blue instead of red"):
        assert colours([hit.item_id for hit in searcher.search(text, item="red-1", n=3)]) == {"blue"}
    assert colours([hit.item_id for hit in searcher.search("but in red", image=blue(), n=3)]) == {"red"}
    assert colours([hit.item_id for hit in searcher.search("the same colour", image=blue(), n=3)]) == {"blue"}


def test_a_text_that_comes_again_has_the_same_vector(embedded_store: Store) -> None:
    encoder = QueryEncoder.open(embedded_store.snapshot())
    first = encoder.encode_texts(["a red chair"])
    expected = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(encoder.encode_texts(["a red chair"]), expected)
    batch = encoder.encode_texts(["a red chair", "a yellow rug"])
    np.testing.assert_allclose(batch[0], expected[0], atol=1e-2)  # a batch is padded
    np.testing.assert_allclose(batch[1], encoder.encode_texts(["a yellow rug"])[0], atol=1e-2)


def test_what_is_cheaper_costs_less(toy_store: Callable[..., Store]) -> None:
    toys = toy_store().catalogue()
    priced = [replace(toys.item(k), image=toys.image(k), price=10.0 + k) for k in range(len(toys))]
    store = toy_store(priced, [])
    train_embedding(store, EmbedConfig(dim=16, epochs=0))
    hits = Searcher.open(store.snapshot()).search("the same but cheaper", item="blue-3", n=100)
    assert {hit.position for hit in hits} == set(range(toys.position["blue-3"]))


def test_scores_fall_the_item_itself_is_left_out_and_only_allowed_items_come(searcher: Searcher) -> None:
    allowed = np.zeros(len(searcher.catalogue), bool)
    allowed[:20] = True
    hits = searcher.search(item="red-0", n=100, allowed=allowed)
    assert len(hits) == 19
    assert all(hit.position < 20 and hit.item_id != "red-0" for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert allowed[0], "the caller's mask must not change"


def test_a_batch_answers_as_single_queries_do(searcher: Searcher) -> None:
    queries = pa.table(
        {
            "query_id": ["t", "i", "b"],
            "text": pa.array(["a red vase", None, "a yellow chair that stands by a window"], pa.string()),
            "image": pa.array([None, blue(), blue()], pa.binary()),
        }
    )
    rows = searcher.batch(queries, n=5).to_pylist()
    for query in queries.to_pylist():
        single = searcher.search(query["text"], query["image"], n=5)
        own_rows = [row for row in rows if row["query_id"] == query["query_id"]]
        assert [row["rank"] for row in own_rows] == [1, 2, 3, 4, 5]
        assert [row["item_id"] for row in own_rows] == [hit.item_id for hit in single]
        assert np.allclose([row["score"] for row in own_rows], [hit.score for hit in single], atol=1e-5)


def test_only_items_of_the_current_catalogue_are_returned(searcher: Searcher) -> None:
    store = searcher._snapshot.store
    catalogue = store.catalogue()
    try:
        store.publish_catalogue(Catalogue(catalogue.table.slice(5, 7)))
        current = Searcher.open(store.snapshot())
        assert {hit.item_id for hit in current.search("chair", n=50)} == set(catalogue.ids[5:12])
    finally:
        store.publish_catalogue(catalogue)


def test_a_text_of_100_000_letters_is_cut_not_rejected(searcher: Searcher) -> None:
    assert len(searcher.search("blue lamp " * 10_000, n=3)) == 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "nothing to search for"),
        ({"text": "  \n"}, "empty"),
        ({"image": b"text named .jpg"}, "can't be read"),
        ({"image": blue()[:-300]}, "can't be read"),
        ({"item": "gone"}, "no item 'gone'"),
    ],
)
def test_invalid_queries_are_rejected(searcher: Searcher, query: dict, expected: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match=expected):
        searcher.search(**query)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"text": ["a"]}, "no column query_id"),
        ({"query_id": ["1"]}, "neither a column text nor image"),
        ({"query_id": ["1", "1"], "text": ["a", "b"]}, "twice"),
        ({"query_id": [None], "text": ["a"]}, "missing in row 1"),
        ({"query_id": ["1"], "text": [1.5]}, "column text is double"),
        ({"query_id": ["1"], "text": [""]}, "query 1 is empty"),
    ],
)
def test_invalid_tables_of_queries_are_rejected(
    searcher: Searcher,
    columns: dict,  # type: ignore[type-arg]
    expected: str,
) -> None:
    with pytest.raises(InputError, match=expected):
        searcher.batch(pa.table(columns))


def test_files_go_in_and_out_by_the_command_line(searcher: Searcher, tmp_path: Path) -> None:
    store, runner = str(searcher._snapshot.store.path), CliRunner()
    out = tmp_path / "vectors.parquet"
    assert runner.invoke(app, ["vectors", "export", store, str(out)]).exit_code == 0
    exported = pq.read_table(out)
    assert exported.schema.field("vector").type == pa.list_(pa.float32())
    assert np.allclose(np.array(exported["vector"].to_pylist()), searcher.index.rows.dense(), atol=1e-6)
    assert exported["item_id"].to_pylist() == searcher.catalogue.ids
    queries, answers = tmp_path / "q.parquet", tmp_path / "r.parquet"
    pq.write_table(pa.table({"query_id": ["1"], "text": ["red chair"]}), queries)
    result = runner.invoke(
        app, ["search", store, "--queries", str(queries), "-n", "4", "--out", str(answers), "--json"]
    )
    assert result.exit_code == 0, result.output
    assert pq.read_table(answers).num_rows == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["q.parquet", "r.parquet", "vectors.parquet"]


def test_a_file_of_queries_is_read_in_the_language_of_the_catalogue(
    searcher: Searcher, tmp_path: Path
) -> None:
    store, queries, answers = (
        str(searcher._snapshot.store.path),
        tmp_path / "q.parquet",
        tmp_path / "r.parquet",
    )
    texts = ["a red chair", "una silla roja", "ein roter Stuhl"]
    pq.write_table(pa.table({"query_id": ["en", "es", "de"], "text": texts}), queries)
    arguments = ["search", store, "--queries", str(queries), "-n", "3", "--out", str(answers)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    rows = pq.read_table(answers).to_pylist()
    by_query = {
        code: {row["item_id"] for row in rows if row["query_id"] == code} for code in ("en", "es", "de")
    }
    assert by_query["en"] == by_query["es"] == by_query["de"] != set()


def test_reading_vectors_and_searching_by_item_needs_no_torch(searcher: Searcher) -> None:
    code = (
        "import sys; from bowerbird.data.store import Store; "
        "from bowerbird.embed.search.searcher import Searcher; "
        f"Searcher.open(Store.open({str(searcher._snapshot.store.path)!r}).snapshot()).search(item='red-0'); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""Importing twice changes nothing; importing a change changes that alone."""

from pathlib import Path

import pytest

from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.store import Store

FILES = {
    "movielens": {
        "movies.csv": "movieId,title,genres\n1,Toy Story,Comedy\n2,Heat,Crime\n",
        "ratings.csv": "userId,movieId,rating,timestamp\n5,1,4.5,964982703\n5,2,1,964982704\n",
    },
    "recbole": {
        "x.item": "item_id:token\ttitle:token\n1\tToy Story\n2\tHeat\n",
        "x.inter": "user_id:token\titem_id:token\ttimestamp:float\n7\t1\t881250949\n7\t2\t881250950\n",
    },
    "hm": {
        "articles.csv": "article_id,prod_name\n1,Top\n2,Bra\n",
        "transactions_train.csv": "t_dat,customer_id,article_id,price\n"
        "2020-09-01,a,1,0.02\n2020-09-01,a,1,0.02\n",
    },
    "parquet": {
        "goods.csv": "sku,name\n1,Lamp\n2,Mug\n",
        "clicks.csv": "who,sku,at\nann,1,2026-01-01\n",
        "boards.csv": "board,skus\nb,1|2\n",
        "map.toml": '[items]\nfile="goods.csv"\nitem_id="sku"\ntitle="name"\n'
        '[events]\nfile="clicks.csv"\nuser_id="who"\nitem_id="sku"\nat="at"\n'
        '[collections]\nfile="boards.csv"\ncollection_id="board"\nitem_ids="skus"\n',
    },
}


@pytest.mark.parametrize("layout", FILES)
def test_twice_is_once(store: Store, tmp_path: Path, tree, layout: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in FILES[layout].items():
        (folder / name).write_text(text)
    column_map = folder / "map.toml" if layout == "parquet" else None
    first = import_layout(store, layout, [folder], column_map=column_map)
    assert first.items.new == 2 and first.events.new == first.events.accepted > 0
    before, generation = tree(store.path), store.log.generation
    again = import_layout(store, layout, [folder], column_map=column_map)
    assert (again.items.new, again.events.new, again.collections.new) == (0, 0, 0)
    assert again.items.accepted == 2 and store.log.generation == generation
    assert tree(store.path) == before


def test_a_changed_row_replaces_that_item_alone(store: Store, feed, tmp_path: Path, jpeg) -> None:
    (tmp_path / "p.jpg").write_bytes(jpeg("red"))
    rows = [("a", "Lamp", "1", "p.jpg"), ("b", "Mug", "2", ""), ("c", "Rug", "3", "")]
    import_layout(store, "google-feed", [feed(rows)])
    rows[1] = ("b", "Mug", "2.50", "")
    assert import_layout(store, "google-feed", [feed(rows)]).items.new == 1
    catalogue = store.catalogue()
    assert {item_id: catalogue.item(row).price for item_id, row in catalogue.position.items()} == {
        "a": 1,
        "b": 2.5,
        "c": 3,
    }
    (tmp_path / "p.jpg").write_bytes(jpeg("blue"))  # the picture alone
    assert import_layout(store, "google-feed", [feed(rows[:1])]).items.new == 1
    catalogue = store.catalogue()
    assert sorted(catalogue.ids) == ["a", "b", "c"]
    assert catalogue.image(catalogue.position["a"]) == jpeg("blue")

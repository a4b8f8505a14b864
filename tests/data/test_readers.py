"""Every layout, from minimal files."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bowerbird.data.collections import Collection
from bowerbird.data.events import Action, Event
from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.items import Item
from bowerbird.data.store import Store
from bowerbird.errors import InputError

PACKS = Path(os.environ.get("BOWERBIRD_DATA", Path(__file__).parents[2] / "../shared/data"))
DAY = datetime(2026, 1, 2, tzinfo=UTC)


def items(store: Store) -> dict[str, Item]:
    catalogue = store.catalogue()
    return {name: catalogue.item(row) for row, name in enumerate(catalogue.ids)}


def events(store: Store) -> list[Event]:
    return [Event.from_row(row) for row in store.log.read().to_pylist()]


def logged_actions(store: Store) -> list[tuple[str, str, str]]:
    return [(event.user_id, event.item_id, event.action.value) for event in events(store)]


def write_lines(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


LAMP = Item(
    item_id="L1",
    title="Brass lamp",
    description="Warm light",
    price=49.9,
    currency="USD",
    brand="Ovaline",
    category=("Home", "Lighting", "Lamp"),
    attributes={"colour": "red", "style": "art deco", "type": "Lamp"},
    availability="out_of_stock",
    created_at=DAY,
)


def test_google_feed_tsv(store: Store, tmp_path: Path, jpeg) -> None:
    (tmp_path / "my lamp.jpg").write_bytes(jpeg())
    head = (
        "id\ttitle\tdescription\timage_link\tsale price\tprice\tbrand\tproduct_type\tcolor\tproduct_detail\t"
    )
    row = "L1\tBrass lamp\tWarm light\tmy lamp.jpg\t49.90 USD\t60 USD\tOvaline\tHome > Lighting > Lamp\tred\t"
    path = tmp_path / "feed.tsv"
    path.write_text(
        f"{head}availability\tcreated_at\n{row}General:Style:art deco\tout of stock\t2026-01-02\n"
        "W1\tMug\t\thttps://shop.example/mug.jpg\t\t5\t\t\t\t\t\t\n"
    )
    summary = import_layout(store, "google-feed", [path])
    assert (
        items(store)["L1"] == replace(LAMP, list_price=60, sale_price=49.9) and items(store)["W1"].price == 5
    )
    assert store.catalogue().image(0) == jpeg()
    assert (summary.images, summary.images_broken, summary.images_not_fetched) == (1, 0, 1)


def test_google_feed_xml(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(
        """<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel>
        <title>A shop</title>
        <item><g:id>L1</g:id><title>Brass lamp</title><g:description>Warm light</g:description>
        <g:price>49,90 USD</g:price><g:brand>Ovaline</g:brand><g:color>red</g:color>
        <g:product_type>Home &gt; Lighting &gt; Lamp</g:product_type>
        <g:product_detail><g:section_name>General</g:section_name><g:attribute_name>Style</g:attribute_name>
        <g:attribute_value>art deco</g:attribute_value></g:product_detail>
        <g:availability>out_of_stock</g:availability><g:created_at>2026-01-02T00:00:00Z</g:created_at></item>
        <item><title>No id</title></item></channel></rss>"""
    )
    summary = import_layout(store, "google-feed", [path])
    assert items(store) == {"L1": LAMP}
    assert summary.items.rejected == {"no id": 1}


def test_segment(shop: Store, tmp_path: Path) -> None:
    at = "2026-01-02T00:00:00.000Z"
    base = {"type": "track", "userId": "ann", "timestamp": at}
    path = write_lines(
        tmp_path / "events.jsonl",
        base
        | {
            "event": "Product Added to Wishlist",
            "messageId": "m1",
            "properties": {"product_id": "a", "wishlist_name": "Attic", "price": 9.5, "position": 3},
        },
        base | {"event": "Product Clicked", "properties": {"sku": "b"}, "userId": None, "anonymousId": "x"},
        base
        | {
            "event": "Order Completed",
            "messageId": "m2",
            "properties": {"products": [{"product_id": "a"}, {"product_id": "c"}]},
        },
        {"type": "identify", "userId": "ann"},
        base | {"event": "Coffee Spilt", "properties": {}},
        base | {"event": "Product Viewed", "properties": {"product_id": "a"}, "timestamp": "yesterday"},
        [1, 2],
    )
    summary = import_layout(shop, "segment", [path])
    assert set(logged_actions(shop)) == {
        ("ann", "a", "save"),
        ("x", "b", "click"),
        ("ann", "a", "purchase"),
        ("ann", "c", "purchase"),
    }
    saved = next(event for event in events(shop) if event.action is Action.SAVE)
    assert (saved.event_id, saved.value, saved.position, saved.at) == ("m1", 9.5, 3, DAY)
    assert shop.collections() == [Collection("ann/Attic", ("a",), name="Attic", user_id="ann")]
    assert sum(summary.events.rejected.values()) == 2 and summary.events.accepted == 4
    assert summary.events.ignored == {"identify call": 1, "event 'Coffee Spilt'": 1}


def test_ga4(shop: Store, tmp_path: Path) -> None:
    base = {"user_pseudo_id": "7.8", "event_timestamp": int(DAY.timestamp() * 1e6)}
    session = [{"key": "ga_session_id", "value": {"string_value": None, "int_value": 42}}]
    path = write_lines(
        tmp_path / "ga4.jsonl",
        base
        | {
            "event_name": "select_item",
            "items": [{"item_id": "a", "price": 2, "index": 1}],
            "event_params": session,
        },
        base | {"event_name": "purchase", "user_id": "ann", "items": [{"item_id": "b"}, {"item_id": "c"}]},
        base
        | {"event_name": "add_to_wishlist", "items": [{"item_id": "c", "index": 10**12}], "event_params": 5},
        base | {"event_name": "page_view"},
        base | {"event_name": "view_item", "items": []},
    )
    summary = import_layout(shop, "ga4", [path])
    assert set(logged_actions(shop)) == {  # the device and the login are one user
        ("ann", "a", "click"),
        ("ann", "b", "purchase"),
        ("ann", "c", "purchase"),
        ("ann", "c", "save"),
    }
    click = next(event for event in events(shop) if event.action is Action.CLICK)
    assert (click.at, click.value, click.session, click.position) == (DAY, 2.0, "42", 1)
    assert summary.events.rejected == {"no items": 1}
    assert summary.events.ignored == {"event 'page_view'": 1}


MAP = """
[items]
file = "goods.csv"
item_id = "sku"
title = "name"
price = "cost"
category = ["hall", "kind"]
[items.attributes]
colour = "col"
[events]
file = "clicks.parquet"
user_id = "visitor"
item_id = "sku"
at = "ts"
action = "what"
[events.actions]
buy = "purchase"
"""


def mapped_folder(folder: Path) -> Path:
    (folder / "map.toml").write_text(MAP)
    (folder / "goods.csv").write_text(
        "sku,name,cost,hall,kind,col\n1,Lamp,€ 5,home,lamp,red\n2,Mug,,home,,\n"
    )
    rows = [("ann", "1", 0, "buy"), ("bob", "2", 1, "view"), ("bob", "2", 2, "sniff")]
    columns = {
        "visitor": [row[0] for row in rows],
        "sku": [row[1] for row in rows],
        "ts": pa.array([datetime(2026, 1, 1, row[2]) for row in rows], pa.timestamp("ms")),
        "what": [row[3] for row in rows],
    }
    pq.write_table(pa.table(columns), folder / "clicks.parquet")
    return folder


def test_tables_with_a_column_map(store: Store, tmp_path: Path) -> None:
    folder = mapped_folder(tmp_path)
    summary = import_layout(store, "parquet", [folder], column_map=folder / "map.toml")
    assert items(store) == {
        "1": Item(
            "1", "Lamp", price=5.0, currency="EUR", category=("home", "lamp"), attributes={"colour": "red"}
        ),
        "2": Item("2", "Mug", category=("home",)),
    }
    assert logged_actions(store) == [("ann", "1", "purchase"), ("bob", "2", "view")]
    assert summary.events.rejected == {"unknown action 'sniff'": 1}


def test_errors_of_a_column_map_list_the_columns(store: Store, tmp_path: Path) -> None:
    folder = mapped_folder(tmp_path)
    cases = [
        (MAP.replace('"cost"', '"price"'), "no column price; it has sku, name, cost, hall, kind, col"),
        (MAP.replace('"visitor"', '"who"'), "no column who; it has visitor, sku, ts, what"),
        (MAP.replace('item_id = "sku"\ntitle', "title"), "missing required field `item_id` - at `\\$.items`"),
        (
            MAP.replace("title =", "titel ="),
            "unknown field `items.titel`; the fields are items.file,",
        ),
        ("[things]\n", "unknown field `things`; the fields are items, events, collections"),
        ("= =", "can't be read"),
    ]
    for text, message in cases:
        (folder / "map.toml").write_text(text)
        with pytest.raises(InputError, match=message):
            import_layout(store, "parquet", [folder], column_map=folder / "map.toml")
    with pytest.raises(InputError, match="--columns"):
        import_layout(store, "parquet", [folder])
    assert not store.has_catalogue()


def test_hm_competition_files(store: Store, tmp_path: Path, jpeg) -> None:
    (tmp_path / "articles.csv").write_text(
        "article_id,prod_name,product_type_name,colour_group_name,index_group_name,detail_desc\n"
        "0108775015,Strap top,Vest top,Black,Ladieswear,Jersey top\n110065001,Bra,Bra,White,Ladieswear,\n"
    )
    (tmp_path / "transactions_train.csv").write_text(
        "t_dat,customer_id,article_id,price,sales_channel_id\n"
        "2020-09-01,ann,0108775015,0.0152372881355932,1\n2020-09-01,ann,0108775015,0.0152372881355932,1\n"
        "2020-09-02,bob,108775015,0.05,2\n"
    )
    (tmp_path / "images" / "010").mkdir(parents=True)
    (tmp_path / "images" / "010" / "0108775015.jpg").write_bytes(jpeg())
    summary = import_layout(store, "hm", [tmp_path])
    top = items(store)["0108775015"]
    assert set(items(store)) == {"0108775015", "0110065001"}
    assert top.category == ("Ladieswear", "Vest top")
    # The price stays with the purchase: as a field of the article it leaks which articles will be sold.
    assert top.price is None and store.log.read()["value"][0].as_py() == pytest.approx(0.0152372881355932)
    assert top.attributes == {"type": "Vest top", "colour": "Black"}
    assert store.catalogue().image(0) == jpeg() and store.catalogue().image(1) is None
    assert (summary.images, summary.images_broken) == (1, 1)
    assert logged_actions(store) == [("ann", "0108775015", "purchase")] * 2 + [
        ("bob", "0108775015", "purchase")
    ]


def test_movielens(store: Store, tmp_path: Path) -> None:
    (tmp_path / "movies.csv").write_text(
        'movieId,title,genres\n1,Toy Story (1995),Comedy|Children\n2,"Net, The (1995)",(no genres listed)\n'
    )
    (tmp_path / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n5,1,4.5,964982703\n5,2,1.0,964982704\n6,1,3.0,964982705\n6,2,x,1\n"
    )
    summary = import_layout(store, "movielens", [tmp_path])
    assert items(store)["1"].attributes == {"genre": "Comedy, Children"}
    assert items(store)["2"].title == "Net, The (1995)"
    assert logged_actions(store) == [("5", "1", "save"), ("5", "2", "hide"), ("6", "1", "view")]
    assert [event.value for event in events(store)] == [4.5, 1.0, 3.0]
    assert summary.events.rejected == {"no rating that can be read": 1}


def test_recbole(store: Store, tmp_path: Path) -> None:
    (tmp_path / "ml.item").write_text(
        "item_id:token\tmovie_title:token_seq\tclass:token_seq\n1\tToy Story\tComedy\n"
    )
    (tmp_path / "ml.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n7\t1\t4\t881250949\n8\t1\t2\t881250950\n"
    )
    import_layout(store, "recbole", [tmp_path])
    assert items(store) == {"1": Item("1", "Toy Story", attributes={"class": "Comedy"})}
    assert logged_actions(store) == [("7", "1", "click"), ("8", "1", "view")]


def test_ikea_rooms(store: Store, tmp_path: Path, jpeg) -> None:
    columns = {
        "item_id": ["1", "2"],
        "name": ["BILLY", "POÄNG"],
        "type": ["shelf", None],
        "image": [jpeg(), b"?"],
    }
    pq.write_table(pa.table(columns), tmp_path / "items.parquet")
    rooms = {"room": ["r1", "r2"], "room_type": ["Hall", "Hall"], "item_ids": [["1", "2", "9"], ["9"]]}
    pq.write_table(pa.table(rooms), tmp_path / "rooms.parquet")
    summary = import_layout(store, "ikea-rooms", [tmp_path])
    assert [item.title for item in items(store).values()] == ["BILLY shelf", "POÄNG"]
    assert store.collections() == [Collection("r1", ("1", "2"), name="Hall", kind="room")]
    assert summary.collections.rejected == {"no known item": 1} and summary.images_broken == 1


@pytest.mark.skipif(not (PACKS / "ikea").is_dir(), reason=f"no pack at {PACKS}/ikea (set BOWERBIRD_DATA)")
def test_ikea_pack(store: Store) -> None:
    summary = import_layout(store, "ikea-rooms", [PACKS / "ikea"])
    assert summary.items.accepted == pq.read_metadata(PACKS / "ikea" / "items.parquet").num_rows
    assert summary.collections.accepted == pq.read_metadata(PACKS / "ikea" / "rooms.parquet").num_rows
    assert summary.images_broken == 0 and summary.rejected_file is None

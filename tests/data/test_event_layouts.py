"""Events as Segment, RudderStack, Google Analytics and Snowplow write them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import EVENT_SCHEMA, Action, Alias, Event
from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.logs.event_ids import with_event_ids
from bowerbird.data.readers.events import segment, segment_files
from bowerbird.data.readers.events.ga4 import files as ga4_files
from bowerbird.data.readers.events.ga4 import parsing as ga4
from bowerbird.data.readers.events.snowplow import files as snowplow_files
from bowerbird.data.readers.events.snowplow import parsing as snowplow
from bowerbird.data.readers.events.snowplow.json_events import NO_EVENT, fields_of_event
from bowerbird.data.readers.layouts import FileLayout, MessageLayout
from bowerbird.data.readers.messages import parse_decoded, parse_message
from bowerbird.data.readers.recognition.layout import recognise
from bowerbird.data.readers.records import (
    AliasDraft,
    EventBatch,
    EventDraft,
    IgnoredRow,
    Parsed,
    ParsedEvent,
    RejectedRow,
)
from bowerbird.data.store import Store
from bowerbird.errors import InputError

AT = datetime(2026, 1, 2, tzinfo=UTC)
TRACK = {"type": "track", "userId": "ann", "timestamp": "2026-01-02T00:00:00Z"}


def plain(parsed: Iterable[Parsed]) -> list[Event | Alias | str]:
    """What rows say, without what was left out of their events."""
    return [each.event if isinstance(each, ParsedEvent) else each for each in parsed]


def events_of(message: dict[str, Any]) -> list[tuple[str, Action]]:
    return [(e.item_id, e.action) for e in plain(segment.parse_call(message)) if isinstance(e, Event)]


def test_a_call_without_a_time_has_that_of_its_receipt() -> None:
    before = datetime.now(UTC)
    message = {"type": "track", "userId": "ann", "event": "Product Viewed", "properties": {"product_id": "a"}}
    (event,) = plain(parse_decoded(message, MessageLayout.SEGMENT))
    assert isinstance(event, Event) and before <= event.at <= datetime.now(UTC)
    assert plain(segment.parse_call(message)) == ["no timestamp"]  # a file does not say when it was received
    (reason,) = plain(parse_decoded({**message, "timestamp": "soon"}, MessageLayout.SEGMENT))
    assert str(reason).startswith("no timestamp that can be read: it is not a time (write 2026-01-31")
    (late,) = plain(segment.parse_call({**message, "receivedAt": "2026-01-02T00:00:00Z"}))
    assert isinstance(late, Event) and late.at == AT


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "identify", "userId": "ann", "anonymousId": "x"}, [Alias("x", "ann")]),
        ({"type": "identify", "userId": "ann"}, []),
        ({"type": "identify", "traits": {}}, []),
        ({"type": "alias", "previousId": "x", "userId": "ann"}, [Alias("x", "ann")]),
        ({"type": "alias", "userId": "ann"}, ["no previousId"]),
        ({"type": "page", "userId": "ann", "anonymousId": "x"}, [Alias("x", "ann")]),
        ({"type": "page", "anonymousId": "x"}, []),
        (
            {
                "type": "merge",
                "mergeProperties": [{"type": "email", "value": "ann"}, {"type": "phone", "value": "x"}],
            },
            [Alias("x", "ann")],
        ),
        ({"type": "merge"}, ["merge without two identifiers"]),
        ({"type": "sneeze"}, ["unknown type 'sneeze'"]),
        ({**TRACK, "event": "Coffee Spilt"}, []),
        ({**TRACK}, ["no event name"]),
    ],
)
def test_calls_about_users(message: dict[str, Any], expected: list[Any]) -> None:
    assert plain(segment.parse_call(message)) == expected


def test_removals_and_refunds() -> None:
    product = {"product_id": "a"}
    assert events_of({**TRACK, "event": "Product Removed", "properties": product}) == [("a", Action.REMOVE)]
    assert events_of({**TRACK, "event": "Product Removed from Wishlist", "properties": product}) == [
        ("a", Action.REMOVE)
    ]
    order = {"order_id": "7", "products": [product, {"product_id": "b"}]}
    refunds = [("a", Action.REFUND), ("b", Action.REFUND)]
    assert events_of({**TRACK, "event": "Order Refunded", "properties": order}) == refunds
    removed = next(iter(plain(ga4.parse_row({**GA4, "event_name": "remove_from_cart"}))))
    assert isinstance(removed, Event) and removed.action is Action.REMOVE


GA4 = {
    "user_pseudo_id": "7.8",
    "event_timestamp": str(int(AT.timestamp() * 1e6)),
    "event_name": "purchase",
    "items": [{"item_id": "a", "price": 2.0, "item_list_name": "(not set)"}, {"item_id": "a"}],
    "ecommerce": {"transaction_id": "T1"},
}


def test_one_transaction_counts_once(shop: Store, tmp_path: Path) -> None:
    order = {"event": "Order Completed", "properties": {"order_id": "T1", "products": [{"product_id": "a"}]}}
    segment_file, ga4_file = tmp_path / "segment.jsonl", tmp_path / "ga4.jsonl"
    calls = [
        {**TRACK, **order, "messageId": "m1"},
        {**TRACK, **order, "messageId": "m2", "timestamp": "2026-01-02T09:00:00Z"},
        {**TRACK, **order, "messageId": "m3", "properties": {**order["properties"], "order_id": "T2"}},  # type: ignore[dict-item]
    ]
    segment_file.write_text("".join(json.dumps(call) + "\n" for call in calls))
    summary = import_layout(shop, "segment", [segment_file])
    assert (summary.events.accepted, summary.events.new) == (3, 2)
    ga4_file.write_text(json.dumps(GA4) + "\n" + json.dumps({**GA4, "user_id": "ann"}) + "\n")
    summary = import_layout(shop, "ga4", [ga4_file])
    assert summary.events.new == 1  # the second unit of one item: the first is known from Segment


@pytest.mark.parametrize("missing", ["(not set)", "", None, "null", 0])
def test_what_stands_for_no_transaction_joins_no_purchases(missing: Any) -> None:
    first, second = (
        next(
            iter(
                plain(ga4.parse_row({**GA4, "event_timestamp": at, "ecommerce": {"transaction_id": missing}}))
            )
        )
        for at in (1_767_312_000_000_000, 1_767_312_001_000_000)
    )
    assert isinstance(first, Event) and isinstance(second, Event) and first.event_id != second.event_id


def test_ga4_joins_a_device_and_a_login() -> None:
    alias, event, _ = plain(ga4.parse_row({**GA4, "user_id": "ann"}))
    assert alias == Alias("7.8", "ann")
    assert isinstance(event, Event) and (event.user_id, event.surface) == ("ann", None)


@pytest.mark.parametrize("form", ["list", "bigquery", "bytes"])
def test_ga4_in_parquet_is_as_in_json(tmp_path: Path, form: str) -> None:
    row: dict[str, Any] = {
        "event_name": "select_item",
        "event_timestamp": int(AT.timestamp() * 1e6),
        "user_id": None,
        "user_pseudo_id": "7.8",
        "items": [{"item_id": "a", "price": 2.0}],
        "event_params": [{"key": "ga_session_id", "value": {"string_value": None, "int_value": 42}}],
        "ecommerce": {"transaction_id": None},
    }
    expected = plain(ga4.parse_row(row))
    if form == "bigquery":
        for name in ("items", "event_params"):
            row[name] = {"list": [{"element": entry} for entry in row[name]]}
    if form == "bytes":
        row["user_pseudo_id"] = row["user_pseudo_id"].encode()
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "ga4.parquet")
    assert parsed_by(ga4_files.read([tmp_path / "ga4.parquet"])) == counted(map(ParsedEvent, expected))


def test_all_rows_of_ga4_in_parquet_are_as_in_json(tmp_path: Path) -> None:
    """Rows without an item are counted by their names, and those with two ids join them."""
    rows = [
        {**GA4, "event_name": name, "user_id": user, "device": {"category": "mobile"}}
        for name in ("page_view", " view_item ", "scroll", "page_view", "", None)
        for user in (None, "ann", "")
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "ga4.parquet")
    (tmp_path / "ga4.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    in_parquet, in_json = (list(ga4_files.read([tmp_path / f"ga4.{form}"])) for form in ("parquet", "jsonl"))
    assert parsed_by(in_parquet) == parsed_by(in_json)
    assert ignored_by(in_parquet) == ignored_by(in_json) == {"event 'page_view'": 4, "event 'scroll'": 2}


def ignored_by(read: Iterable[Any]) -> Counter[str]:
    counts = Counter[str]()
    for record in read:
        if isinstance(record, IgnoredRow):
            counts[record.description] += record.count
    return counts


def snowplow_row(**fields: Any) -> str:
    values = [""] * snowplow.N_FIELDS
    numbers = snowplow.FIELD
    for name, value in {"event_id": "e1", "derived_tstamp": "2026-01-02 00:00:00.000", **fields}.items():
        values[numbers[name]] = value if isinstance(value, str) else json.dumps(value)
    return "\t".join(values)


def self_describing(name: str, data: Any) -> dict[str, Any]:
    return {"schema": f"iglu:com.example/{name}/jsonschema/1-0-0", "data": data}


def ecommerce(kind: str, *entities: dict[str, Any], **fields: Any) -> str:
    action = self_describing("unstruct_event", self_describing("snowplow_ecommerce_action", {"type": kind}))
    contexts = self_describing("contexts", list(entities))
    return snowplow_row(event="unstruct", unstruct_event=action, contexts=contexts, **fields)


def test_snowplow(shop: Store, tmp_path: Path) -> None:
    products = [self_describing("product", {"id": item, "price": 2.5, "position": 3}) for item in "ab"]
    order = self_describing("transaction", {"transaction_id": "T1"})
    rows = [
        ecommerce("product_view", products[0], domain_userid="d1"),
        ecommerce("transaction", *products, order, domain_userid="d1", user_id="ann"),
        ecommerce("transaction", *products, order, user_id="ann", event_id="e9"),
        ecommerce("remove_from_cart", products[1], user_id="ann", event_id="e2"),
        ecommerce("checkout_step", user_id="ann"),
        snowplow_row(event="page_view", user_id="ann"),
        snowplow_row(event="transaction_item", ti_sku="c", ti_orderid="T2", ti_price="9.5", user_id="bob"),
        snowplow_row(event="unstruct", unstruct_event="{broken", user_id="ann"),
        ecommerce("product_view", products[0]),
        "a\tb",
    ]
    (tmp_path / "enriched.tsv").write_text("\n".join(rows) + "\n")
    summary = import_layout(shop, "snowplow", [tmp_path / "enriched.tsv"])
    read = shop.log.read().to_pylist()
    assert sorted((row["user_id"], row["item_id"], row["action"]) for row in read) == [
        ("ann", "a", "purchase"),
        ("ann", "a", "view"),
        ("ann", "b", "purchase"),
        ("ann", "b", "remove"),
        ("bob", "c", "purchase"),
    ]
    assert {row["value"] for row in read} == {2.5, 9.5} and {row["at"] for row in read} == {AT}
    assert summary.events.ignored == {"unstruct event": 1, "page_view event": 1}
    assert summary.events.rejected == {
        "unstruct_event is not self-describing JSON": 1,
        "no user_id and no domain_userid": 1,
        "2 fields, expected 131": 1,
    }
    live = plain(parse_message(rows[1].encode(), MessageLayout.SNOWPLOW))
    assert live[0] == Alias("d1", "ann") and len(live) == 3


def test_a_file_of_another_kind_is_not_snowplow(shop: Store, tmp_path: Path) -> None:
    (tmp_path / "other.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(InputError, match="131 tab-separated fields"):
        import_layout(shop, "snowplow", [tmp_path / "other.tsv"])


def test_no_usable_event_is_an_error_that_says_why(shop: Store, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps({"type": "page", "userId": "ann"}) + "\n" + json.dumps(TRACK) + "\n")
    with pytest.raises(InputError, match=r"none of the 2 events can be used: .*no event name \(1\)"):
        import_layout(shop, "segment", [path])


def test_imported_aliases_join_histories_and_conflicts_are_listed(shop: Store, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    view = {"event": "Product Viewed", "properties": {"product_id": "a"}, "timestamp": "2026-01-02"}
    calls = [
        {"type": "track", "anonymousId": "x", **view},
        {"type": "identify", "anonymousId": "x", "userId": "ann"},
        {"type": "identify", "anonymousId": "x", "userId": "bob"},
    ]
    path.write_text("".join(json.dumps(call) + "\n" for call in calls))
    summary = import_layout(shop, "segment", [path])
    assert shop.log.read()["user_id"].to_pylist() == ["ann"]
    assert (summary.aliases.accepted, summary.aliases.rejected.total()) == (1, 1)
    assert import_layout(shop, "segment", [path]).aliases.new == 0


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=5))
def test_ids_derived_together_are_those_derived_one_by_one(times: list[datetime]) -> None:
    events = [Event("ann", "é", Action.VIEW, at) for at in times]
    schema = pa.schema([field.with_nullable(True) for field in EVENT_SCHEMA])
    rows = pa.Table.from_pylist([event.as_row() | {"event_id": None} for event in events], schema=schema)
    assert with_event_ids(rows)["event_id"].to_pylist() == [event.event_id for event in events]


VALUES = st.sampled_from(
    [
        "a",
        " b ",
        "",
        None,
        0,
        5,
        7.0,
        -1,
        "é",
        True,
        [],
        {},
        "2026-01-02T00:00:00Z",
        "1e3",
        2**40,
        "1.299",
        "12,5",
    ]
)
PRODUCT = st.dictionaries(
    st.sampled_from(["product_id", "product_id", "sku", "price", "currency", "position", "list_id", "query"]),
    VALUES,
)
CALLS = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "track", "track", "page", None])},
    optional={
        "event": st.sampled_from(
            [
                "Product Viewed",
                "product clicked",
                "Product Saved",
                "Order Completed",
                "Products Searched",
                "",
                "x",
            ]
        ),
        **dict.fromkeys(("userId", "anonymousId", "messageId"), VALUES),
        "timestamp": st.one_of(st.just("2026-01-02T00:00:00.25Z"), st.just("2026-13-02T00:00:00Z"), VALUES),
        "properties": st.one_of(
            VALUES,
            st.fixed_dictionaries(
                {"product_id": VALUES},
                optional={
                    **dict.fromkeys(("price", "currency", "position", "list_id", "sku", "order_id"), VALUES),
                    "products": st.one_of(VALUES, st.lists(PRODUCT, max_size=3)),
                    "board": VALUES,
                },
            ),
        ),
    },
)


@given(st.lists(CALLS, max_size=6), st.booleans(), st.dictionaries(st.sampled_from(segment.TIMES), VALUES))
def test_calls_in_columns_are_those_read_one_by_one(
    tmp_path_factory: pytest.TempPathFactory,
    calls: list[dict[str, Any]],
    is_batch: bool,
    shared: dict[str, Any],
) -> None:
    path = tmp_path_factory.mktemp("calls") / "events.jsonl"
    lines = [{**shared, "batch": calls}, {"type": "page"}] if is_batch else [*calls, {"type": "page"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    calls = [shared | call for call in calls] if is_batch else calls
    expected = counted(parsed for call in calls for parsed in segment.parse_call(call))
    read = list(segment_files.read([path]))
    assert parsed_by(read) == expected
    if is_batch:
        assert {str(location).partition(":")[2] for location in locations_of(read)} <= {"1"}


def locations_of(read: Iterable[Any]) -> list[str]:
    batches = [list(each.locations) for each in read if isinstance(each, EventBatch)]
    single = [each.location for each in read if isinstance(each, RejectedRow | AliasDraft)]
    return [*single, *(location for batch in batches for location in batch)]


def counted(parsed: Iterable[Any]) -> Counter[Any]:
    """Events and reasons by their number; an alias counts once."""
    counts = Counter(parsed)
    return Counter({each: 1 if isinstance(each, Alias) else n for each, n in counts.items()})


def parsed_by(read: Iterable[Any]) -> Counter[Any]:
    """The events, aliases and reasons of records, however they were read."""
    records = Counter[Any]()
    for record in read:
        if isinstance(record, EventBatch):
            for index, row in enumerate(with_event_ids(record.rows).to_pylist()):
                records[ParsedEvent(Event.from_row(row), record.repairs.get(index, ()))] += 1
        elif isinstance(record, EventDraft):
            records[ParsedEvent(record.event, record.repairs)] += 1
        elif isinstance(record, AliasDraft):
            records[record.alias] = 1
        elif isinstance(record, RejectedRow):
            records[record.reason] += 1
    return records


GA4_VALUES = st.sampled_from(
    ["a", " b ", "(not set)", "", None, 5, 7.0, -1, "é", True, [], "1e3", 2**40, 1767312000000000]
)
GA4_ITEM = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["item_id", "item_id", "price", "index", "item_list_index", "item_list_name"]),
        GA4_VALUES,
    ),
)
GA4_ROWS = st.fixed_dictionaries(
    {"event_name": st.sampled_from(["view_item", "add_to_cart", "purchase", "page_view", ""])},
    optional={
        "user_pseudo_id": st.one_of(st.just("d"), GA4_VALUES),
        "user_id": st.one_of(st.none(), GA4_VALUES),
        "event_timestamp": st.one_of(st.just(1767312000000000), st.just("1767312000000001"), GA4_VALUES),
        "items": st.one_of(GA4_VALUES, st.lists(GA4_ITEM, max_size=3)),
        "event_params": st.lists(
            st.fixed_dictionaries(
                {
                    "key": st.sampled_from(["ga_session_id", "currency", "transaction_id", "page"]),
                    "value": st.dictionaries(st.sampled_from(["string_value", "int_value", "x"]), GA4_VALUES),
                }
            ),
            max_size=3,
        ),
        "ecommerce": st.one_of(GA4_VALUES, st.fixed_dictionaries({"transaction_id": GA4_VALUES})),
    },
)


@settings(max_examples=100)
@given(st.lists(GA4_ROWS, max_size=6))
def test_rows_of_ga4_in_columns_are_those_read_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "events.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"event_name": "page_view"}]))
    expected = counted(parsed for row in rows for parsed in ga4.parse_row(row))
    assert parsed_by(ga4_files.read([path])) == expected


ENTITY = st.builds(
    self_describing,
    st.sampled_from(["product", "productFieldObject", "transaction", "web_page"]),
    st.one_of(
        VALUES,
        st.dictionaries(
            st.sampled_from(["id", "id", "sku", "price", "currency", "position", "list", "transaction_id"]),
            VALUES,
        ),
    ),
)
ACTION = st.builds(
    self_describing,
    st.sampled_from(["snowplow_ecommerce_action", "action", "add_to_cart", "link_click"]),
    st.one_of(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["product_view", "transaction", "x"])}, optional={"name": VALUES}
        ),
        st.dictionaries(st.sampled_from(["type", "action", "sku", "unitPrice"]), VALUES),
        VALUES,
    ),
)
TEXT = st.sampled_from(["", "a", " b ", "é"])
SNOWPLOW_ROWS = st.builds(
    snowplow_row,
    event=st.sampled_from(["unstruct", "unstruct", "page_view", "transaction_item", ""]),
    event_id=TEXT,
    user_id=TEXT,
    domain_userid=TEXT,
    network_userid=TEXT,
    ti_sku=TEXT,
    derived_tstamp=st.sampled_from(["2026-01-02 00:00:00.000", "2026-01-02 00:00:00.123456", "", "soon"]),
    unstruct_event=st.one_of(st.just(""), st.just("{"), ACTION.map(lambda data: self_describing("u", data))),
    contexts=st.one_of(
        st.just(""),
        VALUES.map(json.dumps),
        st.lists(ENTITY, max_size=3).map(lambda data: self_describing("c", data)),
    ),
)


@settings(max_examples=100)
@given(st.lists(SNOWPLOW_ROWS, max_size=6))
def test_rows_of_snowplow_in_columns_are_those_read_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "enriched.tsv"
    path.write_text("".join(row + "\n" for row in rows))
    expected = counted(parsed for row in rows for parsed in snowplow.parse_row(row.split("\t")))
    assert parsed_by(snowplow_files.read([path])) == expected


@pytest.mark.parametrize("price", ["1.299", "on request", -5])
def test_a_price_that_cannot_be_read_is_listed(shop: Store, tmp_path: Path, price: Any) -> None:
    """The event counts all the same, whoever wrote it."""
    product = {"id": "a", "product_id": "a", "item_id": "a", "price": price}
    track = {**TRACK, "event": "Product Viewed", "properties": product, "messageId": "m1"}
    row = {**GA4, "event_name": "view_item", "items": [product]}
    lines = {
        "segment": json.dumps(track),
        "ga4": json.dumps(row),
        "snowplow": ecommerce("product_view", self_describing("product", product), user_id="ann"),
    }
    for layout, line in lines.items():
        path = tmp_path / layout
        path.write_text(line + "\n")
        summary = import_layout(shop, layout, [path])
        assert (summary.events.accepted, summary.events.repaired.total()) == (1, 1)
        assert summary.rejected_file is not None
        (listed,) = map(json.loads, summary.rejected_file.read_text().splitlines())
        assert listed["reason"].startswith("kept, without its price") and listed["where"] == f"{layout}:1"
        assert str(price) in listed["row"]


PAYLOAD = {
    "client_id": "7.8",
    "user_id": "ann",
    "timestamp_micros": str(int(AT.timestamp() * 1e6)),
    "events": [
        {"name": "page_view", "params": {"page_title": "Home"}},
        {
            "name": "purchase",
            "params": {
                "currency": "EUR",
                "transaction_id": "T1",
                "session_id": "77",
                "item_list_name": "Home",
                "items": [
                    {"item_id": "a", "price": 9.5, "index": 2},
                    {"item_id": "b", "item_list_name": "Sale"},
                ],
            },
        },
    ],
}


def test_ga4s_measurement_protocol(shop: Store, tmp_path: Path) -> None:
    """What servers send themselves, as a file and live; only a live payload may leave its time out."""
    alias, *_, event, of_sale = plain(parse_decoded(PAYLOAD, MessageLayout.GA4))
    assert alias == Alias("7.8", "ann")
    expected = ("ann", "a", Action.PURCHASE, AT, "purchase/T1/a", 9.5, "77", "Home", 2)
    assert isinstance(event, Event) and isinstance(of_sale, Event) and of_sale.surface == "Sale"
    fields = ("user_id", "item_id", "action", "at", "event_id", "value", "session", "surface", "position")
    assert tuple(getattr(event, name) for name in fields) == expected
    untimed = {name: value for name, value in PAYLOAD.items() if name != "timestamp_micros"}
    (*_, received) = plain(parse_decoded({**untimed, "user_id": None}, MessageLayout.GA4))
    assert isinstance(received, Event) and received.at >= AT and received.user_id == "7.8"
    path = tmp_path / "payloads.jsonl"
    odd = {**PAYLOAD, "events": [7, {"name": "view_item", "params": {"items": [{"price": 1}]}}]}
    path.write_text("".join(json.dumps(line) + "\n" for line in (PAYLOAD, untimed, odd)))
    assert recognise([path]) is FileLayout.GA4
    summary = import_layout(shop, "ga4", [path])
    assert (summary.events.accepted, summary.aliases.accepted) == (2, 1)
    assert summary.events.rejected == Counter(
        {"no timestamp_micros that can be read": 1, "an event is not a JSON object": 1, "no item_id": 1}
    )


@pytest.mark.parametrize("form", ["by schema", "self-describing", "as text"])
def test_snowplows_events_in_json_are_as_in_rows(tmp_path: Path, form: str) -> None:
    product = {"id": "a", "price": 9.5, "currency": "EUR", "position": 3}
    action = {"type": "list_click", "name": "Home"}
    row = ecommerce("list_click", self_describing("product", product), user_id="ann").split("\t")
    texts = {name: row[index] for name, index in snowplow.FIELD.items()}
    unstruct = {"data": self_describing("snowplow_ecommerce_action", action)}
    contexts = {"data": [self_describing("product", product)]}
    event: dict[str, Any] = {**texts, "event": "unstruct", "collector_tstamp": "2026-01-02T00:00:00.000Z"}
    if form == "by schema":
        vendor = "com_snowplowanalytics_snowplow_ecommerce"
        event |= {"unstruct_event": None, "contexts": None}
        event[f"unstruct_event_{vendor}_snowplow_ecommerce_action_1"] = action
        event[f"contexts_{vendor}_product_1"] = [product]
    else:
        encode = json.dumps if form == "as text" else dict
        event |= {"unstruct_event": encode(unstruct), "contexts": encode(contexts)}
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(event) + "\n" + json.dumps({"x": 1}) + "\n")
    expected = counted(snowplow.parse_row(fields_of_event(event)))
    (parsed,) = plain(snowplow.parse_row(fields_of_event(event)))
    assert isinstance(parsed, Event) and (parsed.item_id, parsed.action) == ("a", Action.CLICK)
    assert (parsed.value, parsed.surface, parsed.position) == (9.5, "Home", 3)
    assert plain(parse_message(json.dumps(event).encode(), MessageLayout.SNOWPLOW)) == [parsed]
    assert recognise([path]) is FileLayout.SNOWPLOW
    rejected = Counter({NO_EVENT: 1})
    assert parsed_by(snowplow_files.read([path])) == expected + rejected

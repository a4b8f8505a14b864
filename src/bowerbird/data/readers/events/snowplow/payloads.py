"""Snowplow's tracker payloads, as browsers post them, read as the fields of the enriched row.

https://docs.snowplow.io/docs/fundamentals/canonical-event/ names the parameters. They come as the list of a
self-describing `payload_data`, or one an object.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from bowerbird.data.readers.events.snowplow.parsing import FIELD, N_FIELDS
from bowerbird.data.readers.fields import parse_text

EVENTS = {
    "ue": "unstruct",
    "pv": "page_view",
    "pp": "page_ping",
    "se": "struct",
    "tr": "transaction",
    "ti": "transaction_item",
}
"""Names of enriched events by those of payloads."""
PARAMETERS = {
    "eid": "event_id",
    "uid": "user_id",
    "duid": "domain_userid",
    "nuid": "network_userid",
    "dtm": "derived_tstamp",
    "ttm": "true_tstamp",
    "sid": "domain_sessionid",
    "ti_id": "ti_orderid",
    "ti_sk": "ti_sku",
    "ti_pr": "ti_price",
    "ue_pr": "unstruct_event",
    "co": "contexts",
}
ENCODED = {"ue_px": "unstruct_event", "cx": "contexts"}
"""Parameters in Base64, for addresses."""


def is_payload(record: dict[str, Any]) -> bool:
    """Whether an object is a payload, or holds some."""
    return "payload_data" in parse_text(record.get("schema")) or ("e" in record and "tv" in record)


def events_of_payload(record: dict[str, Any]) -> Iterator[list[str] | str]:
    """The fields of each event of a payload in the order of the enriched row, or why it has none."""
    data = record.get("data") if "schema" in record else [record]
    for payload in data if isinstance(data, list) else [data]:
        if isinstance(payload, dict):
            yield _fields_of(payload)
        else:
            yield "a payload is not a JSON object"


def _fields_of(payload: dict[str, Any]) -> list[str]:
    fields = [""] * N_FIELDS
    for parameter, name in PARAMETERS.items():
        fields[FIELD[name]] = parse_text(payload.get(parameter))
    for parameter, name in ENCODED.items():
        if text := parse_text(payload.get(parameter)):
            fields[FIELD[name]] = _decoded(text)
    event = parse_text(payload.get("e"))
    fields[FIELD["event"]] = EVENTS.get(event, event)
    return fields


def _decoded(text: str) -> str:
    """Base64 of JSON, with or without its padding; what is none stays, and is rejected as no JSON."""
    try:
        return base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "===").decode()
    except (binascii.Error, ValueError):
        return text

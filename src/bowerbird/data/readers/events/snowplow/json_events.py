"""Snowplow's enriched events as JSON objects, read as the fields of the tab-separated row.

Loaders and the analytics SDKs write them: with `contexts` and `unstruct_event` as self-describing JSON, or
with one key for each schema, `contexts_com_acme_product_1` and `unstruct_event_com_acme_action_1`.
https://docs.snowplow.io/docs/destinations/analytics-sdk/ describes the keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bowerbird.data.readers.events.snowplow.parsing import FIELD, N_FIELDS
from bowerbird.data.readers.events.snowplow.typed_rows import ACTIONS_OF, CARTS, ORDERS, PRODUCTS
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.values.actions import snake_case

IDENTIFYING = frozenset({"collector_tstamp", "domain_userid", "etl_tstamp", "v_collector"})
"""Fields that an enriched event has, and no other layout."""
NO_EVENT = "neither event and collector_tstamp (an enriched event) nor e and tv (a tracker's payload)"
_VERSION = re.compile(r"_\d+$")
_SCHEMAS = sorted((*ACTIONS_OF, *CARTS, *PRODUCTS, *ORDERS), key=len, reverse=True)
"""Names of the schemas that say something of items; longer ones may end with shorter ones."""


def is_event(record: dict[str, Any]) -> bool:
    """Whether an object is an enriched event."""
    return "event" in record and bool(record.keys() & IDENTIFYING)


def fields_of_event(event: dict[str, Any]) -> list[str]:
    """The fields of an enriched event in the order of the tab-separated row, as far as they are read."""
    fields = [""] * N_FIELDS
    for name, index in FIELD.items():
        fields[index] = parse_text(event.get(name))
    for name, entities in (("unstruct_event", _described(event)), ("contexts", _entities(event))):
        if value := event.get(name) or entities:
            fields[FIELD[name]] = value if isinstance(value, str) else json.dumps(value)
    return fields


def _described(event: dict[str, Any]) -> dict[str, Any] | None:
    """The self-describing event of a key that names its schema."""
    described = [each for value, each in _by_schema(event, "unstruct_event_") if isinstance(value, dict)]
    return {"data": described[0]} if described else None


def _entities(event: dict[str, Any]) -> dict[str, Any] | None:
    """The context entities of the keys that name their schemas."""
    entities = [
        {**described, "data": entity}
        for values, described in _by_schema(event, "contexts_")
        for entity in (values if isinstance(values, list) else [values])
    ]
    return {"data": entities} if entities else None


def _by_schema(event: dict[str, Any], prefix: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Values of the keys that begin so, each with itself as self-describing JSON."""
    for key, value in event.items():
        if key.startswith(prefix) and value:
            path = _VERSION.sub("", key.removeprefix(prefix))
            name = next((each for each in _SCHEMAS if f"_{path}".endswith(f"_{snake_case(each)}")), path)
            yield value, {"schema": f"iglu:{path}/{name}/jsonschema", "data": value}

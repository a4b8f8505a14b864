"""Which layout files have, by their content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.readers.catalogues.google_feed import normalise_name
from bowerbird.data.readers.catalogues.localised_names import woocommerce_name
from bowerbird.data.readers.catalogues.own_items import ITEM_FIELDS
from bowerbird.data.readers.datasets.hm import HM_ARTICLES, HM_SALES
from bowerbird.data.readers.datasets.movielens import FILM_FIELDS, FILM_FILES, RATING_FIELDS, RATING_FILES
from bowerbird.data.readers.events.segment_rows import is_warehouse_row
from bowerbird.data.readers.events.snowplow.json_events import is_event
from bowerbird.data.readers.events.snowplow.parsing import MIN_FIELDS
from bowerbird.data.readers.events.snowplow.payloads import is_payload
from bowerbird.data.readers.inputs.forms import Form
from bowerbird.data.readers.inputs.paths import data_files
from bowerbird.data.readers.layouts import FileLayout
from bowerbird.data.readers.recognition.samples import Sample, read_sample
from bowerbird.errors import InputError

_HM_FILES = (("items.parquet", "articles.csv"), ("transactions.parquet", "transactions_train.csv"))
_CALL_TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias", "merge"})
_OWN_FIELDS = frozenset(
    {"attributes", "additional_images", "list_price", "sale_starts", "sale_ends", "rating_count"}
)
"""Fields that items of no other layout have under these names."""
_OPENAI_FIELDS = frozenset({"is_eligible_search", "is_eligible_checkout", "enable_search", "enable_checkout"})
_WAREHOUSE_IDS = frozenset({"anonymous_id", "user_id"})
_WAREHOUSE_NAMES = frozenset({"event_text", "original_timestamp", "context_library_name"})
"""Columns of tables that Segment and RudderStack write into warehouses."""
_META_FIELDS = ("image[", "fb_product_category", "quantity_to_sell_on_facebook")
"""How names begin that only Meta has, in tables with any separator."""
_FEED_FIELDS = frozenset({"image_link", "availability", "product_category"})
"""Fields of feeds of the first generation, whose ids are called `id`."""


def recognise(paths: Sequence[Path]) -> FileLayout | None:
    """The layout of files or folders; None for tables that need a column map, and for nothing known.

    Raises `InputError` where a file can't be read, and where the files have several layouts.
    """
    layouts = {layout for path in paths for layout in _layouts_of(path)}
    if len(layouts) > 1:
        names = ", ".join(sorted(str(layout or "none known") for layout in layouts))
        raise InputError(f"these files have several layouts ({names}): import them one layout at a time")
    return next(iter(layouts), None)


def _layouts_of(path: Path) -> set[FileLayout | None]:
    if path.is_file():
        return {layout_of(read_sample(path))}
    if (layout := _dataset_in(path)) is not None:
        return {layout}
    return {layout_of(read_sample(file)) for file in data_files([path])}


def _dataset_in(folder: Path) -> FileLayout | None:
    """The public dataset whose files a folder holds."""
    names = {file.name for file in folder.iterdir()}
    if "rooms.parquet" in names and "items.parquet" in names:
        return FileLayout.IKEA_ROOMS
    if all(names.intersection(alternatives) for alternatives in _HM_FILES):
        return FileLayout.HM
    if names.intersection(FILM_FILES) and names.intersection(RATING_FILES):
        return FileLayout.MOVIELENS
    if any(name.endswith((".inter", ".item")) for name in names):
        return FileLayout.RECBOLE
    return None


def _json_layout(sample: Sample) -> FileLayout:
    """The layout of JSON. Raises `InputError` for objects of none: column maps are for tables."""
    layout = _layout_of_object(sample.record or {})
    if layout is None:
        fields = ", ".join(map(str, sample.record or ()))
        if not fields:
            raise InputError(
                f"{sample.path} begins as JSON and holds no whole object: was it cut short? Expected are one "
                "object a line, or an array of objects"
            )
        raise InputError(
            f"{sample.path} is JSON of no known layout: its first object has {fields}. Save it as a table "
            "(CSV, Parquet) and give a column map, or rename the fields: items need item_id and title"
        )
    return layout


def layout_of(sample: Sample) -> FileLayout | None:
    """The layout of one file."""
    if sample.form is Form.XML:
        return FileLayout.GOOGLE_FEED
    if sample.form is Form.JSON:
        return _json_layout(sample)
    columns = {name.lower().removeprefix("g:") for name in sample.columns}
    if "event_name" in columns and columns & {"user_pseudo_id", "event_timestamp"}:
        return FileLayout.GA4
    if columns >= {"item_id", "title"} and columns & (_OPENAI_FIELDS | {"image_url"}):
        return FileLayout.OPENAI_FEED
    return _layout_of_text(sample, columns) if sample.form is Form.TEXT else _layout_of_parquet(columns)


def _layout_of_parquet(columns: set[str]) -> FileLayout | None:
    return FileLayout.PARQUET if columns >= {"user_id", "item_id", "action", "at"} else None


def _layout_of_text(sample: Sample, columns: set[str]) -> FileLayout | None:
    if sample.separator == "\t" and len(sample.columns) >= MIN_FIELDS:
        return FileLayout.SNOWPLOW
    if any(name.endswith((":token", ":float", ":token_seq")) for name in columns):
        return FileLayout.RECBOLE
    if columns & {"handle", "url handle"} and columns & {"title", "vendor"}:
        return FileLayout.SHOPIFY
    if {"ID", "Type", "SKU", "Name"} <= {woocommerce_name(name) for name in sample.columns}:
        return FileLayout.WOOCOMMERCE
    if {"id", "title"} <= columns:
        is_of_meta = sample.separator != "\t" or any(name.startswith(_META_FIELDS) for name in columns)
        return FileLayout.META_CATALOGUE if is_of_meta else FileLayout.GOOGLE_FEED
    english = {normalise_name(name) for name in columns}
    if {"id", "title"} <= english and english & {"link", "image_link"}:
        return FileLayout.GOOGLE_FEED  # with names in another language
    if columns & _WAREHOUSE_IDS and columns & _WAREHOUSE_NAMES:
        return FileLayout.SEGMENT
    if columns >= {"user_id", "parent_asin", "rating"}:
        return FileLayout.AMAZON_REVIEWS
    if set(sample.columns) >= set(RATING_FIELDS) or set(sample.columns) >= set(FILM_FIELDS):
        return FileLayout.MOVIELENS
    if columns >= HM_SALES or columns >= HM_ARTICLES:
        return FileLayout.HM
    if set(EVENT_SCHEMA.names[:4]) | {"at"} <= columns:
        return FileLayout.PARQUET
    return None


def _layout_of_object(record: dict[str, Any]) -> FileLayout | None:
    calls = record.get("batch")
    if isinstance(calls, list) and calls and isinstance(calls[0], dict):
        return _layout_of_object(calls[0])
    if "event_name" in record and record.keys() & {"user_pseudo_id", "event_timestamp"}:
        return FileLayout.GA4
    if isinstance(record.get("events"), list) and record.keys() & {"client_id", "app_instance_id"}:
        return FileLayout.GA4
    if is_event(record) or is_payload(record):
        return FileLayout.SNOWPLOW
    if is_warehouse_row(record):
        return FileLayout.RUDDERSTACK if "channel" in record else FileLayout.SEGMENT
    if record.get("type") in _CALL_TYPES and record.keys() & {"userId", "anonymousId", "messageId", "event"}:
        is_rudderstack = record.keys() & {"rudderId", "request_ip", "mergeProperties"}
        return FileLayout.RUDDERSTACK if is_rudderstack else FileLayout.SEGMENT
    if record.keys() & {"@type", "@context", "@graph"}:
        return FileLayout.SCHEMA_ORG
    if "parent_asin" in record:
        return FileLayout.AMAZON_REVIEWS
    if "item_id" in record and record.keys() <= ITEM_FIELDS and not isinstance(record.get("price"), str):
        return FileLayout.JSONL
    if "item_id" in record and record.keys() & _OWN_FIELDS:
        return FileLayout.JSONL
    if str(record.get("id")).startswith("gid://shopify/"):
        return FileLayout.SHOPIFY
    if isinstance(record.get("variants"), list):
        return FileLayout.SHOPIFY if record.keys() & {"handle", "body_html"} else FileLayout.OPENAI_FEED
    is_feed = record.keys() >= {"id", "title"} and record.keys() & _FEED_FIELDS
    if is_feed or record.keys() & _OPENAI_FIELDS or record.keys() >= {"item_id", "title"}:
        return FileLayout.OPENAI_FEED
    return None

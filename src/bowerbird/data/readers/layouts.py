"""The layouts that files and live messages may have. To add one: a module beside this one, a member, a case.

Readers are imported when they are opened, so that the command line can list the layouts quickly.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bowerbird.data.readers.records import Records


class FileLayout(StrEnum):
    """Layout of imported files."""

    GOOGLE_FEED = "google-feed"
    META_CATALOGUE = "meta-catalogue"
    """Meta's and Pinterest's catalogue files."""
    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"
    SCHEMA_ORG = "schema-org"
    OPENAI_FEED = "openai-feed"
    JSONL = "jsonl"
    """Items as `bowerbird items export --layout jsonl` writes them."""
    SEGMENT = "segment"
    RUDDERSTACK = "rudderstack"
    GA4 = "ga4"
    SNOWPLOW = "snowplow"
    PARQUET = "parquet"
    """Parquet or CSV with a column map."""
    HM = "hm"
    MOVIELENS = "movielens"
    RECBOLE = "recbole"
    AMAZON_REVIEWS = "amazon-reviews"
    IKEA_ROOMS = "ikea-rooms"


class MessageLayout(StrEnum):
    """Format of a live message."""

    SEGMENT = "segment"
    RUDDERSTACK = "rudderstack"
    GA4 = "ga4"
    SNOWPLOW = "snowplow"
    NATIVE = "native"


class EventLayout(StrEnum):
    """Layout of exported events."""

    SEGMENT = "segment"
    PARQUET = "parquet"


class ItemLayout(StrEnum):
    """Layout of exported items."""

    GOOGLE_FEED = "google-feed"
    """Tab-separated."""
    OPENAI_FEED = "openai-feed"
    """JSON lines, one a variant."""
    JSONL = "jsonl"
    """JSON lines with every field of an item under bowerbird's names."""


OF_FOLDERS = (
    FileLayout.HM,
    FileLayout.MOVIELENS,
    FileLayout.RECBOLE,
    FileLayout.IKEA_ROOMS,
    FileLayout.PARQUET,
)
"""Layouts whose folders have files of several kinds; those of others are all alike."""


def read_files(layout: FileLayout, paths: Sequence[Path], column_map: Path | None = None) -> Records:
    """Read files of a layout. Raises `InputError` for files that are not of that layout."""
    from bowerbird.data.readers import mapped
    from bowerbird.data.readers.catalogues import (
        google_feed,
        meta_catalogue,
        openai_feed,
        own_items,
        schema_org,
        woocommerce,
    )
    from bowerbird.data.readers.catalogues.shopify import files as shopify_files
    from bowerbird.data.readers.datasets import amazon_reviews, hm, ikea_rooms, movielens, recbole
    from bowerbird.data.readers.events import segment_files
    from bowerbird.data.readers.events.ga4 import files as ga4_files
    from bowerbird.data.readers.events.snowplow import files as snowplow_files
    from bowerbird.data.readers.inputs.paths import data_files

    if layout not in OF_FOLDERS:
        paths = data_files(paths)
    match layout:
        case FileLayout.GOOGLE_FEED:
            return google_feed.read(paths)
        case FileLayout.META_CATALOGUE:
            return meta_catalogue.read(paths)
        case FileLayout.SHOPIFY:
            return shopify_files.read(paths)
        case FileLayout.WOOCOMMERCE:
            return woocommerce.read(paths)
        case FileLayout.SCHEMA_ORG:
            return schema_org.read(paths)
        case FileLayout.OPENAI_FEED:
            return openai_feed.read(paths)
        case FileLayout.JSONL:
            return own_items.read(paths)
        case FileLayout.AMAZON_REVIEWS:
            return amazon_reviews.read(paths)
        case FileLayout.SEGMENT | FileLayout.RUDDERSTACK:
            return segment_files.read(paths)
        case FileLayout.GA4:
            return ga4_files.read(paths)
        case FileLayout.SNOWPLOW:
            return snowplow_files.read(paths)
        case FileLayout.HM:
            return hm.read(paths)
        case FileLayout.MOVIELENS:
            return movielens.read(paths)
        case FileLayout.RECBOLE:
            return recbole.read(paths)
        case FileLayout.IKEA_ROOMS:
            return ikea_rooms.read(paths)
        case FileLayout.PARQUET:
            if column_map is None:
                return mapped.read_exported(paths)
            return mapped.read(paths, column_map)

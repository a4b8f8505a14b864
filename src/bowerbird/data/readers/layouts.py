"""The layouts that files and live messages may have. To add one: a module beside this one, a member, a case.

Readers are imported when they are opened, so that the command line can list the layouts quickly.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.data.readers.records import Records


class FileLayout(StrEnum):
    """Layout of imported files."""

    GOOGLE_FEED = "google-feed"
    SEGMENT = "segment"
    RUDDERSTACK = "rudderstack"
    GA4 = "ga4"
    SNOWPLOW = "snowplow"
    PARQUET = "parquet"
    """Parquet or CSV with a column map."""
    HM = "hm"
    MOVIELENS = "movielens"
    RECBOLE = "recbole"
    IKEA_ROOMS = "ikea-rooms"


class MessageLayout(StrEnum):
    """Format of a live message."""

    SEGMENT = "segment"
    RUDDERSTACK = "rudderstack"
    GA4 = "ga4"
    SNOWPLOW = "snowplow"
    NATIVE = "native"


def read_files(layout: FileLayout, paths: Sequence[Path], column_map: Path | None = None) -> Records:
    """Read files of a layout. Raises `InputError` for files that are not of that layout."""
    from bowerbird.data.readers import mapped
    from bowerbird.data.readers.catalogues import google_feed
    from bowerbird.data.readers.datasets import hm, ikea_rooms, movielens, recbole
    from bowerbird.data.readers.events import ga4, segment, snowplow

    match layout:
        case FileLayout.GOOGLE_FEED:
            return google_feed.read(paths)
        case FileLayout.SEGMENT | FileLayout.RUDDERSTACK:
            return segment.read(paths)
        case FileLayout.GA4:
            return ga4.read(paths)
        case FileLayout.SNOWPLOW:
            return snowplow.read(paths)
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
                raise InputError("layout parquet needs --columns MAP.toml, which says what your columns mean")
            return mapped.read(paths, column_map)

"""Files of Shopify's products."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bowerbird.data.readers.catalogues.shopify.json_products import read_json
from bowerbird.data.readers.catalogues.shopify.table import read_table
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.records import Records


def read(paths: Sequence[Path]) -> Records:
    """Read the variants of exported files."""
    for path in paths:
        yield from read_json(path) if form_of(path) is Form.JSON else read_table(path)

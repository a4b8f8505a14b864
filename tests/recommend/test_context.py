"""What the context of candidate sources says of items, in memory and on disk."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.embed.index.rows import VectorRows, normalize_rows
from bowerbird.recommend.context import ItemContext


@pytest.mark.parametrize("has_modalities", [False, True])
def test_modalities_on_disk_count_as_those_in_memory(has_modalities: bool) -> None:
    rng = np.random.default_rng(0)
    catalogue = Catalogue.of(Item(f"i{k}") for k in range(50))
    tables = [normalize_rows(rng.normal(size=(50, 8)) * (rng.random((50, 1)) < 0.6)) for _ in range(4)]
    vectors, others = tables[0], tables[1:] if has_modalities else ()
    dense = ItemContext(catalogue, vectors, tuple(others))
    on_disk = ItemContext(catalogue, VectorRows(vectors), tuple(VectorRows(table) for table in others))
    positions = rng.permutation(50)[:20]
    slow = [sum(bool(table[k].any()) for table in others or (vectors,) * 3) for k in positions]
    assert len(set(slow)) > 1
    assert dense.modality_counts(positions).tolist() == slow
    assert on_disk.modality_counts(positions).tolist() == slow

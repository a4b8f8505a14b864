"""Pictures read on demand, against the pictures that were published."""

from pathlib import Path

import pytest

from bowerbird.data import pictures
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store


def items(count: int) -> list[Item]:
    """Every third without a picture."""
    return [Item(f"i{k}", f"item {k}", image=None if k % 3 == 0 else b"%d" % k * 50) for k in range(count)]


@pytest.mark.parametrize("most_held", [2**30, 1])
def test_each_item_gets_its_own_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_held: int
) -> None:
    monkeypatch.setattr(pictures, "MOST_HELD", most_held)
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(Catalogue.of(items(2500)))  # three groups of rows
    catalogue = store.catalogue()
    for position in (0, 1, 1023, 1024, 2499, 5, 2048):
        assert catalogue.image(position) == items(2500)[position].image
    assert catalogue._pictures is not None
    assert len(catalogue._pictures._held) == (3 if most_held > 1 else 1)
    with pytest.raises(IndexError):
        catalogue.image(2500)


def test_pictures_outlive_their_version(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(Catalogue.of(items(10)))
    before = store.catalogue()
    for count in (11, 12, 13):
        store.publish_catalogue(Catalogue.of(items(count)))
    assert before.image(1) == items(2)[1].image
    assert before.table.equals(Catalogue.of(items(10)).table)


def test_a_large_catalogue_reads_the_same_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalogue.of(items(20))
    listed = [catalogue.item(k) for k in range(20)]
    monkeypatch.setattr("bowerbird.data.items.LISTED", 5)
    assert [catalogue.item(k) for k in range(20)] == listed

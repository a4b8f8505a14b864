"""Words for several types: only where they are those types and nothing else."""

from bowerbird.data.items import Catalogue, Item
from bowerbird.text.departments import collect_departments
from bowerbird.text.vocabulary import Vocabulary


def _catalogue(rows: list[tuple[str, ...]]) -> Catalogue:
    return Catalogue.of([Item(f"i{n}", f"Thing {n}", category=category) for n, category in enumerate(rows)])


def _departments(catalogue: Catalogue) -> dict[str, frozenset[str]]:
    return collect_departments(catalogue, Vocabulary.of(catalogue).positions["type"])


def test_a_level_of_the_category_is_its_types() -> None:
    catalogue = _catalogue([("Furniture", "Sofa"), ("Furniture", "Chair"), *[("Fashion", "Hat")] * 3])
    assert _departments(catalogue) == {"Furniture": {"Sofa", "Chair"}}
    meanings = Vocabulary.of(catalogue).phrases[("furniture",)]
    assert meanings[0].facet == "type" and meanings[0].values == {"Sofa", "Chair"}


def test_a_level_that_shares_its_types_is_none() -> None:
    shared = [("Ladies", "Shirt"), ("Ladies", "Dress"), *[("Men", "Shirt")] * 4]
    assert "Ladies" not in _departments(_catalogue(shared))


def test_what_holds_most_of_the_catalogue_says_too_little() -> None:
    assert _departments(_catalogue([("Film", "Drama"), ("Film", "Crime")])) == {}

"""The language of a catalogue."""

from __future__ import annotations

import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.text.languages import (
    LANGUAGE_NAMES,
    STOP_WORDS,
    detect_catalogue_language,
    detect_language,
)

ITEMS = {
    "en": [("Table lamp", "A warm light for the reading corner, with a shade of linen."), ("Vase", "")],
    "es": [("Lámpara de mesa", "Luz cálida para el rincón de lectura, con una pantalla de lino.")],
    "de": [("Tischlampe", "Warmes Licht für die Leseecke, mit einem Schirm aus Leinen.")],
    "fr": [("Lampe de table", "Une lumière chaude pour le coin lecture, avec un abat-jour en lin.")],
    "it": [("Lampada da tavolo", "Una luce calda per l'angolo lettura, con un paralume di lino.")],
    "other": [("Настольная лампа", "Тёплый свет для чтения"), ("Vase", "")],
}


@pytest.mark.parametrize("language", LANGUAGE_NAMES)
def test_a_catalogue_s_language_is_recognised(language: str) -> None:
    items = [Item(str(k), title, text) for k, (title, text) in enumerate(ITEMS[language])]
    assert detect_catalogue_language(Catalogue.of(items)) == language


def test_foreign_names_among_english_titles_change_nothing() -> None:
    titles = [f"Strap top {k}" for k in range(40)] + ["La Dolce Vita dress", "Eau de parfum"]
    assert detect_language(titles) in (None, "en")
    english = ["The long way home: a story of two brothers and the sea"] * 5
    assert detect_language([*english, "La vita è bella", "Le fabuleux destin d'Amélie Poulain"]) == "en"


def test_nothing_to_read() -> None:
    assert detect_language([]) is None
    assert detect_language(["", "12 — 5"]) is None
    assert detect_catalogue_language(Catalogue.of([])) is None


def test_most_stop_words_belong_to_one_language() -> None:
    for language, words in STOP_WORDS.items():
        shared = set.union(*(set(others) for code, others in STOP_WORDS.items() if code != language))
        assert len(words & shared) < len(words) / 2

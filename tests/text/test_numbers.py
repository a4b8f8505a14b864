"""Numbers in words, and thousands with spaces, in five languages; articles and ordinals stay words."""

import pytest

from bowerbird.text.numbers import digits_for_words


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "twenty to thirty, a hundred and twenty, twelve, thirteen", "20 to 30, 120, 12, 13"),
        ("es", "por mil quinientos euros, cuarenta y cinco, doscientas", "por 1500 euros, 45, 200"),
        ("de", "für fünfundvierzig, tausendfünfhundert, zweihundert", "für 45, 1500, 200"),
        ("fr", "quatre-vingt-dix, mille deux cents, vingt et un", "90, 1200, 21"),
        ("it", "quarantacinque, milleduecento, cento", "45, 1200, 100"),
    ],
)
def test_numbers_of_ten_and_more_become_digits(language: str, text: str, expected: str) -> None:
    assert digits_for_words(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "compare the first two, and the second one in a blue"),
        ("es", "una mesa y dos sillas, la segunda"),
        ("de", "eine lampe, die zweite, die ersten beiden"),
        ("fr", "une table neuve, le premier et le deuxième"),
        ("it", "un divano, i primi due, il terzo"),
    ],
)
def test_articles_and_ordinals_stay_words(language: str, text: str) -> None:
    assert digits_for_words(text, language) == text


@pytest.mark.parametrize("written", ["1 200", "1'200", "12 345 678"])
def test_thousands_may_be_spaced(written: str) -> None:
    digits = "".join(filter(str.isdigit, written))
    assert digits_for_words(f"up to {written} euros") == f"up to {digits} euros"


@pytest.mark.parametrize("text", ["2 chairs and 40 cm", "20 or 30", "size 38 40", "1 20"])
def test_separate_numbers_stay_separate(text: str) -> None:
    assert digits_for_words(text) == text

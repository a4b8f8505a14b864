"""Colours by their names: lighter and darker, more and less colourful, as people see them."""

import pytest

from bowerbird.text.colours import is_plain, look_of


@pytest.mark.parametrize(
    "darker_to_lighter",
    [
        ("Black", "Dark Grey", "Grey", "Light Grey", "White"),
        ("Navy", "Blue", "Sky blue"),
        ("Dark Blue", "Blue", "Light Blue"),
        ("Burgundy", "Dusty pink", "Off White"),
        ("dark brown", "brown", "camel", "beige"),
    ],
)
def test_names_are_ordered_by_lightness(darker_to_lighter: tuple[str, ...]) -> None:
    looks = [look_of(name) for name in darker_to_lighter]
    lightness = [look.lightness for look in looks if look]
    assert len(lightness) == len(looks) and lightness == sorted(lightness)
    assert len(set(lightness)) == len(lightness)


@pytest.mark.parametrize(
    ("colourful", "muted"),
    [("red", "brown"), ("orange", "beige"), ("teal", "grey"), ("bright blue", "dusty blue")],
)
def test_names_differ_in_colourfulness(colourful: str, muted: str) -> None:
    first, second = look_of(colourful), look_of(muted)
    assert first and second and first.colourfulness > second.colourfulness


@pytest.mark.parametrize("name", ["Transparent", "", "multi", "12", "assorted"])
def test_what_is_no_colour_has_no_look(name: str) -> None:
    assert look_of(name) is None


def test_patterns_that_are_none() -> None:
    assert all(map(is_plain, ("Solid", "plain", "Denim"))) and not is_plain("Stripe")

"""Items named in texts: with a year, bare, mistyped, and words that only look like titles."""

import pytest

from bowerbird.conversations.linking import ItemLinker, find_everyday_words

TITLES = [
    "Matrix, The (1999)",
    "Heat (1995)",
    "Up (2009)",
    "Jumanji (1995)",
    "Jumanji: Welcome to the Jungle (2017)",
    "Seven (a.k.a. Se7en) (1995)",
    "Adam (2009)",
    "Star Wars: Episode IV - A New Hope (1977)",
    "Star Wars: The Last Jedi (2017)",
    "Amélie (2001)",
    "Fast & Furious (2009)",
    "One I Love, The (2014)",
    "Wolf of Wall Street, The (2013)",
]
EVERYDAY = find_everyday_words(["i look up to the one i love and heat soup for seven hours"] * 5)


@pytest.fixture(scope="module")
def linker() -> ItemLinker:
    return ItemLinker(TITLES, everyday_words=EVERYDAY)


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("Have you seen The Matrix (1999)?", ["Matrix, The (1999)"]),
        ("Matrix, The (1999)", ["Matrix, The (1999)"]),
        ("the matrix 1999 was fun", ["Matrix, The (1999)"]),
        ("the matrix is great", ["Matrix, The (1999)"]),
        ("The Matrix (2000) and Heat (1995)", ["Matrix, The (1999)", "Heat (1995)"]),
        ("The Martix (1999)", ["Matrix, The (1999)"]),
        ("the new Jumanji (2017) or Jumanji (1995)", [TITLES[4], TITLES[3]]),
        ("Se7en (1995)", [TITLES[5]]),
        ("Star Wars (1977)", [TITLES[7]]),
        ("Star Wars: Episode VIII – The Last Jedi (2017)", [TITLES[8]]),
        ("amelie", [TITLES[9]]),
        ("Fast and Furious", [TITLES[10]]),
        ("I saw Heat yesterday", [TITLES[1]]),
        ('Try "Up"', [TITLES[2]]),
        ("The Wolf of Wall Street (1929)", []),
        ("heat up the soup, look up", []),
        ("Heat waves are up", []),
        ("I love Adam Sandler", []),
        ("that is the one i love", []),
        ("", []),
        ("(1999) 1999 ()", []),
    ],
)
def test_titles_in_text(linker: ItemLinker, text: str, titles: list[str]) -> None:
    links = linker.link(text)
    assert [TITLES[link.item] for link in links] == titles
    assert all(0 <= link.start < link.end <= len(text) for link in links)


def test_the_most_popular_namesake_is_meant() -> None:
    import numpy as np

    titles = ["Carrie (1976)", "Carrie (2013)"]
    for popularity, expected in (([5, 1], 0), ([1, 5], 1)):
        linker = ItemLinker(titles, np.array(popularity, np.float32))
        assert [link.item for link in linker.link("I watched Carrie")] == [expected]
        assert [link.item for link in linker.link("I watched Carrie (2013)")] == [1]


def test_a_long_message_takes_no_longer_than_its_beginning(linker: ItemLinker) -> None:
    assert [TITLES[link.item] for link in linker.link("Jumanji " + "x (1999) " * 20_000)] == [TITLES[3]]

"""Requests that end in an item, made from a store alone: in one sentence, or in a short conversation.

A person with a history asks for what they took next, by one to three of its facts. So a request has one
answer that someone really chose, and every other item with the same facts is right as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.graft.base import Base
from bowerbird.graft.lessons.facts import Facts
from bowerbird.graft.lessons.sequences import NEXT_ITEMS, Liked, Window
from bowerbird.graft.prompt import Piece, Prompt, chat_prompt

OPENINGS = ("I'm looking for {}.", "Show me {}.", "Do you have {}?", "{}", "I want {}, please.")
REMEMBERED = 8
"""Items of the history that stand in front of a request."""


@dataclass(frozen=True)
class Request:
    """What was asked, after which items of a person's, and what answers it: (NEXT_ITEMS,) positions or -1."""

    prompt: Prompt
    before: Window
    targets: np.ndarray
    outcomes: np.ndarray

    @property
    def wanted(self) -> np.ndarray:
        """What answers it and was not there before, (n,) positions."""
        wanted: np.ndarray = np.setdiff1d(self.targets[self.targets >= 0], self.before.items)
        return wanted


def requests_of(
    base: Base, facts: Facts, sequences: Sequence[Liked], rng: np.random.Generator, n: int
) -> list[Request]:
    """`n` requests of random people; fewer where few of the items that people like have facts."""
    usable = [sequence for sequence in sequences if len(sequence)]
    made: list[Request] = []
    for _ in range(2 * n if usable else 0):
        if len(made) == n:
            break
        sequence = usable[int(rng.integers(len(usable)))]
        cut = int(rng.integers(len(sequence)))
        target = int(sequence.items[cut])
        known = sorted(facts.of[target].items())
        if known:
            before = Liked(sequence.items[:cut], sequence.outcomes[:cut]).last(REMEMBERED)
            some = rng.permutation(len(known))[: int(rng.integers(1, 4))]
            made.append(_request(base, facts, before, sequence, cut, [known[i] for i in some], rng))
    return made


def _request(
    base: Base,
    facts: Facts,
    before: Liked,
    sequence: Liked,
    cut: int,
    wanted: list[tuple[str, str]],
    rng: np.random.Generator,
) -> Request:
    fitting = facts.items_with[wanted[0]]
    for fact in wanted[1:]:
        fitting = np.intersect1d(fitting, facts.items_with[fact])
    others = rng.permutation(fitting[fitting != sequence.items[cut]])[: NEXT_ITEMS - 1]
    targets = np.full(NEXT_ITEMS, -1, np.int64)
    targets[: 1 + len(others)] = [sequence.items[cut], *others]
    outcomes = np.full(NEXT_ITEMS, sequence.outcomes[cut])
    window = Window(before.items, before.outcomes, np.array([len(before)]))
    opening = OPENINGS[int(rng.integers(len(OPENINGS)))]
    return Request(request_prompt(base, before.items, worded(wanted, opening)), window, targets, outcomes)


def worded(wanted: Sequence[tuple[str, str]], opening: str) -> list[str]:
    """What a person says, turn by turn: the first fact opens, each further one answers a question.

    >>> worded([("type", "lamp"), ("colour", "red")], "Show me {}.")
    ['Show me lamp.', 'What colour?', 'red']
    """
    said = [opening.format(_phrase(*wanted[0]))]
    for name, value in wanted[1:]:
        said += [f"What {name}?", value]
    return said


def _phrase(name: str, value: str) -> str:
    return f"something with a {value} price" if name == "price band" else value


def request_prompt(base: Base, before: Sequence[int] | np.ndarray, said: Sequence[str]) -> list[Piece]:
    """A conversation after a person's items; `said` alternates between the person and the assistant."""
    items: list[Piece] = [int(item) for item in before]
    first: list[Piece] = ["I like: ", *items, "\n", said[0]] if items else [said[0]]
    turns = [("user", first)] + [
        ("assistant" if number % 2 else "user", [text]) for number, text in enumerate(said[1:], 1)
    ]
    return chat_prompt(base, "", turns)

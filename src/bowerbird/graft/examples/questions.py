"""What training asks, made from a store alone: no outside model writes a word of it.

Name and describe an item; say its type, colour, style, price band or whatever the catalogue has facts of;
which of several items a text describes; what a person of this taste, an interest, a collection is about; what
a picture shows. Each kind of vector has questions of its own, so the connector learns to tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from bowerbird.graft.base import Base
from bowerbird.graft.connector import TokenKind
from bowerbird.graft.examples.facts import CatalogueFacts
from bowerbird.graft.prompt import PromptSegment, SoftItem, chat_prompt

SHOWN = 4
"""Items among which the described one is to be found."""
MEMBERS = 12
"""Items at most whose mean stands for an interest."""


class TaskType(StrEnum):
    """Kinds of question, each with its share of the lessons."""

    DESCRIBE = "describe"
    FACT = "fact"
    MATCH = "match"
    TASTE = "taste"
    INTEREST = "interest"
    COLLECTION = "collection"
    PICTURE = "picture"


SHARE = {
    TaskType.DESCRIBE: 0.6,
    TaskType.FACT: 0.2,
    TaskType.MATCH: 0.1,
    TaskType.TASTE: 0.025,
    TaskType.INTEREST: 0.025,
    TaskType.COLLECTION: 0.025,
    TaskType.PICTURE: 0.025,
}


@dataclass(frozen=True)
class Question:
    """A prompt, and the one right answer as it follows the prompt (leading space included)."""

    prompt: Sequence[PromptSegment]
    answer: str
    sort: TaskType


def describe(item: PromptSegment) -> list[PromptSegment]:
    """The prompt after which the model describes an item from its vector alone."""
    return ["Product: ", item, "\nDescription:"]


@dataclass(frozen=True)
class TrainingData:
    """What questions are made from; (items, dim) `matrix`, `pictures` the same from the pictures alone."""

    matrix: np.ndarray
    captions: dict[int, str]
    facts: CatalogueFacts
    people: Sequence[np.ndarray] = ()
    """Positions of what each person liked."""
    collections: Sequence[tuple[str, np.ndarray]] = ()
    """Names, and positions of their items."""
    pictures: np.ndarray | None = None

    def only(self, captions: dict[int, str]) -> TrainingData:
        """Questions about these items alone."""
        return replace(self, captions=captions)


class QuestionSampler:
    """Draws questions about a store's items."""

    def __init__(
        self, material: TrainingData, base: Base, sorts: Sequence[TaskType] = tuple(TaskType)
    ) -> None:
        """`sorts` that the material allows are asked."""
        self.material, self.base = material, base
        self.items = np.array(list(material.captions))
        self.sorts = [sort for sort in sorts if self._possible(sort)]
        share = np.array([SHARE[sort] for sort in self.sorts])
        self.share = share / share.sum()

    def _possible(self, sort: TaskType) -> bool:
        m = self.material
        return {
            TaskType.FACT: bool(m.facts.items_with),
            TaskType.MATCH: len(self.items) >= SHOWN,
            TaskType.TASTE: len(m.people) > 0 and bool(m.facts.items_with),
            TaskType.INTEREST: bool(m.facts.items_with),
            TaskType.COLLECTION: len(m.collections) > 0,
            TaskType.PICTURE: m.pictures is not None,
        }.get(sort, True)

    def draw(self, rng: np.random.Generator, n: int) -> list[Question]:
        """`n` questions about different items where there are so many, of one sort each batch: alike in
        length, they need little padding."""
        sort = self.sorts[int(rng.choice(len(self.sorts), p=self.share))]
        about = rng.choice(self.items, size=min(n, len(self.items)), replace=False).tolist()
        in_chat = bool(rng.random() < 0.25)
        return [self.about(int(item), sort, rng, in_chat) for item in about]

    def about(self, item: int, sort: TaskType, rng: np.random.Generator, in_chat: bool = False) -> Question:
        """A question of a sort about an item, or, where it has no answer, the item's description."""
        made = {
            TaskType.FACT: self._fact,
            TaskType.MATCH: self._match,
            TaskType.TASTE: self._taste,
            TaskType.INTEREST: self._interest,
            TaskType.COLLECTION: self._collection,
            TaskType.PICTURE: self._picture,
        }.get(sort, self._describe)(item, rng)
        if made is None:
            made = self._describe(item, rng)
        if made.sort is TaskType.DESCRIBE and in_chat:
            asked = chat_prompt(self.base, "Describe products.", [("user", [item])])
            return Question(asked, made.answer.lstrip(), TaskType.DESCRIBE)
        return made

    def _describe(self, item: int, _: np.random.Generator) -> Question:
        return Question(describe(item), " " + self.material.captions[item], TaskType.DESCRIBE)

    def _fact(self, item: int, rng: np.random.Generator) -> Question | None:
        facts = self.material.facts.of[item]
        if not facts:
            return None
        name = sorted(facts)[int(rng.integers(len(facts)))]
        return fact_question(item, name, facts[name])

    def _match(self, item: int, rng: np.random.Generator) -> Question:
        others = rng.choice(self.items, size=SHOWN, replace=False)
        shown = [int(other) for other in others if other != item][: SHOWN - 1]
        place = int(rng.integers(SHOWN))
        shown.insert(place, item)
        pieces: list[PromptSegment] = []
        for number, one in enumerate(shown, 1):
            pieces += [f"{number}: ", one, "\n"]
        text = self.material.captions[item]
        return Question([*pieces, f"Which is {text}?\nNumber:"], f" {place + 1}", TaskType.MATCH)

    def _taste(self, _: int, rng: np.random.Generator) -> Question | None:
        liked = self.material.people[int(rng.integers(len(self.material.people)))]
        about = self.material.facts.shared(liked)
        vector = self._mean(liked)
        if vector is None or not about:
            return None
        asked: list[PromptSegment] = ["A person's taste: ", SoftItem(TokenKind.TASTE, vector), "\nLikes:"]
        return Question(asked, " " + ", ".join(about), TaskType.TASTE)

    def _interest(self, item: int, rng: np.random.Generator) -> Question | None:
        facts = sorted(f for f in self.material.facts.of[item].items() if f[0] != "price band")
        if not facts:
            return None
        fact = facts[int(rng.integers(len(facts)))]
        holders = self.material.facts.items_with[fact]
        vector = self._mean(rng.choice(holders, size=min(MEMBERS, len(holders)), replace=False))
        if vector is None:
            return None
        return Question(
            ["An interest: ", SoftItem(TokenKind.INTEREST, vector), "\nIn:"], f" {fact[1]}", TaskType.INTEREST
        )

    def _collection(self, _: int, rng: np.random.Generator) -> Question | None:
        name, members = self.material.collections[int(rng.integers(len(self.material.collections)))]
        vector = self._mean(members)
        if vector is None:
            return None
        said = name or ", ".join(self.material.facts.shared(members))
        asked: list[PromptSegment] = ["A collection: ", SoftItem(TokenKind.COLLECTION, vector), "\nOf:"]
        return Question(asked, " " + said, TaskType.COLLECTION) if said else None

    def _picture(self, item: int, _: np.random.Generator) -> Question | None:
        pictures = self.material.pictures
        if pictures is None or not pictures[item].any():
            return None
        asked: list[PromptSegment] = ["A picture: ", SoftItem(TokenKind.PICTURE, pictures[item]), "\nShows:"]
        return Question(asked, " " + self.material.captions[item], TaskType.PICTURE)

    def _mean(self, positions: np.ndarray) -> np.ndarray | None:
        mean: np.ndarray = self.material.matrix[positions].mean(0)
        length = float(np.linalg.norm(mean))
        return (mean / length).astype(np.float32) if length > 1e-6 else None


def fact_question(item: PromptSegment, name: str, value: str) -> Question:
    """`What is its colour?`, answered by one fact."""
    return Question(["Product: ", item, f"\n{name.capitalize()}:"], f" {value}", TaskType.FACT)

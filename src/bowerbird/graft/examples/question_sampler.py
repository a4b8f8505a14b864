"""Samples questions about a store's items, each with its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.graft.base import Base
from bowerbird.graft.connector import TokenKind
from bowerbird.graft.examples.facts import CatalogueFacts
from bowerbird.graft.examples.questions import Question, TaskType, description_prompt, fact_question
from bowerbird.graft.prompt import PromptSegment, SoftItem, build_chat_prompt

MATCH_CHOICES = 4
"""Items to choose the described one from."""
MAX_INTEREST_ITEMS = 12
"""Maximum items whose mean represents an interest."""

TASK_SHARE = {
    TaskType.DESCRIBE: 0.6,
    TaskType.FACT: 0.2,
    TaskType.MATCH: 0.1,
    TaskType.TASTE: 0.025,
    TaskType.INTEREST: 0.025,
    TaskType.COLLECTION: 0.025,
    TaskType.PICTURE: 0.025,
}


@dataclass(frozen=True)
class TrainingData:
    """The data that questions are made from: (items, dim) `matrix`, and `pictures`, the same from pictures
    alone."""

    matrix: FloatArray
    captions: dict[int, str]
    facts: CatalogueFacts
    user_likes: Sequence[IntArray] = ()
    """Positions of each user's liked items."""
    collections: Sequence[tuple[str, IntArray]] = ()
    """Collection names, with the positions of their items."""
    pictures: FloatArray | None = None

    def restrict_to(self, captions: dict[int, str]) -> TrainingData:
        """Return a copy that only asks about these items."""
        return replace(self, captions=captions)


class QuestionSampler:
    """Samples questions about a store's items."""

    def __init__(
        self, training_data: TrainingData, base: Base, tasks: Sequence[TaskType] = tuple(TaskType)
    ) -> None:
        """Uses those of `tasks` that the data allows."""
        self.training_data, self.base = training_data, base
        self.items = np.array(list(training_data.captions))
        self.tasks = [task for task in tasks if self._is_possible(task)]
        weights = np.array([TASK_SHARE[task] for task in self.tasks])
        self.task_probabilities = weights / weights.sum()

    def _is_possible(self, task: TaskType) -> bool:
        data = self.training_data
        return {
            TaskType.FACT: bool(data.facts.items_with),
            TaskType.MATCH: len(self.items) >= MATCH_CHOICES,
            TaskType.TASTE: len(data.user_likes) > 0 and bool(data.facts.items_with),
            TaskType.INTEREST: bool(data.facts.items_with),
            TaskType.COLLECTION: len(data.collections) > 0,
            TaskType.PICTURE: data.pictures is not None,
        }.get(task, True)

    def sample(self, rng: np.random.Generator, n: int) -> list[Question]:
        """Sample `n` questions of one task about distinct items (fewer if the catalogue is smaller).

        One task per batch: questions of similar length need little padding.
        """
        task = self.tasks[int(rng.choice(len(self.tasks), p=self.task_probabilities))]
        items = rng.choice(self.items, size=min(n, len(self.items)), replace=False).tolist()
        in_chat = bool(rng.random() < 0.25)
        return [self.ask(int(item), task, rng, in_chat) for item in items]

    def ask(self, item: int, task: TaskType, rng: np.random.Generator, in_chat: bool = False) -> Question:
        """A question of a task about an item; its description if the task has no answer for it."""
        question = {
            TaskType.FACT: self._fact,
            TaskType.MATCH: self._match,
            TaskType.TASTE: self._taste,
            TaskType.INTEREST: self._interest,
            TaskType.COLLECTION: self._collection,
            TaskType.PICTURE: self._picture,
        }.get(task, self._describe)(item, rng)
        if question is None:
            question = self._describe(item, rng)
        if question.task is TaskType.DESCRIBE and in_chat:
            prompt = build_chat_prompt(self.base, "Describe products.", [("user", [item])])
            return Question(prompt, question.answer.lstrip(), TaskType.DESCRIBE)
        return question

    def _describe(self, item: int, _: np.random.Generator) -> Question:
        return Question(description_prompt(item), " " + self.training_data.captions[item], TaskType.DESCRIBE)

    def _fact(self, item: int, rng: np.random.Generator) -> Question | None:
        facts = self.training_data.facts.by_item[item]
        if not facts:
            return None
        name = sorted(facts)[int(rng.integers(len(facts)))]
        return fact_question(item, name, facts[name])

    def _match(self, item: int, rng: np.random.Generator) -> Question:
        candidates = rng.choice(self.items, size=MATCH_CHOICES, replace=False)
        choices = [int(candidate) for candidate in candidates if candidate != item][: MATCH_CHOICES - 1]
        correct = int(rng.integers(MATCH_CHOICES))
        choices.insert(correct, item)
        segments: list[PromptSegment] = []
        for number, choice in enumerate(choices, 1):
            segments += [f"{number}: ", choice, "\n"]
        text = self.training_data.captions[item]
        return Question([*segments, f"Which is {text}?\nNumber:"], f" {correct + 1}", TaskType.MATCH)

    def _taste(self, _: int, rng: np.random.Generator) -> Question | None:
        likes = self.training_data.user_likes[int(rng.integers(len(self.training_data.user_likes)))]
        values = self.training_data.facts.common_values(likes)
        vector = self._unit_mean(likes)
        if vector is None or not values:
            return None
        prompt: list[PromptSegment] = ["A person's taste: ", SoftItem(TokenKind.TASTE, vector), "\nLikes:"]
        return Question(prompt, " " + ", ".join(values), TaskType.TASTE)

    def _interest(self, item: int, rng: np.random.Generator) -> Question | None:
        facts = sorted(f for f in self.training_data.facts.by_item[item].items() if f[0] != "price band")
        if not facts:
            return None
        fact = facts[int(rng.integers(len(facts)))]
        positions = self.training_data.facts.items_with[fact]
        vector = self._unit_mean(
            rng.choice(positions, size=min(MAX_INTEREST_ITEMS, len(positions)), replace=False)
        )
        if vector is None:
            return None
        return Question(
            ["An interest: ", SoftItem(TokenKind.INTEREST, vector), "\nIn:"], f" {fact[1]}", TaskType.INTEREST
        )

    def _collection(self, _: int, rng: np.random.Generator) -> Question | None:
        name, members = self.training_data.collections[int(rng.integers(len(self.training_data.collections)))]
        vector = self._unit_mean(members)
        if vector is None:
            return None
        answer = name or ", ".join(self.training_data.facts.common_values(members))
        prompt: list[PromptSegment] = ["A collection: ", SoftItem(TokenKind.COLLECTION, vector), "\nOf:"]
        return Question(prompt, " " + answer, TaskType.COLLECTION) if answer else None

    def _picture(self, item: int, _: np.random.Generator) -> Question | None:
        pictures = self.training_data.pictures
        if pictures is None or not pictures[item].any():
            return None
        prompt: list[PromptSegment] = ["A picture: ", SoftItem(TokenKind.PICTURE, pictures[item]), "\nShows:"]
        return Question(prompt, " " + self.training_data.captions[item], TaskType.PICTURE)

    def _unit_mean(self, positions: IntArray) -> FloatArray | None:
        mean: FloatArray = self.training_data.matrix[positions].mean(0)
        length = float(np.linalg.norm(mean))
        return (mean / length).astype(np.float32) if length > 1e-6 else None

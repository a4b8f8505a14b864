"""Training questions made from a store alone, without any external model.

Tasks: describe an item; name its type, colour, style, price band or any other fact in the catalogue; pick the
item that a text describes; summarise a user's taste, an interest or a collection; describe a picture. Each
token kind has tasks of its own, so the connector learns to distinguish them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bowerbird.graft.prompt import PromptSegment


class TaskType(StrEnum):
    """Types of training question."""

    DESCRIBE = "describe"
    FACT = "fact"
    MATCH = "match"
    TASTE = "taste"
    INTEREST = "interest"
    COLLECTION = "collection"
    PICTURE = "picture"


@dataclass(frozen=True)
class Question:
    """A prompt and its one correct answer, as it follows the prompt (leading space included)."""

    prompt: Sequence[PromptSegment]
    answer: str
    task: TaskType


def description_prompt(item: PromptSegment) -> list[PromptSegment]:
    """The prompt for describing an item from its vector alone."""
    return ["Product: ", item, "\nDescription:"]


def fact_question(item: PromptSegment, name: str, value: str) -> Question:
    """`What is its colour?`, answered by one fact."""
    return Question(["Product: ", item, f"\n{name.capitalize()}:"], f" {value}", TaskType.FACT)

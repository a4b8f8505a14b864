"""What a message does: the act is decided before anything is retrieved, and only `FIND` lists products.

Rules over plain English; other languages are brought to it first (`languages`). Patterns are tried in order,
the most particular first, and each repeats a bounded number of times over a text that was cut before.

`ActRecognizer` is the contract, with three implementations: these rules, a learned classifier (`assist.acts`)
and a language model (`understand.model_acts`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.patterns.courtesies import AFFIRM, DENY, GOODBYE, GREETING, THANKS
from bowerbird.assist.understand.patterns.item_questions import PROPOSAL, QUESTION, WANTS
from bowerbird.assist.understand.patterns.rules import RULES
from bowerbird.assist.understand.patterns.shop import (
    NO_GOODS,
    POLICIES,
    POLICY,
    POLICY_QUESTION,
    POLICY_REQUEST,
)
from bowerbird.assist.understand.pointing import ItemReference

UNSURE = 0.3
"""About how often the rules are right where none spoke, on the wordings of `assist.acts`."""


@dataclass(frozen=True)
class Recognition:
    """An act, and what it is about: a policy, a question's attribute, the words of an exclusion."""

    act: Act
    topic: str = ""
    confidence: float = field(default=1.0, compare=False)
    """Probability that the act is right; of the rules 1, or `UNSURE` where none of them spoke."""
    english: str = field(default="", compare=False)
    """The message in plain English, where a language model had to read it."""
    language: str = field(default="", compare=False)
    """Its language, a code of `languages.names`, where a language model had to read it."""

    @property
    def is_sure(self) -> bool:
        """Whether a rule spoke for the act, rather than none for another."""
        return self.confidence > UNSURE


@dataclass(frozen=True)
class Message:
    """A message and what it is read in: all that an act may depend on."""

    text: str
    """Cleaned, in the user's language."""
    plain: str
    """Brought to English word by word."""
    reference: ItemReference = field(default_factory=ItemReference)
    n_on_screen: int = 0
    names_type: bool = False
    """Whether it names a type of item that the catalogue has."""
    names_value: bool = False
    """Whether it names a value of another facet: a colour, a material, a brand."""
    states_price: bool = False
    """Whether it states a price range, or compares prices."""
    names_recipient: bool = False
    """Whether it says whom the item is for."""
    has_question: bool = False
    """Whether the assistant asked something last."""
    is_foreign: bool = False
    """Whether it is in a language that the language files can't read."""

    @property
    def states_need(self) -> bool:
        """Whether it names what an item should be: then it is most likely a search."""
        return self.names_type or self.names_value or self.states_price or self.names_recipient


class ActRecognizer(Protocol):
    """Decides what a message does."""

    def recognise(self, message: Message) -> Recognition:
        """The act of a message that holds at least one letter or digit."""
        ...


def recognise(text: str, *, points: bool, points_by_rank: bool) -> Recognition:
    """The act of a cleaned English text.

    `points` says whether it refers to items on screen at all, `points_by_rank` whether by rank, title or id.

    >>> [recognise(text, points=False, points_by_rank=False).act.value
    ...  for text in ("hi, how are you?", "do you ship to spain?", "a lamp under 60", "stop showing me hats")]
    ['how_are_you', 'about_shop', 'find', 'exclude']
    """
    for act, pattern in ((Act.AFFIRM, AFFIRM), (Act.DENY, DENY)):
        if pattern.search(text):
            return Recognition(act)
    for act, pattern in ((Act.GREETING, GREETING), (Act.THANKS, THANKS), (Act.GOODBYE, GOODBYE)):
        if pattern.search(text):
            return Recognition(act)
    for act, topic, rule in RULES:
        match = rule.search(text)
        if match:
            return Recognition(act, match[topic].strip(" .,!?") if topic == "what" else topic)
    policy = POLICY.search(text)
    topic = POLICIES[int((policy.lastgroup or "p0")[1:])][0] if policy else ""
    wants_goods = WANTS.search(POLICY_REQUEST.sub("", text))
    if topic and POLICY_QUESTION.search(text) and (topic in NO_GOODS or not wants_goods):
        return Recognition(Act.ABOUT_SHOP, topic)
    wants_items = WANTS.search(text) or PROPOSAL.search(text)
    if points and QUESTION.search(text) and (points_by_rank or not wants_items):
        return Recognition(Act.ITEM_QUESTION, confidence=UNSURE)
    return Recognition(Act.FIND, confidence=UNSURE)

"""The contract of act recognition: a message in its context goes in, an act with its probability comes out.

Three implementations keep it: rules (`acts.recognise`), a learned classifier (`assist.acts`), and a language
model (`understand.model_acts`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from bowerbird.assist.understand.acts import Recognition
from bowerbird.assist.understand.pointing import ItemReference


@dataclass(frozen=True)
class Message:
    """A message and what it is read in: all that an act may depend on."""

    text: str
    """Cleaned, in the user's language."""
    plain: str
    """Brought to English word by word."""
    pointed: ItemReference = field(default_factory=ItemReference)
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

    @property
    def states_need(self) -> bool:
        """Whether it names what an item should be: then it is most likely a search."""
        return self.names_type or self.names_value or self.states_price or self.names_recipient


class ActRecognizer(Protocol):
    """Decides what a message does."""

    def recognise(self, message: Message) -> Recognition:
        """The act of a message that holds at least one letter or digit."""
        ...

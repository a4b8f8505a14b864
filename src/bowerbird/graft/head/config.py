"""Settings of the request head."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bowerbird.config import setting
from bowerbird.errors import InputError


class ItemInput(StrEnum):
    """How the items named in a conversation enter the language model; the last two are for comparison."""

    SOFT_TOKENS = "soft tokens"
    """Each as the connector's soft tokens, in place of its name."""
    TITLES = "titles"
    """By name, as text."""
    NONE = "none"
    """Not at all: the names are cut out."""


@dataclass(frozen=True)
class RequestHeadConfig:
    """How the request head reads conversations and how it is trained."""

    item_input: ItemInput = setting(ItemInput.SOFT_TOKENS, "How named items enter the language model")
    reads_taste: bool = setting(True, "Whether the user's taste enters as a soft token of its own")
    depth: int = setting(4, "Blocks of the language model that read the conversation; 0: all", "blocks")
    max_tokens: int = setting(256, "Longest context that is read, its end", "tokens")
    width: int = setting(128, "Width of the trained reader")
    heads: int = setting(4, "Attention heads of the trained reader")
    dropout: float = setting(0.3, "Dropout in the trained reader", "probability")
    epochs: int = setting(6, "Most passes over the training examples", "passes")
    patience: int = setting(2, "Passes without a better validation gain that end the training", "passes")
    batch: int = setting(128, "Examples per step")
    learning_rate: float = setting(2e-3, "Peak learning rate of AdamW")
    weight_decay: float = setting(0.05, "Weight decay of AdamW")
    seed: int = setting(0, "Random seed")

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise InputError(f"the width {self.width} must be a multiple of the heads {self.heads}")
        if self.max_tokens < 8 or self.batch < 1 or self.epochs < 0 or self.depth < 0:
            raise InputError(
                "max_tokens must be at least 8, batch at least 1, epochs and depth at least 0, not "
                f"{self.max_tokens}, {self.batch}, {self.epochs} and {self.depth}"
            )

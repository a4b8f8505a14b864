"""Settings of the recommender from conversations, and the record of a trained one."""

from __future__ import annotations

from dataclasses import dataclass, field

from bowerbird.config import setting
from bowerbird.conversations.generation.dialogues import GenerationConfig
from bowerbird.data.versions.meta import VersionMeta


@dataclass(frozen=True)
class NetworkConfig:
    """Settings of the context network."""

    width: int = setting(128, "Width of item, word and context vectors", "numbers")
    epochs: int = setting(5, "Passes over the examples", "epochs")
    batch: int = setting(256, "Examples per optimiser step", "examples")
    learning_rate: float = setting(2e-3, "Highest learning rate of the one-cycle schedule")
    dropout: float = setting(0.3, "Share of inputs dropped while training")
    weight_decay: float = setting(0.01, "Decoupled weight decay (AdamW)")
    seed: int = setting(0, "Random seed")


@dataclass(frozen=True)
class ConversationConfig:
    """Settings of the conversational recommender."""

    held_out: float = setting(0.1, "Share of the dialogues, by hash, that the fusion is fitted on")
    max_fusion_examples: int = setting(1500, "Most examples that the fusion is fitted on", "examples")
    network: NetworkConfig = field(default_factory=NetworkConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)


@dataclass(frozen=True, kw_only=True)
class DialogueRankerMeta(VersionMeta):
    """A conversational recommender."""

    KIND = "dialogue-ranker"

    config: ConversationConfig
    examples: int
    is_generated: bool = False
    """Whether the dialogues were generated from catalogue and events."""
    seconds: float
    recall: dict[str, float]
    """On the held-out dialogues, with sources that were not fitted on them; optimistic in the fusion's few
    weights, which were."""

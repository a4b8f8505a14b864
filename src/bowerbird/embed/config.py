"""Hyper-parameters of the item vectors, a frozen config per component; each version is saved with its own."""

from __future__ import annotations

from dataclasses import dataclass

from bowerbird.choices import HoldoutChoice, Modality, Precision
from bowerbird.config import setting
from bowerbird.errors import InputError


@dataclass(frozen=True)
class ModalityConfig:
    """Encoders of facts, text and picture, fitted on a catalogue (see `encode.modalities`)."""

    facts_width: int = setting(256, "Latent components of the words, at most", "dimensions")
    text_width: int = setting(128, "Principal components of the text features, at most", "dimensions")
    image_width: int = setting(128, "Principal components of the picture features, at most", "dimensions")
    text_whitening: float | None = setting(
        None,
        "1 gives every component the same variance, 0 leaves it unchanged; None: 1, for "
        "multilingual-e5-small 0.25",
    )
    image_whitening: float = setting(0.5, "How far the components of pictures are whitened")
    min_items_per_word: int = setting(3, "Items that must share a word before it is used", "items")
    max_words: int = setting(50_000, "Most frequent words that are used", "words")
    items_per_component: int = setting(
        4, "Items needed per component; with fewer its variance is noise", "items"
    )
    sample_size: int = setting(50_000, "Items that the components are fitted on", "items")


@dataclass(frozen=True)
class PairConfig:
    """Pairs of neighbours, sampled by short random walks over likes (see `train.neighbours`)."""

    max_distance: int = setting(10, "Distance of two neighbours in a sequence, at most", "likes")
    window_days: float = setting(90, "Time between two neighbours of a user, at most", "days")
    restart: float = setting(0.5, "Probability that a walk ends after a step")
    max_steps: int = setting(3, "Length of a walk, at most", "steps")
    hub_share: float = setting(0.2, "Share of all likes that belongs to the hubs, where walks end")
    max_pairs: int = setting(25_000, "Pairs of an epoch, at most", "pairs")
    max_starts_per_user: int = setting(
        200, "Expected likes of a user that start a walk in an epoch, at most", "likes"
    )


@dataclass(frozen=True)
class TowerConfig:
    """The network (see `train.tower`)."""

    hidden: int = setting(384, "Width of the hidden layer of each modality", "dimensions")
    ridge: float = setting(
        0.01, "Ridge of the prediction of one modality from the other", "share of the mean variance"
    )


@dataclass(frozen=True)
class ObjectiveConfig:
    """The losses and their optimisation (see `train.objective`)."""

    batch: int = setting(512, "Pairs of a batch", "pairs")
    content_batch: int = setting(256, "Items of a batch of the content losses", "items")
    learning_rate: float = setting(1e-3, "Step size of AdamW, and of SparseAdam for the items' offsets")
    weight_decay: float = setting(0.01, "Decay of the tower's weights")
    temperature: float = setting(0.07, "Temperature of the losses of neighbours, and of picture and text")
    content_temperature: float = setting(0.1, "Temperature of content neighbourhoods")
    same_item_weight: float = setting(0.3, "Weight of the loss of picture and text of the same item")
    content_weight: float = setting(1.0, "Weight of the loss of changed content neighbourhoods")
    modality_dropout: float = setting(
        0.15, "Share of a batch trained by pictures alone, and share trained by texts alone"
    )
    offset_dropout: float = setting(0.2, "Share of a batch trained without the items' own offsets, as if new")
    min_steps: int = setting(20, "Steps of an epoch; the pairs of a small store are repeated", "batches")


@dataclass(frozen=True)
class MatryoshkaConfig:
    """The rotation that makes the first dimensions useful alone (see `train.matryoshka`)."""

    prefix_fraction: int = setting(4, "The useful prefix has this fraction of the dimensions")
    items_per_step: int = setting(16, "Items per step, between the two limits of steps", "items")
    min_steps: int = setting(200, "Steps, at least", "batches")
    max_steps: int = setting(800, "Steps, at most", "batches")
    groups: int = setting(4, "Groups of items in a batch whose means are queries", "groups")
    group_size: int = setting(4, "Items of a group", "items")
    nearest: int = setting(16, "Candidates in a batch: the nearest items of each query", "items")
    random_items: int = setting(128, "Candidates in a batch: random items", "items")
    temperature: float = setting(0.1, "Temperature of the distilled similarities")
    learning_rate: float = setting(2e-3, "Highest step size of Adam")
    warm_up: int = setting(30, "Steps over which the step size rises", "batches")


@dataclass(frozen=True)
class ValidationConfig:
    """Users and items held out of training, which decide when to stop (see `train.validation`)."""

    user_share: float = setting(0.15, "Share of the users who are held out")
    max_users: int = setting(300, "Users who are held out, at most", "users")
    min_likes: int = setting(5, "Likes that such a user must have", "likes")
    cold_share: float = setting(0.1, "Share of the liked items that are in no training pair, as if new")
    target_share: float = setting(0.2, "Share of a user's likes, the last ones, that must be found")
    recent: int = setting(50, "Latest likes before those whose mean is the query", "likes")
    cross_modal_share: float = setting(0.05, "Share of the items whose picture and text must find each other")
    min_cross_modal: int = setting(20, "Such items, at least; with fewer there are none", "items")
    max_cross_modal: int = setting(1000, "Such items, at most", "items")


@dataclass(frozen=True)
class FinetuneConfig:
    """Settings of one fine-tuning of backbones (see `finetune`)."""

    layers: int = setting(1, "Top blocks that are trained, with the layers above them", "blocks")
    only: Modality | None = setting(None, "Fine-tune one modality's backbone only")
    seed: int = setting(0, "Seed of the batches")
    dim: int = setting(256, "Width of the vectors in validation", "dimensions")
    rounds: int = setting(10, "Rounds, at most; fewer if the validation score stops rising", "rounds")
    steps: int = setting(100, "Steps of a round, at most; fewer if all pairs were seen", "batches")
    min_steps: int = setting(20, "Steps of a round with few pairs", "batches")
    learning_rate: float = setting(5e-4, "Step size of AdamW")
    warm_up: int = setting(50, "Steps over which the step size rises", "batches")
    pairs: int = setting(48, "Pairs of neighbours of a batch", "pairs")
    content_items: int = setting(32, "Other items of a batch, for the content loss", "items")
    same_item_weight: float = setting(0.3, "Weight of the loss of picture and text of the same item")
    content_weight: float = setting(1.0, "Weight of the loss of changed content neighbourhoods")
    modality_dropout: float = setting(
        0.25, "Share of a batch trained by pictures alone, and share trained by words alone"
    )
    patience: int = setting(2, "Rounds without a better validation score before training stops", "rounds")
    min_gain: float = setting(
        1.01, "Factor by which fine-tuned backbones must beat the score of the frozen ones"
    )
    validated_items: int = setting(4000, "Items that are encoded for a validation, at least", "items")

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise InputError(f"{self.layers} trainable blocks train nothing, expected 1 or more")


@dataclass(frozen=True)
class EmbedConfig:
    """Settings of one training."""

    dim: int = setting(256, "Width of an item vector", "dimensions")
    epochs: int = setting(
        12, "Passes over the pairs, at most; fewer if the validation score stops rising", "epochs"
    )
    seed: int = setting(0, "Seed of the validation set, the initial weights and the batches")
    seeds: int = setting(1, "Trainings, with `seed` and the numbers after it; the first is published")
    holdout: HoldoutChoice = setting(
        HoldoutChoice.DEFAULT,
        "Users and the newest events, for `evaluate`, or nothing",
    )
    precision: Precision = setting(Precision.FLOAT16, "Stored vectors; int8 takes half the space")
    image_backbone: str = setting("efficientnet-lite0", "Encoder of pictures")
    text_backbone: str | None = setting(
        None, "Encoder of texts; None: minilm-l6 for English, multilingual-e5-small for other languages"
    )
    unfreeze: int = setting(0, "Top blocks of the backbones that are fine-tuned on the store first", "blocks")
    unfreeze_only: Modality | None = setting(None, "Fine-tune the backbone of one modality only")
    patience: int = setting(3, "Epochs without a better validation score before training stops", "epochs")
    learned_weights: tuple[float, ...] = setting(
        (0.15, 0.3, 0.5, 1.0), "Weights of what was learned that are validated after each epoch"
    )
    default_learned_weight: float = setting(0.3, "The weight if there are no validation users")
    modalities: ModalityConfig = ModalityConfig()
    pairs: PairConfig = PairConfig()
    tower: TowerConfig = TowerConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    matryoshka: MatryoshkaConfig = MatryoshkaConfig()
    validation: ValidationConfig = ValidationConfig()
    finetune: FinetuneConfig = FinetuneConfig()

    def __post_init__(self) -> None:
        if not 8 <= self.dim <= 1024:
            raise InputError(f"the width of a vector is {self.dim}, expected 8 to 1024")
        if self.seeds < 1:
            raise InputError(f"{self.seeds} seeds train nothing, expected 1 or more")
        if self.epochs < 0:
            raise InputError(f"the number of epochs is {self.epochs}, expected 0 or more")
        if self.unfreeze < 0:
            raise InputError(f"the number of blocks to unfreeze is {self.unfreeze}, expected 0 or more")


DEFAULTS = EmbedConfig()


@dataclass(frozen=True)
class UpdateConfig:
    """Settings of one update; None keeps the setting of the current version."""

    epochs: int = setting(3, "Passes over the new pairs and as many old ones", "epochs")
    dim: int | None = setting(None, "Width of an item vector; an update can't change it", "dimensions")
    holdout: HoldoutChoice | None = setting(None, "What is held out")
    precision: Precision | None = setting(None, "Number format of stored vectors")
    image_backbone: str | None = setting(None, "Encoder of pictures; an update can't change it")
    text_backbone: str | None = setting(None, "Encoder of texts; an update can't change it")
    anchor_weight: float = setting(10.0, "Weight of the pull towards the previous vectors")
    anchor_batch: int = setting(256, "Items of a batch that are pulled", "items")
    shares: tuple[float, ...] = setting(
        (0.5, 1.0), "Points between the old weights (0) and the new ones (1) that are validated"
    )


UPDATE_DEFAULTS, FINETUNE_DEFAULTS = UpdateConfig(), FinetuneConfig()

"""Trains the tower on a store's content and engagement, and publishes the items' vectors.

Three aims at once: neighbours (liked within a short while by one person, or in one collection) close
together; an item's picture and its text close together; and no neighbourhood moved without a reason. Each
pass is judged on people and items that no pair holds, with more and with less trust in what was learned, and
the best state is published: the untrained one, if nothing helped.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch

from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store, Version
from bowerbird.embed.adapted import Side
from bowerbird.embed.changes import contents_of, likes_key
from bowerbird.embed.features import ItemFeatures, item_features
from bowerbird.embed.losses import content_loss, neighbour_loss, same_item_loss
from bowerbird.embed.neighbours import Strings, baskets_of
from bowerbird.embed.precompute import LOCAL, Precompute
from bowerbird.embed.rows import int8_of, unit
from bowerbird.embed.sides import Sides, words_of
from bowerbird.embed.tower import Tower, Views
from bowerbird.embed.unfreezing import Shop, UnfreezeConfig, names_of, unfrozen_backbones
from bowerbird.embed.validation import Judge, Lots, Quality
from bowerbird.embed.version_files import VersionFiles
from bowerbird.errors import InputError
from bowerbird.progress import track

BATCH, CONTENT_BATCH = 512, 256
LEARNING_RATE = 1e-3
SAME_ITEM_WEIGHT, CONTENT_WEIGHT = 0.3, 1.0
HIDE_SIDE = 0.15
"""Share of the things in a batch of which only the picture, and of which only the text, is shown."""
HIDE_OFFSET = 0.2
"""Share of a batch that is trained as if it were new: without what only this item has learned."""
STEPS_AT_LEAST = 20
"""Steps of an epoch; a small store's likes are drawn from again until there were so many."""
PATIENCE = 3
TRUSTS = (0.15, 0.3, 0.5, 1.0)
"""Shares of what was learned that are tried: in full it pulls known items away from new ones."""
TRUST_UNJUDGED = 0.3


@dataclass(frozen=True)
class EmbedConfig:
    """Settings of one training."""

    dim: int = 256
    """Width of an item vector."""
    epochs: int = 12
    """Passes over the neighbour pairs at most; fewer where the judged quality stops rising."""
    seed: int = 0
    holdout: Literal["default", "none"] = "default"
    """`default` keeps people and the newest events away, for `evaluate`; `none` learns from everything."""
    precision: Literal["float16", "int8"] = "float16"
    """How vectors are kept: int8 takes half the room."""
    image_backbone: str = "efficientnet-lite0"
    text_backbone: str = "minilm-l6"
    unfreeze: int = 0
    """Top blocks of the backbones that are trained on the store first; 0 leaves them as they came."""
    unfreeze_only: Side | None = None

    def __post_init__(self) -> None:
        if not 8 <= self.dim <= 1024:
            raise InputError(f"the width of a vector is {self.dim}, expected 8 to 1024")
        if self.epochs < 0:
            raise InputError(f"{self.epochs} epochs make no training, expected 0 or more")
        if self.holdout not in ("default", "none"):
            raise InputError(f"the holdout is {self.holdout!r}, expected default or none")
        if self.unfreeze < 0:
            raise InputError(f"the top {self.unfreeze} blocks can't be unfrozen, expected 0 or more")
        if self.unfreeze_only not in (None, "image", "text"):
            raise InputError(f"the side to unfreeze is {self.unfreeze_only!r}, expected image or text")


def train_embedding(
    store: Store, config: EmbedConfig = EmbedConfig(), precompute: Precompute = LOCAL
) -> Version:
    """Train on the store and publish a version of `vectors`; its `meta` says from what and how well.

    Raises `StoreError` where the store has no items or is being written, `BackboneError` where a backbone
    can't be had.
    """
    started = time.monotonic()
    with store.lock("embed"):
        catalogue = store.catalogue()
        features = item_features(store, catalogue, config.image_backbone, config.text_backbone, precompute)
        encoded = time.monotonic()
        events = Interactions.of(store.log.read(), catalogue)
        holdout = Holdout.default(events) if config.holdout == "default" else Holdout(None, 0.0)
        strings = Strings.of(holdout.training(events), baskets_of(store.collections(), catalogue, holdout))
        said = [words_of(item) for item in catalogue.items()]
        lots = Lots.of(events.users, catalogue.ids, config.seed)
        adapted = None
        if config.unfreeze:
            shop = Shop(catalogue, said, features, strings, lots)
            asked = UnfreezeConfig(config.unfreeze, config.unfreeze_only, config.seed, config.dim)
            adapted = unfrozen_backbones(store, shop, asked)
            features = item_features(store, catalogue, *names_of(adapted, features.backbones), precompute)
        sides = Sides.of(said, features)
        shown = sides.shown(features.image)
        told = sides.told(said, features.text)
        generic = generic_vectors(features)
        fit = fit_tower(Views.of(shown, told), generic, strings, lots, config)
        meta: dict[str, Any] = {
            "items": len(catalogue),
            **settings_of(config, features.backbones),
            "unfrozen": adapted and adapted.meta,
            "holdout": asdict(holdout),
            "sides": sides.widths,
            "likes": len(strings),
            "epochs": fit.epochs,
            "metrics": fit.metrics,
            "inputs": _fingerprint(catalogue.ids, features, strings),
            "likes_key": likes_key(strings, lots),
            "learned_until": int(strings.at.max(initial=0)),
            "judged_below": fit.judged_below,
        }
        with store.publishing("vectors", meta) as folder:
            VersionFiles(
                catalogue.ids,
                kept_as(fit.vectors, config.precision),
                generic,
                np.concatenate([told, shown], axis=1),
                contents_of(said, features),
                sides,
                fit.tower.state_dict(),
                fit.offsets,
            ).write(folder)
            meta |= spent(started, encoded)
    version = store.current("vectors")
    assert version is not None
    return version


def settings_of(config: EmbedConfig, backbones: tuple[str, str]) -> dict[str, Any]:
    """What `meta.json` tells of the settings; `backbones` are the image and the text encoder's names."""
    return {
        "dim": config.dim,
        "seed": config.seed,
        "config": asdict(config),
        "backbones": dict(zip(("image", "text"), backbones, strict=True)),
    }


def spent(started: float, encoded: float) -> dict[str, Any]:
    """What `meta.json` tells of the time and memory that it took; moments are those of `time.monotonic`."""
    return {
        "seconds": {
            "features": round(encoded - started, 2),
            "training": round(time.monotonic() - encoded, 2),
        },
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def kept_as(vectors: np.ndarray, precision: str) -> np.ndarray:
    """(N, D) float32 as they lie on disk."""
    return int8_of(vectors) if precision == "int8" else vectors.astype(np.float16)


def generic_vectors(features: ItemFeatures) -> np.ndarray:
    """The frozen features side by side, (items, Di + Dt) float32 of length 1: the untrained baseline."""
    return unit(np.concatenate([features.image, features.text], axis=1))


@dataclass(frozen=True)
class Fit:
    """A trained tower and what it says of every item."""

    tower: Tower
    offsets: np.ndarray  # (items, dim) float32, what pairs taught of one item beyond its content
    vectors: np.ndarray  # (items, dim) float32 of length 1; zeros for items without features
    epochs: int
    metrics: dict[str, Any]
    judged_below: tuple[float, float]
    """The highest lots of the people and of the items that judged: nobody below was learned from."""


def fit_tower(views: Views, generic: np.ndarray, strings: Strings, lots: Lots, config: EmbedConfig) -> Fit:
    """Train a tower on content and likes. Owners in `strings` that drew a lot are persons; `generic` (N, E)
    are vectors that are judged beside it."""
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    judge = Judge(strings, lots)
    lesson = Lesson(views, judge.training, config, rng)
    before = after = judge.quality(lesson.vectors()) if judge else None
    frozen = judge.quality(generic) if judge else None
    best, best_epoch, best_trust = lesson.trusting(0.0), 0, 0.0
    for epoch in track(range(1, config.epochs + 1), "training the tower"):
        lesson.epoch()
        if after is None:
            best, best_epoch, best_trust = lesson.trusting(TRUST_UNJUDGED), epoch, TRUST_UNJUDGED
            continue
        for trust in TRUSTS:
            state = lesson.trusting(trust)
            quality = judge.quality(lesson.vectors(state))
            if quality.score > after.score:
                best, best_epoch, best_trust, after = state, epoch, trust, quality
        if epoch - best_epoch >= PATIENCE:
            break
    lesson.restore(best)
    metrics = {
        "trust": best_trust,
        "what": "the mean of a person's likes finds the last fifth of them; no pair holds these people",
        "people": len(judge.people),
        "generic": numbers_of(frozen),
        "untrained": numbers_of(before),
        "tower": numbers_of(after),
    }
    offsets = lesson.offset.weight.detach().numpy()
    return Fit(lesson.tower, offsets, lesson.vectors(), best_epoch, metrics, judge.below)


State = tuple[dict[str, Any], torch.Tensor]  # of the tower, and of the items' offsets


class Lesson:
    """The tower, what it learns from, and one pass over it."""

    def __init__(
        self,
        views: Views,
        strings: Strings,
        config: EmbedConfig,
        rng: np.random.Generator,
        tower: Tower | None = None,
    ) -> None:
        """Trains the given `tower`; without one, a tower that starts from the content's components."""
        self.views, self.strings, self.rng = views, strings, rng
        n = len(views.image)
        self.tower = tower or Tower(views.image.shape[1], views.text.shape[1], config.dim)
        if tower is None:
            self.tower.start_from(views)
        # What pairs teach of one item beyond its content; zero for items that no pair holds.
        self.offset = torch.nn.Embedding(n, config.dim, sparse=True)
        torch.nn.init.zeros_(self.offset.weight)
        self.log_frequency = torch.from_numpy(np.log(strings.frequency(n) + 1e-9)).float()
        self.optimizer = torch.optim.AdamW(self.tower.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
        self.offsets = torch.optim.SparseAdam(list(self.offset.parameters()), lr=LEARNING_RATE)
        seen = (views.has_image + views.has_text)[:, 0] > 0
        self.usable = torch.nonzero(seen)[:, 0].numpy()

    def epoch(self) -> None:
        self.tower.train()
        for pairs in self._batches():
            loss = self._content_loss()
            if pairs is not None:
                loss = loss + self._neighbour_loss(torch.from_numpy(pairs))
            self.optimizer.zero_grad()
            self.offsets.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.tower.parameters(), 1.0)
            self.optimizer.step()
            if pairs is not None:
                self.offsets.step()  # type: ignore[no-untyped-call]

    def vectors(self, state: State | None = None) -> np.ndarray:
        """Every item's vector, now or in another state."""
        if state is None:
            return self.tower.encode(self.views, self.offset.weight.detach())
        now = self.trusting(1.0)
        self.restore(state)
        vectors = self.vectors()
        self.restore(now)
        return vectors

    def trusting(self, share: float) -> State:
        """The state with only a share of what was learned on top of the content."""
        tower = copy.deepcopy(self.tower.state_dict())
        tower["fusion.weight"] *= share
        return tower, self.offset.weight.detach() * share

    def restore(self, state: State) -> None:
        self.tower.load_state_dict(state[0])
        self.offset.weight.data.copy_(state[1])

    def _batches(self) -> Iterator[np.ndarray | None]:
        steps = 0
        while steps < STEPS_AT_LEAST:
            pairs = self._pairs()
            if len(pairs) < 2:  # a store without likes still learns which picture and text belong together
                yield None
                steps += 1
            for start in range(0, len(pairs) - 1, BATCH):
                yield pairs[start : start + BATCH]
                steps += 1

    def _pairs(self) -> np.ndarray:
        return self.strings.pairs(self.rng)

    def _neighbour_loss(self, pairs: torch.Tensor) -> torch.Tensor:
        both = pairs.T.reshape(-1)
        keep = torch.from_numpy(self.rng.random((len(both), 1)) >= HIDE_OFFSET).float()
        vectors = self.tower(self._some_hidden(self.views.rows(both)), self.offset(both) * keep)
        anchors, partners = vectors.chunk(2)
        return neighbour_loss(anchors, partners, pairs, self.log_frequency)

    def _content_loss(self) -> torch.Tensor:
        size = min(CONTENT_BATCH, len(self.usable))
        if size < 2:
            return torch.zeros((), requires_grad=True)
        rows = torch.from_numpy(self.rng.choice(self.usable, size, replace=False))
        views = self.views.rows(rows)
        loss: torch.Tensor = CONTENT_WEIGHT * content_loss(self.tower(views), self.tower.content(views))
        paired = torch.nonzero((views.has_image * views.has_text)[:, 0])[:, 0]
        if len(paired) > 1:
            sides = views.rows(paired)
            images, texts = self.tower(sides.shown(1, 0)), self.tower(sides.shown(0, 1))
            loss = loss + SAME_ITEM_WEIGHT * same_item_loss(images, texts)
        return loss

    def _some_hidden(self, views: Views) -> Views:
        """Of some things only one side is shown, where they have both."""
        lot = torch.from_numpy(self.rng.random((len(views.image), 1)))
        both = views.has_image * views.has_text
        no_text = (lot < HIDE_SIDE).float() * both
        no_image = (lot > 1 - HIDE_SIDE).float() * both
        return views.shown(1 - no_image, 1 - no_text)


def numbers_of(quality: Quality | None) -> dict[str, float | None] | None:
    """As `meta.json` tells it; None for NaN, which JSON has not."""
    if quality is None:
        return None
    return {name: None if math.isnan(value) else round(value, 5) for name, value in asdict(quality).items()}


def _fingerprint(ids: list[str], features: ItemFeatures, strings: Strings) -> str:
    """128 bits that change with anything that the training read."""
    digest = hashlib.blake2b(json.dumps(ids).encode(), digest_size=16)
    for array in (features.image, features.text, strings.items, strings.owner, strings.at):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

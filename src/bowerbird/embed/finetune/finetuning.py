"""Trains the top blocks of a store's backbones on its content and engagement, and keeps them if it helped.

What is asked of them is what the tower is asked: neighbours close together, an item's picture and its text
close together, no neighbourhood moved without a reason; see `content_space`. Everything below the top blocks
stays frozen. After each round people and items that nothing was learned from judge; the best round is
published, and only if it is better than the frozen backbones.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store, Version
from bowerbird.embed.encode.adapted_backbones import (
    KIND,
    EncoderSource,
    Side,
    adapted_from,
    adapted_name,
    identity_of,
    in_use,
    weights_file,
)
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import Sides
from bowerbird.embed.finetune.backbone_validation import BackboneJudge
from bowerbird.embed.finetune.checkpoints import Reachable, Unfinished
from bowerbird.embed.finetune.content_space import Batch, ContentSpace
from bowerbird.embed.finetune.trainable_backbone import UnfrozenSide, unfrozen_side
from bowerbird.embed.train.changes import likes_key
from bowerbird.embed.train.neighbours import Strings
from bowerbird.embed.train.validation import Lots, Quality
from bowerbird.errors import InputError
from bowerbird.progress import tell, track

PAIRS, OTHERS = 48, 32
"""Of a batch: pairs of neighbours, and items of which only the content is looked at."""
STEPS_AT_LEAST = 20
"""Of a round, where there are few pairs."""
WARM_UP = 50
"""Steps until the learning rate is what it is said to be."""
PATIENCE = 2
BETTER = 1.01
"""Times the frozen score that an adapted one must reach: the best of several rounds looks better than it is,
and every item must be encoded anew for it."""


@dataclass(frozen=True)
class UnfreezeConfig:
    """Settings of one adaptation."""

    layers: int
    """Blocks from the top that are trained, with what stands above them."""
    only: Side | None = None
    """One side alone; None: pictures and texts, each by its own backbone."""
    seed: int = 0
    dim: int = 256
    """Width of the vectors that judge."""
    rounds: int = 10
    """At most; fewer where the judged quality stops rising."""
    steps: int = 100
    """Of a round, at most; fewer where all pairs were seen once."""
    learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise InputError(f"{self.layers} unfrozen blocks train nothing, expected 1 or more")


@dataclass(frozen=True)
class Shop:
    """What a store's backbones learn from. N items."""

    catalogue: Catalogue
    said: Sequence[set[str]]
    """Words of each item, see `sides.words_of`."""
    features: ItemFeatures
    """Of the frozen backbones, whose names they tell."""
    strings: Strings
    lots: Lots


def unfrozen_backbones(store: Store, shop: Shop, config: UnfreezeConfig) -> Version | None:
    """The version of `backbones` made of this shop with these settings: trained now, or found in the store.

    Its `meta` says whether it is `better` than the frozen ones; if not, it holds no weights. None where too
    few people are there to judge. A killed run goes on from its last minute. The caller holds the store's
    lock. Raises `BackboneError` where a backbone can't be had or has not so many blocks, `InputError` where
    no item has the one side that is asked for.
    """
    usable = np.flatnonzero(shop.features.has_image | shop.features.has_text)
    judge = BackboneJudge(shop.strings, shop.lots, shop.said, usable, config.seed)
    if not judge:
        tell("too few people to judge adapted backbones by: they stay frozen")
        return None
    inputs = _inputs(shop, config)
    known = adapted_from(store, inputs)
    if known is not None:
        return known
    started = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sides = sides_of(store, shop, config, device)
    unfinished = Unfinished(store.path / KIND, inputs)
    training = Training(shop, judge, sides, config, usable)
    state = unfinished.read() or Reachable.first(training.trained, training.quality())
    if device.type == "cpu":
        tell(training.forecast())
    state = training.run(state, unfinished)
    meta = {
        "inputs": inputs,
        "bases": {one.side: one.network.name for one in sides},
        **asdict(config),
        "device": str(device),
        "rounds_done": state.round,
        "people": judge.people,
        "judged_items": len(judge.items),
        "frozen": _told(state.history[0]),
        "adapted": _told(state.history[state.best_round]),
        "scores": [round(one.score, 5) for one in state.history],
        "best_round": state.best_round,
        "better": state.best_round > 0,
        "seconds": round(time.monotonic() - started, 1),
    }
    version = _published(store, meta, sides, state)
    unfinished.remove()
    return version


def names_of(version: Version | None, frozen: tuple[str, str]) -> tuple[str, str]:
    """Names of the image and text encoders to go on with: adapted ones where they are better."""
    if version is None:
        return frozen
    identities = version.meta["identities"]
    image, text = (
        adapted_name(base, identities[side]) if side in identities else base
        for side, base in zip(("image", "text"), frozen, strict=True)
    )
    return image, text


class Training:
    """The unfrozen sides, what they learn from, and the rounds over it."""

    def __init__(
        self,
        shop: Shop,
        judge: BackboneJudge,
        sides: Sequence[UnfrozenSide],
        config: UnfreezeConfig,
        usable: np.ndarray,
    ) -> None:
        self.shop, self.judge, self.sides, self.config = shop, judge, sides, config
        sides_of_items = Sides.of(shop.said, shop.features)
        self.space = ContentSpace(shop.said, shop.features, sides_of_items, config.dim)
        # Items that judge as new ones are not looked at, not even for their content.
        self.others = np.setdiff1d(usable, judge.cold)
        frequency = judge.training.frequency(len(shop.said))
        self.log_frequency = torch.from_numpy(np.log(frequency + 1e-9)).float()
        self.trained = {f"{one.side} {name}": p for one in sides for name, p in one.trained.items()}
        self.optimizer = torch.optim.AdamW(self.trained.values(), lr=config.learning_rate, weight_decay=0.0)
        self._judged_in = 0.0  # seconds

    def run(self, state: Reachable, unfinished: Unfinished) -> Reachable:
        """Rounds until the judge is content; the state with the best one's weights."""
        state.restore(self.trained, self.optimizer)
        while state.round < self.config.rounds and state.round - state.best_round < PATIENCE:
            pairs = self.pairs(state.round)
            steps = range(state.step, self.steps_of(len(pairs)))
            for step in track(steps, f"unfreezing, round {state.round + 1}"):
                self.step(state.round, step, pairs)
                if unfinished.due:
                    unfinished.keep(state.at(step + 1, self.trained, self.optimizer))
            state = state.at(0, self.trained, self.optimizer).after_round(self.quality(), BETTER)
            unfinished.keep(state)
        return state

    def pairs(self, done_rounds: int) -> np.ndarray:
        """Neighbours of a round, (pairs, 2); a small store's are drawn again until there are enough."""
        rng = np.random.default_rng([self.config.seed, done_rounds])
        drawn = [self.judge.training.pairs(rng)]
        while 0 < sum(map(len, drawn)) < STEPS_AT_LEAST * PAIRS:
            drawn.append(self.judge.training.pairs(rng))
        return np.concatenate(drawn)

    def steps_of(self, pairs: int) -> int:
        """Steps of a round."""
        return min(self.config.steps, max(STEPS_AT_LEAST, math.ceil(pairs / PAIRS)))

    def step(self, done_rounds: int, step: int, pairs: np.ndarray) -> None:
        """One batch, which follows from the seed and its number alone: a resumed run draws the same."""
        rng = np.random.default_rng([self.config.seed, done_rounds, step])
        some = pairs[step * PAIRS : (step + 1) * PAIRS]
        others = rng.choice(self.others, min(OTHERS, len(self.others)), replace=False)
        batch = Batch.of(some, others)
        warm = min(1.0, (done_rounds * self.config.steps + step + 1) / WARM_UP)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * warm
        self.optimizer.zero_grad()
        self.teach(batch, rng)
        torch.nn.utils.clip_grad_norm_(self.trained.values(), 1.0)
        self.optimizer.step()

    def teach(self, batch: Batch, rng: np.random.Generator) -> None:
        """Give the trained parameters the batch's gradients."""
        reached = {one.side: one.reach(batch.items) for one in self.sides}
        image, text = (
            reached[side].rows if side in reached else torch.from_numpy(frozen[batch.items])
            for side, frozen in self._frozen()
        )
        loss = self.space.loss(batch, image, text, self.log_frequency, rng)
        loss.backward()  # type: ignore[no-untyped-call]
        for one in reached.values():
            one.teach()

    def quality(self) -> Quality:
        """Of the backbones as they are now."""
        started = time.monotonic()
        items = self.judge.items
        now = {one.side: one.vectors(items) for one in self.sides}
        image, text = (now.get(side, frozen[items]) for side, frozen in self._frozen())
        names = self.shop.features.backbones
        features = ItemFeatures(image, image.any(axis=1), text, text.any(axis=1), names)
        quality = self.judge.quality(features, self.config.dim)
        self._judged_in = time.monotonic() - started
        return quality

    def forecast(self) -> str:
        """How long it will take at most, by what judging the frozen backbones took."""
        if not self._judged_in:
            return "unfreezing on the processor goes on"
        batch = 2 * PAIRS + OTHERS
        # A batch is encoded twice, and taught.
        step = 3 * batch * self._judged_in / max(1, len(self.judge.items))
        one = self.steps_of(len(self.judge.training)) * step + self._judged_in
        return (
            f"unfreezing on the processor, since torch finds no GPU: about {one / 60:.1f} minutes a round, "
            f"{PATIENCE} to {self.config.rounds} rounds; it can be stopped, and goes on when run again"
        )

    def _frozen(self) -> Iterator[tuple[Side, np.ndarray]]:
        yield "image", self.shop.features.image
        yield "text", self.shop.features.text


def sides_of(store: Store, shop: Shop, config: UnfreezeConfig, device: torch.device) -> list[UnfrozenSide]:
    features = shop.features
    image, text = (EncoderSource.of(store, name) for name in features.backbones)
    for source in (image, text):
        if source.weights is not None:
            raise InputError(f"{source.base} is adapted already: name it without +adapted to adapt it anew")
    wanted: list[tuple[Side, str, np.ndarray]] = [
        ("image", image.base, features.has_image),
        ("text", text.base, features.has_text),
    ]
    sides = [
        unfrozen_side(side, base, config.layers, shop.catalogue, has, device)
        for side, base, has in wanted
        if config.only in (None, side) and has.any()
    ]
    if not sides:
        what = "a text" if config.only == "text" else "a picture"
        raise InputError(f"no item has {what} to adapt a backbone by: leave out --unfreeze-only")
    return sides


def _published(
    store: Store, meta: dict[str, Any], sides: Sequence[UnfrozenSide], state: Reachable
) -> Version:
    kept: dict[str, dict[str, torch.Tensor]] = {}
    if meta["better"]:
        for one in sides:
            kept[one.side] = {name: state.best[f"{one.side} {name}"].contiguous() for name in one.trained}
    meta["identities"] = {
        side: identity_of(meta["bases"][side], {name: t.numpy() for name, t in trained.items()})
        for side, trained in kept.items()
    }

    def write(folder: Path) -> None:
        for side, trained in kept.items():
            save_file(trained, weights_file(folder, side))

    return store.publish(KIND, meta, write, keep=in_use(store))


def _told(quality: Quality) -> dict[str, float | None]:
    """For JSON, which has no NaN."""
    return {name: None if math.isnan(value) else value for name, value in asdict(quality).items()}


def _inputs(shop: Shop, config: UnfreezeConfig) -> str:
    """128 bits that change with anything that is learned from, and with the settings."""
    said = [shop.catalogue.ids, shop.features.backbones, asdict(config), likes_key(shop.strings, shop.lots)]
    digest = hashlib.blake2b(json.dumps(said).encode(), digest_size=16)
    for rows in (shop.features.image, shop.features.text):
        digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()

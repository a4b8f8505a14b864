"""Goes on training a tower from where a version left it: on what is new, held to what is known.

Each pass draws the pairs around new likes, and as many from all likes (replay), so that its cost follows what
is new and the old is not forgotten. Items are held to the places that they had; what is published lies on
the line between the old weights and the new ones, where the judged quality is best (WiSE-FT, Wortsman et al.,
CVPR 2022): at the old weights, if nothing helped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bowerbird.embed.train.losses import anchor_loss
from bowerbird.embed.train.neighbours import REACH, Strings
from bowerbird.embed.train.objective import Lesson, Material, State
from bowerbird.embed.train.tower import BLOCK, Tower, Views
from bowerbird.embed.train.validation import Judge
from bowerbird.embed.training import TRUST_UNJUDGED, EmbedConfig, numbers_of
from bowerbird.progress import track

ANCHOR_WEIGHT = 10.0
ANCHOR_BATCH = 256
SHARES = (0.5, 1.0)
"""Places on the way from the old weights to the new ones that are judged after each pass."""


@dataclass(frozen=True)
class Continued:
    """A tower that was trained on, and what it says of N items."""

    state: State
    vectors: np.ndarray  # (N, D) float32 of length 1
    share: float
    """How far from the old weights to the new ones; 0 where nothing was learned."""
    epochs: int
    metrics: dict[str, Any]


def continue_tower(
    material: Material, start: State, judge: Judge, since: int, config: EmbedConfig
) -> Continued:
    """Train on from `start` for `config.epochs` passes over the likes later than `since` (microseconds)."""
    torch.manual_seed(config.seed)
    lesson = WarmLesson(material, config.dim, np.random.default_rng(config.seed), start, since)
    before = after = lesson.quality(judge) if judge else None
    best, best_epoch, best_share = start, 0, 0.0
    for epoch in track(range(1, config.epochs + 1), "training the tower further"):
        lesson.epoch()
        reached = lesson.trusting(1.0)
        if after is None:
            best, best_epoch, best_share = between(start, reached, TRUST_UNJUDGED), epoch, TRUST_UNJUDGED
            continue
        for share in SHARES:
            state = between(start, reached, share)
            quality = lesson.quality(judge, state)
            if quality.score > after.score:
                best, best_epoch, best_share, after = state, epoch, share, quality
    metrics = {
        "trust": best_share,
        "what": "the mean of a person's likes finds the last fifth of them; no pair ever held these people",
        "people": len(judge.people),
        "before": numbers_of(before),
        "tower": numbers_of(after),
    }
    return Continued(best, lesson.vectors(best), best_share, best_epoch, metrics)


class WarmLesson(Lesson):
    """A lesson that begins where another ended."""

    def __init__(
        self, material: Material, dim: int, rng: np.random.Generator, start: State, since: int
    ) -> None:
        views = material.views
        super().__init__(material, dim, rng, Tower(views.image.shape[1], views.text.shape[1], dim))
        self.restore(start)
        # Where content puts things never changes here, and every state that is judged asks for it.
        self._content = content_of(self.tower, views)
        self._held = torch.from_numpy(self.vectors())
        news = news_of(self.strings, since)
        self._news = news if len(news) else self.strings  # news without a date: collections, late arrivals

    @torch.inference_mode()
    def vectors(self, state: State | None = None) -> np.ndarray:
        if state is not None:
            return super().vectors(state)
        self.tower.eval()
        parts = []
        for block in blocks_of(self.views):
            part = self.views.rows(block)
            raw = self._content[block] + self.tower.correction(part) + self.offset.weight[block]
            seen = (part.has_image + part.has_text) > 0
            parts.append(torch.nn.functional.normalize(raw, dim=1) * seen)
        found: np.ndarray = torch.cat(parts).numpy()
        return found

    def _pairs(self) -> np.ndarray:
        news = self._news.pairs(self.rng)
        replay = self.strings.pairs(self.rng)[: len(news)]
        return self.rng.permutation(np.concatenate([news, replay]))

    def _content_loss(self) -> torch.Tensor:
        loss = super()._content_loss()
        size = min(ANCHOR_BATCH, len(self.usable))
        if not size:
            return loss
        rows = torch.from_numpy(self.rng.choice(self.usable, size, replace=False))
        vectors = self.tower(self.views.rows(rows), self.offset(rows).detach())
        return loss + ANCHOR_WEIGHT * anchor_loss(vectors, self._held[rows])


def blocks_of(views: Views) -> list[slice]:
    """Parts of N things that are put through a tower at once; at least one, which may be empty."""
    return [slice(start, start + BLOCK) for start in range(0, max(1, len(views.image)), BLOCK)]


@torch.inference_mode()
def content_of(tower: Tower, views: Views) -> torch.Tensor:
    """Where content alone puts N things, (N, D)."""
    return torch.cat([tower.content(views.rows(block)) for block in blocks_of(views)])


def between(old: State, new: State, share: float) -> State:
    """Weights on the line from old (share 0) to new ones (share 1)."""
    tower = {name: torch.lerp(tensor, new[0][name], share) for name, tensor in old[0].items()}
    return tower, torch.lerp(old[1], new[1], share)


def news_of(strings: Strings, since: int) -> Strings:
    """Likes later than `since`, and the owner's likes within reach of one."""
    later = np.flatnonzero(strings.at > since)
    keep = np.zeros(len(strings), bool)
    for step in range(-REACH, REACH + 1):
        place = later + step
        inside = (place >= 0) & (place < len(strings))
        place, near = place[inside], later[inside]
        keep[place[strings.owner[place] == strings.owner[near]]] = True
    return Strings(strings.items[keep], strings.owner[keep], strings.at[keep])

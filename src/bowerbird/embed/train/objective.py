"""What the tower learns from, and one pass over it.

Three aims at once: neighbours (see `neighbours`) close together; an item's picture and its text close
together; and no neighbourhood moved without a reason.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from bowerbird.embed.train.alignment import turned
from bowerbird.embed.train.losses import content_loss, neighbour_loss, same_item_loss
from bowerbird.embed.train.matryoshka import layout
from bowerbird.embed.train.negatives import SameCategory
from bowerbird.embed.train.neighbours import Strings
from bowerbird.embed.train.tower import Tower, Views
from bowerbird.embed.train.validation import Judge, Quality

BATCH, CONTENT_BATCH = 512, 256
LEARNING_RATE = 1e-3
SAME_ITEM_WEIGHT, CONTENT_WEIGHT = 0.3, 1.0
HIDE_SIDE = 0.15
"""Share of the things in a batch of which only the picture, and of which only the text, is shown."""
HIDE_OFFSET = 0.2
"""Share of a batch that is trained as if it were new: without what only this item has learned."""
STEPS_AT_LEAST = 20
"""Steps of an epoch; a small store's likes are drawn from again until there were so many."""

State = tuple[dict[str, Any], torch.Tensor]  # of the tower, and of the items' offsets


@dataclass(frozen=True)
class Material:
    """What N items show and tell, and who liked them."""

    views: Views
    strings: Strings
    """Likes that may be learned from."""
    categories: np.ndarray | None = None
    """A number for each item's category, (N,) int64; without them there are no hard negatives."""
    apart: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """Positions of items whose picture and text must not be learned to be one thing's: they judge that."""


class Lesson:
    """The tower, what it learns from, and one pass over it."""

    def __init__(
        self, material: Material, dim: int, rng: np.random.Generator, tower: Tower | None = None
    ) -> None:
        """Trains the given `tower`; without one, a tower that starts from the content's components."""
        views, strings, categories = material.views, material.strings, material.categories
        self.views, self.strings, self.rng, self.apart = views, strings, rng, material.apart
        n = len(views.image)
        self.tower = tower or Tower(views.image.shape[1], views.text.shape[1], dim)
        if tower is None:
            self.tower.start_from(views)
        # What pairs teach of one item beyond its content; zero for items that no pair holds.
        self.offset = torch.nn.Embedding(n, dim, sparse=True)
        torch.nn.init.zeros_(self.offset.weight)
        self.log_frequency = torch.from_numpy(np.log(strings.frequency(n) + 1e-9)).float()
        self.same_category = None if categories is None else SameCategory(strings, categories)
        self.optimizer = torch.optim.AdamW(self.tower.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
        self.offsets = torch.optim.SparseAdam(list(self.offset.parameters()), lr=LEARNING_RATE)
        seen = ((views.has_image + views.has_text)[:, 0] > 0).numpy()
        seen[material.apart] = False
        self.usable = np.flatnonzero(seen)

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

    def quality(self, judge: Judge, state: State | None = None) -> Quality:
        """What a judge says of the tower, now or in another state."""
        if state is not None:
            now = self.trusting(1.0)
            self.restore(state)
            quality = self.quality(judge)
            self.restore(now)
            return quality
        views = self.views.rows(torch.from_numpy(judge.across))
        sides = (self.tower.encode(views.shown(*shown)) for shown in ((1, 0), (0, 1)))
        return judge.quality(self.vectors(), *sides)

    def trusting(self, share: float) -> State:
        """The state with only a share of what was learned on top of the content."""
        tower = copy.deepcopy(self.tower.state_dict())
        tower["fusion.weight"] *= share
        return tower, self.offset.weight.detach() * share

    def lay_out(self, seed: int) -> None:
        """Turn the tower so that its first dimensions stand alone."""
        pictures, texts = (self.tower.encode(self.views.shown(*shown)) for shown in ((1, 0), (0, 1)))
        both = (self.views.has_image * self.views.has_text)[:, 0].numpy() > 0
        both[self.apart] = False
        pictures[~both], texts[~both] = 0, 0
        turn = layout(self.vectors(), (pictures, texts), self.strings, seed)
        offset = self.offset.weight.detach() @ torch.from_numpy(turn)
        self.restore((turned(self.tower.state_dict(), turn), offset))

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
        rows, hard = pairs.T.reshape(-1), None
        if self.same_category is not None:
            hard = torch.from_numpy(self.same_category.draw(pairs[:, 1].numpy(), self.rng))
            rows = torch.cat([rows, hard])
        keep = torch.from_numpy(self.rng.random((len(rows), 1)) >= HIDE_OFFSET).float()
        vectors = self.tower(self._some_hidden(self.views.rows(rows)), self.offset(rows) * keep)
        anchors, partners, *others = vectors.split(len(pairs))
        return neighbour_loss(
            anchors, partners, pairs, self.log_frequency, None if hard is None else (others[0], hard)
        )

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

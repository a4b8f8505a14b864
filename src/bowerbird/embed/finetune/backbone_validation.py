"""Whether adapted backbones are better: by people and items that nothing was learned from.

They are those that judge the tower after it (see `validation`), and the vectors are those that content alone
gives, by maps made anew for every state, as a training would. Not all items are encoded for it: those of the
judged people, among enough others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import (
    IMAGE_POWER,
    IMAGE_WIDTH,
    TEXT_POWER,
    TEXT_WIDTH,
    Sides,
    Whitening,
    Words,
)
from bowerbird.embed.finetune.content_space import ContentSpace
from bowerbird.embed.train.neighbours import Strings
from bowerbird.embed.train.validation import Judge, Lots, Quality

ITEMS_AT_LEAST = 4000


class BackboneJudge:
    """Splits likes into what trains and what judges; false where there is nobody to judge by."""

    def __init__(
        self, strings: Strings, lots: Lots, said: Sequence[set[str]], usable: np.ndarray, seed: int
    ) -> None:
        """`usable` (n,) are positions of items that have content."""
        whole = Judge(strings, lots)
        self.training, self.cold, self.people = whole.training, whole.cold, len(whole.people)
        theirs = np.unique(strings.items[np.isin(strings.owner, whole.people)])
        others = np.random.default_rng(seed).permutation(np.setdiff1d(usable, theirs))
        self.items = np.sort(np.concatenate([theirs, others[: max(0, ITEMS_AT_LEAST - len(theirs))]]))
        """Positions of the items to encode."""
        self._said = [said[position] for position in self.items]
        self._words = Words.of(self._said)  # which no backbone changes
        place = np.full(len(said), -1)
        place[self.items] = np.arange(len(self.items))
        inside = place[strings.items] >= 0
        among = Strings(place[strings.items[inside]], strings.owner[inside], strings.at[inside])
        self._judge = Judge(among, Lots(lots.people, lots.items[self.items]), whole.below)
        self._there = bool(whole)

    def __bool__(self) -> bool:
        return self._there

    def quality(self, features: ItemFeatures, dim: int) -> Quality:
        """Of features of `items`, in that order."""
        text = Whitening.of(features.text, TEXT_WIDTH, TEXT_POWER)
        image = Whitening.of(features.image, IMAGE_WIDTH, IMAGE_POWER)
        space = ContentSpace(self._said, features, Sides(self._words, text, image), dim)
        return self._judge.quality(space.frozen.numpy())

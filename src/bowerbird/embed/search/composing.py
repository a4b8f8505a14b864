"""A picture or an item, and a text that says what shall be different: one vector, and how well items fit.

What a wish means is learnt from the catalogue itself. Items that meet it and items that do the contrary,
each beside the mean of their kind, differ on average in one direction. The linear discriminant of the two
(Fisher, 1936) says how far a thing has what is wished, and the thing is moved along that direction by what it
lacks. So a colour that was there is given up for the one that is named, what the wish does not speak of
stays, and a thing that has it already stays where it is.

Where an item states the fact, the statement counts beside its vector; where it states nothing, the
discriminant is believed by half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.embed.index.rows import unit
from bowerbird.embed.search.catalogue_words import KIND, Facts, ShopWords
from bowerbird.embed.search.modification import Wish

LEAST_OF_A_KIND = 5
"""Items; for rarer kinds the mean of all is taken."""
NEAREST = 25
"""Items that say of what kind a thing is."""
LEAST_MEETING = 5
"""Items that must meet a wish before it has a direction."""
RIDGE = 0.1
"""Of the mean variance, added to every direction's: a discriminant of few items is mostly noise."""
STRENGTH = 2.0
"""How many times as far as those that meet a wish a thing is moved; what is left of it still counts."""
UNSTATED = 0.5
"""How much the discriminant is believed of an item that does not say whether it meets a wish."""


@dataclass(frozen=True)
class Aim:
    """The direction of one wish. D dimensions."""

    direction: np.ndarray  # (D,) where those that meet it lie, seen from the others
    probe: np.ndarray  # (D,) how far a thing, less the mean of its kind, has it: probe @ thing
    met: float
    """What the probe says of things that meet it, on average."""


class Composer:
    """What wishes mean in one version of the vectors. S items of a sample, D dimensions."""

    def __init__(self, shop: ShopWords, vectors: np.ndarray) -> None:
        """`vectors` (S, D) of the shop's sample; zeros for items that have none."""
        self.shop = shop
        self._known = np.asarray(vectors.any(axis=1))
        self._vectors = vectors
        self._mean = vectors[self._known].mean(axis=0) if self._known.any() else vectors.sum(axis=0)
        self._kind_means = _means(shop.facts, vectors, self._known)
        self._homes = np.stack([self._kind_means.get(one.kind, self._mean) for one in shop.facts])
        self._centred = (vectors - self._homes) * self._known[:, None]
        covariance = self._centred.T @ self._centred / max(1, int(self._known.sum()))
        ridge = RIDGE * np.trace(covariance) / max(1, len(covariance)) + 1e-9
        self._whitener = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
        self._aims: dict[Wish, Aim | None] = {}

    def moved(self, query: np.ndarray, wishes: Sequence[Wish]) -> np.ndarray:
        """A thing (D,) of length 1 changed as wished, (D,) of length 1."""
        home = self._home(query)
        moved = query
        for wish in wishes:
            aim = self.aim(wish)
            if aim is not None:
                seen = moved if wish.facet == KIND else moved - home
                lacking = max(0.0, aim.met - float(aim.probe @ seen))
                moved = moved + STRENGTH * lacking * aim.direction / float(aim.probe @ aim.direction)
        changed: np.ndarray = unit(moved)
        return changed

    def fits(self, wishes: Sequence[Wish], vectors: np.ndarray, facts: Sequence[Facts]) -> np.ndarray:
        """How well items (K, D) with their facts meet wishes, (K,): -1 to 1 each, their sum over √wishes."""
        total = np.zeros(len(facts))
        for wish in wishes:
            stated = np.array([wish.met(one) for one in facts])
            total += np.where(stated != 0, stated, UNSTATED * self._believed(wish, vectors, facts))
        fits: np.ndarray = total / max(1, len(wishes)) ** 0.5
        return fits

    def _believed(self, wish: Wish, vectors: np.ndarray, facts: Sequence[Facts]) -> np.ndarray:
        """What the discriminant makes of items, (K,): 1 like those that meet the wish, -1 like the others."""
        aim = self.aim(wish)
        if aim is None:
            return np.zeros(len(vectors))
        between = float(aim.probe @ aim.direction)
        seen = vectors
        if wish.facet != KIND:
            seen = vectors - np.stack([self._kind_means.get(one.kind, self._mean) for one in facts])
        share = (seen @ aim.probe - aim.met + between) / between
        believed: np.ndarray = 2 * np.clip(share, 0, 1) - 1
        return believed

    def aim(self, wish: Wish) -> Aim | None:
        """None where the sample holds too few items that meet the wish."""
        if wish not in self._aims:
            self._aims[wish] = self._learnt(wish)
        return self._aims[wish]

    def _learnt(self, wish: Wish) -> Aim | None:
        met = np.array([wish.met(facts) for facts in self.shop.facts])
        having, lacking = (met > 0) & self._known, (met < 0) & self._known
        if lacking.sum() < LEAST_MEETING:
            lacking = (met <= 0) & self._known
        if min(having.sum(), lacking.sum()) < LEAST_MEETING:
            return None
        rows = self._vectors if wish.facet == KIND else self._centred
        direction = rows[having].mean(axis=0) - rows[lacking].mean(axis=0)
        probe = self._whitener @ direction
        return Aim(direction, probe, float(probe @ rows[having].mean(axis=0)))

    def _home(self, query: np.ndarray) -> np.ndarray:
        """Mean of the kinds of a thing's nearest, (D,)."""
        near = np.argsort(-(self._vectors @ query))[:NEAREST]
        home: np.ndarray = self._homes[near].mean(axis=0)
        return home


def _means(facts: Sequence[Facts], vectors: np.ndarray, known: np.ndarray) -> dict[str, np.ndarray]:
    """The mean (D,) of each kind of which there are some."""
    rows: dict[str, list[int]] = {}
    for row in np.flatnonzero(known).tolist():
        rows.setdefault(facts[row].kind, []).append(row)
    return {kind: vectors[of].mean(axis=0) for kind, of in rows.items() if len(of) >= LEAST_OF_A_KIND}

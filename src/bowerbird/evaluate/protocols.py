"""What is asked of every ranker: whose history it is given, and what it should have found.

Two splits, both of whole catalogues (sampled negatives reorder models: Krichene & Rendle, KDD 2020):

- `global-time`: everyone who liked something after the holdout's moment; given what they did before it.
  Nothing after the moment is known to anybody, as in real life (Ji et al., TOIS 2023, on data leakage).
- `new-users`: the people whom training never saw; given the first 80 % of their events, or those until they
  have liked a number of items, asked for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bowerbird.data.interactions import History, Interactions
from bowerbird.data.splits import Holdout
from bowerbird.errors import InputError

GIVEN_SHARE = 0.8
"""Share of a new person's events that a ranker is given."""
VALIDATION_SHARE = 0.2
"""Share of the training people, or of the training time, on which settings are chosen."""


class Split(StrEnum):
    GLOBAL_TIME = "global-time"
    NEW_USERS = "new-users"


@dataclass(frozen=True)
class Task:
    """Training events, and for each test person (P of them) a history and the positions to be found."""

    training: Interactions
    users: Sequence[str]
    histories: Sequence[History]
    """What is known of each user: their seen events (see `History.seen`)."""
    targets: Sequence[np.ndarray]
    """What each liked later and had not seen: an impression alone does not make an item seen."""
    moments: Sequence[int]
    """When each user asks, microseconds: at the holdout's moment; new users at their first hidden event."""
    eligible: np.ndarray
    """Items that can be recommended, (items,) bool; others are no targets, and no ranker may answer them."""

    @property
    def known(self) -> Interactions:
        """All that may be known when the users ask: training events, and their histories."""
        training, sizes = self.training, [len(history) for history in self.histories]
        first = len(training.users)
        users = np.repeat(np.arange(first, first + len(self.users)), sizes)
        columns = {
            name: np.concatenate([getattr(training, own), *(getattr(one, other) for one in self.histories)])
            for name, own, other in (
                ("item", "item", "items"),
                ("action", "action", "actions"),
                ("at", "at", "at"),
            )
        }
        return Interactions(
            users=[*training.users, *self.users],
            user=np.concatenate([training.user, users]),
            n_items=training.n_items,
            **columns,
        )

    @property
    def strangers(self) -> int:
        """Test people of whom nothing is known."""
        return sum(len(history) == 0 for history in self.histories)

    @property
    def cold(self) -> np.ndarray:
        """Items that no training event names, (items,) bool."""
        cold: np.ndarray = np.bincount(self.training.item, minlength=self.training.n_items) == 0
        return cold


def task_of(
    interactions: Interactions,
    holdout: Holdout,
    split: Split,
    given: int | None = None,
    eligible: np.ndarray | None = None,
) -> Task:
    """Build the test that a holdout allows. Raises `InputError` where it leaves nobody to test on.

    New users show their events until they have liked `given` different items; None: the first `GIVEN_SHARE`.
    `eligible` (items,) bool are the items that can be recommended; all, without it.
    """
    eligible = np.ones(interactions.n_items, bool) if eligible is None else eligible
    held = holdout.held_out_users(interactions)
    users, histories, targets, moments = [], [], [], []
    for person, history in interactions.histories():
        if split == Split.NEW_USERS:
            if not held[person]:
                continue
            known = _first(history, given)
        elif holdout.until is None:
            break
        else:
            known = history.at <= holdout.until
        seen, hidden = history.where(known).seen(), history.where(~known)
        liked_later = np.setdiff1d(hidden.liked().items, seen.items)
        liked_later = liked_later[eligible[liked_later]]
        if len(liked_later):
            users.append(interactions.users[person])
            histories.append(seen)
            targets.append(liked_later)
            moments.append(int(hidden.at[0]) if split == Split.NEW_USERS else int(holdout.until or 0))
    if not users:
        raise InputError(_nobody(split, holdout, given))
    return Task(holdout.training(interactions), users, histories, targets, moments, eligible)


def _first(history: History, given: int | None) -> np.ndarray:
    """Which events of a new person are shown, (n,) bool."""
    if given is None:
        return np.arange(len(history)) < int(len(history) * GIVEN_SHARE)
    likes = np.flatnonzero(history.weights >= 1.0)
    firsts = likes[np.unique(history.items[likes], return_index=True)[1]]  # an item's first like
    is_first = np.zeros(len(history), bool)
    is_first[firsts] = True
    liked_before: np.ndarray = np.cumsum(is_first) - is_first
    known: np.ndarray = liked_before < given
    return known


def validation_holdout(training: Interactions, holdout: Holdout, split: Split) -> Holdout:
    """A holdout within the training events, of the same kind as the test, on which settings are chosen.

    Held-out people are those of the smallest hashes, so a larger share than the test's adds training people.
    """
    if split == Split.NEW_USERS:
        return Holdout(None, holdout.user_share + (1 - holdout.user_share) * VALIDATION_SHARE)
    until = int(np.quantile(training.at, 1 - VALIDATION_SHARE)) if len(training) else None
    return Holdout(until, 0.0)


def _nobody(split: Split, holdout: Holdout, given: int | None) -> str:
    if split == Split.NEW_USERS and given is not None:
        return (
            f"the split new-users has no test people: nobody among the {holdout.user_share:.0%} held out "
            f"liked more than {given} items; ask for a smaller --given, or leave it out"
        )
    if split == Split.NEW_USERS:
        return (
            f"the split new-users has no test people: nobody among the {holdout.user_share:.0%} held out "
            "liked anything new in the last fifth of their events; import more people, or evaluate with "
            "--split global-time"
        )
    if holdout.until is None:
        return (
            "the split global-time has no test people: the vectors were trained with no moment held out; "
            "train with `bowerbird embed STORE --holdout default`, or evaluate with --split new-users"
        )
    return (
        "the split global-time has no test people: nobody liked anything new after the holdout's moment; "
        "train again with `bowerbird embed STORE`, which chooses a moment for the events there are now"
    )

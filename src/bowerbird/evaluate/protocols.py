"""Test tasks: the histories that every ranker is given, and the items that it should rank high.

Two splits, both of whole catalogues (sampled negatives reorder models: Krichene & Rendle, KDD 2020):

- `global-time`: all users who liked something after the holdout's moment; their history is what they did
  before it. No ranker knows an event after the moment, as in production (Ji et al., TOIS 2023, on data
  leakage).
- `new-users`: users who are not in the training events. Their history is the first 80 % of their events, or
  the events until they have liked N items (the given-N protocol: Breese et al., UAI 1998); the targets are
  among the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.choices import Split as Split
from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.articles.variants import Articles
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.splits import Holdout
from bowerbird.errors import InputError

HISTORY_SHARE = 0.8
"""Share of a new user's events that a ranker is given."""
VALIDATION_SHARE = 0.2
"""Share of the training users, or of the training time, on which settings are chosen."""


@dataclass(frozen=True)
class Task:
    """Training events, and a history and target positions for each of P test users."""

    training: Interactions
    users: Sequence[str]
    histories: Sequence[History]
    """What is known of each user: their seen events (see `History.seen`)."""
    targets: Sequence[IntArray]
    """What each user liked later and had not seen: an impression alone does not make an item seen."""
    moments: Sequence[int]
    """When each user asks, microseconds: at the holdout's moment; new users at their first hidden event."""
    eligible: BoolArray
    """Items that can be recommended, (items,) bool; no other item is a target or may be ranked."""
    articles: Articles | None = None
    """In a catalogue with variants: an article is one target, named by its first variant."""

    @property
    def known_events(self) -> Interactions:
        """All events that may be known when the users ask: training events and their histories."""
        training, sizes = self.training, [len(history) for history in self.histories]
        first = len(training.users)
        users = np.repeat(np.arange(first, first + len(self.users)), sizes)
        columns = {
            column: np.concatenate([getattr(training, column), *(getattr(h, name) for h in self.histories)])
            for column, name in (("item", "items"), ("action", "actions"), ("at", "at"))
        }
        return Interactions(
            users=[*training.users, *self.users],
            user=np.concatenate([training.user, users]),
            n_items=training.n_items,
            **columns,
        )

    @property
    def n_cold_start_users(self) -> int:
        """Number of test users with an empty history."""
        return sum(len(history) == 0 for history in self.histories)

    @property
    def cold(self) -> BoolArray:
        """Items without a training event, (items,) bool."""
        items, n_items = self.training.item, self.training.n_items
        if self.articles is None:
            return np.asarray(np.bincount(items, minlength=n_items) == 0)
        first = self.articles.first_positions
        is_cold = np.bincount(first[items], minlength=n_items) == 0
        return np.asarray(is_cold & (first == np.arange(n_items)))

    def by_article(self, articles: Articles) -> Task:
        """The same test of articles: whichever variant is listed or liked counts, and none that was seen.

        Raises `InputError` where no user liked anything but variants of what they had seen.
        """
        first, rows, targets = articles.first_positions, [], []
        for row, (history, liked) in enumerate(zip(self.histories, self.targets, strict=True)):
            new = np.setdiff1d(first[liked], first[history.items])
            if len(new):
                rows.append(row)
                targets.append(new)
        if not rows:
            raise InputError("no test user liked an article of which they had not seen a variant before")
        return Task(
            self.training,
            [self.users[row] for row in rows],
            [self.histories[row] for row in rows],
            targets,
            [self.moments[row] for row in rows],
            self.eligible,
            articles,
        )


def build_task(
    interactions: Interactions,
    holdout: Holdout,
    split: Split,
    n_given: int | None = None,
    eligible: BoolArray | None = None,
) -> Task:
    """Build the test that a holdout allows. Raises `InputError` where it leaves no test users.

    The history of a new user ends when they have liked `n_given` different items; None: it is the first
    `HISTORY_SHARE` of their events. `eligible` (items,) bool are the items that can be recommended; default:
    all.
    """
    eligible = np.ones(interactions.n_items, bool) if eligible is None else eligible
    is_held_out = holdout.held_out_users(interactions)
    users, histories, targets, moments = [], [], [], []
    for user, history in interactions.histories():
        if split == Split.NEW_USERS:
            if not is_held_out[user]:
                continue
            is_known = _mark_revealed(history, n_given)
        elif holdout.until is None:
            break
        else:
            is_known = history.at <= holdout.until
        seen, hidden = history.where(is_known).seen(), history.where(~is_known)
        liked_later = np.setdiff1d(hidden.liked().items, seen.items)
        liked_later = liked_later[eligible[liked_later]]
        if len(liked_later):
            users.append(interactions.users[user])
            histories.append(seen)
            targets.append(liked_later)
            moments.append(int(hidden.at[0]) if split == Split.NEW_USERS else int(holdout.until or 0))
    if not users:
        raise InputError(_no_users_message(split, holdout, n_given))
    return Task(holdout.training(interactions), users, histories, targets, moments, eligible)


def _mark_revealed(history: History, n_given: int | None) -> BoolArray:
    """Mark the events of a new user that rankers are given, (n,) bool."""
    if n_given is None:
        return np.arange(len(history)) < int(len(history) * HISTORY_SHARE)
    likes = np.flatnonzero(history.is_like)
    first_likes = likes[np.unique(history.items[likes], return_index=True)[1]]  # of each item
    is_first_like = np.zeros(len(history), bool)
    is_first_like[first_likes] = True
    liked_before: BoolArray = np.cumsum(is_first_like) - is_first_like
    is_revealed: BoolArray = liked_before < n_given
    return is_revealed


def validation_holdout(training: Interactions, holdout: Holdout, split: Split) -> Holdout:
    """Give a holdout within the training events, of the same kind as the test, to choose settings on.

    Held-out users are those of the smallest hashes, so a larger share than the test's adds training users.
    """
    if split == Split.NEW_USERS:
        return Holdout(None, holdout.user_share + (1 - holdout.user_share) * VALIDATION_SHARE)
    until = int(np.quantile(training.at, 1 - VALIDATION_SHARE)) if len(training) else None
    return Holdout(until, 0.0)


def _no_users_message(split: Split, holdout: Holdout, n_given: int | None) -> str:
    if split == Split.NEW_USERS and n_given is not None:
        return (
            f"the split new-users has no test users: no user among the {holdout.user_share:.0%} held out "
            f"liked more than {n_given} items; choose a smaller --n-given, or leave it out"
        )
    if split == Split.NEW_USERS:
        return (
            f"the split new-users has no test users: no user among the {holdout.user_share:.0%} held out "
            "liked anything new in the last fifth of their events; import more users, or evaluate with "
            "--split global-time"
        )
    if holdout.until is None:
        return (
            "the split global-time has no test users: the vectors were trained with no moment held out; "
            "train with `bowerbird embed STORE --holdout default`, or evaluate with --split new-users"
        )
    return (
        "the split global-time has no test users: no user liked anything new after the holdout's moment; "
        "train again with `bowerbird embed STORE`, which chooses a moment for the events there are now"
    )

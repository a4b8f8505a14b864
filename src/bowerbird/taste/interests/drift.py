"""Whether a user's taste changed lately: the last sessions against all before, by a likelihood ratio.

Clicks of one session are not independent, so sessions are compared, not clicks: a user with three interests
follows one of them in a session, and three clicks on it say no more than that they came for it once. Few
clicks carry little evidence: see docs/log.md for how much an observer with all other knowledge could see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray
from bowerbird.data.interactions import History
from bowerbird.data.times import DAY, sessions_of
from bowerbird.taste.config import TASTE_CONFIG

CONFIG = TASTE_CONFIG.drift
"""Of its two thresholds of evidence one in four, and one in twelve, steady shoppers of the demo world reach
the first and the second within 16 events (benchmarks/README.md)."""

VectorsOf = Callable[[IntArray], FloatArray]
"""Rows (n, D) of length 1, or 0, for positions (n,)."""


@dataclass(frozen=True)
class Session:
    """Liked items of one session, each once."""

    at: int  # microseconds, of its first like
    items: IntArray  # (n,) int64, in the order in which they were first liked


@dataclass(frozen=True)
class Drift:
    """A change of taste before session `since` of `sessions`."""

    evidence: float  # nats
    sessions: list[Session]
    since: int

    @property
    def is_clear(self) -> bool:
        """Whether it is reported without a "perhaps"; a single session never is, whatever its evidence."""
        return self.evidence >= CONFIG.clear_evidence and len(self.sessions) - self.since > 1


def split_sessions(history: History) -> list[Session]:
    """A user's sessions with at least one like, in order of time."""
    liked = history.is_like
    number = sessions_of(history.at)[liked]
    sessions = []
    for session in np.unique(number):
        rows = np.flatnonzero(liked)[number == session]
        items = history.items[rows]
        in_order = items[np.sort(np.unique(items, return_index=True)[1])]
        sessions.append(Session(int(history.at[rows[0]]), in_order))
    return sessions


def detect_drift(history: History, vectors: VectorsOf, sample: FloatArray, now: int) -> Drift | None:
    """The change of the month before `now` with the most evidence, if there is enough of it.

    Evidence is the generalised likelihood ratio (Lorden, "Procedures for Reacting to a Change in
    Distribution", 1971; Basseville & Nikiforov, "Detection of Abrupt Changes", 1993, ch. 2.4):
    max over t of Σ_{s ≥ t} log(½ · p(s | new taste) / p(s | sessions before t) + ½). The new taste of a
    session s is its own items and the sessions since t; the ½ lets each session since t still be of the old
    taste.

    `sample` (S, D): vectors of items drawn evenly from the catalogue, against which similarity is measured.
    """
    sessions = split_sessions(history.where(history.at <= now))
    starts = [
        len(sessions) - back
        for back in range(1, CONFIG.max_sessions_back + 1)
        if len(sessions) - back >= CONFIG.min_sessions_before
        and sessions[-back].at > now - CONFIG.max_age_days * DAY
    ]
    if not starts:
        return None
    likelihood = _SessionLikelihood(sessions, vectors, sample)
    evidence, since = max((likelihood.evidence(start), -start) for start in starts)
    return Drift(evidence, sessions, -since) if evidence >= CONFIG.perhaps_evidence else None


class _SessionLikelihood:
    """How much likelier than by chance items are given other items, for the sessions of one user.

    The likelihood ratio of item i given item j is (1 − c) · exp(s·cos(i, j)) / mean over the sample of
    exp(s·cos(i, ·)) + c, with the sharpness s and the share of chance c.
    """

    def __init__(self, sessions: Sequence[Session], vectors: VectorsOf, sample: FloatArray) -> None:
        items = np.unique(np.concatenate([session.items for session in sessions]))
        rows = vectors(items).astype(np.float64)
        usual = np.exp(CONFIG.sharpness * (rows @ sample.T.astype(np.float64))).mean(axis=1, keepdims=True)
        kernel = np.exp(CONFIG.sharpness * (rows @ rows.T))
        chance = CONFIG.chance_share
        self._ratios = (1 - chance) * kernel / usual + chance  # (n, n)
        self._sessions = [np.searchsorted(items, session.items) for session in sessions]
        # log likelihood ratio of each item given each session, (sessions, n)
        self._given_session = np.log([self._ratios[session].mean(axis=0) for session in self._sessions])

    def evidence(self, start: int) -> float:
        """Log likelihood ratio of a new taste since session `start` to none."""
        total = 0.0
        for number in range(start, len(self._sessions)):
            session = self._sessions[number]
            as_old = _log_mean_exp(self._given_session[:start, session].sum(axis=1))
            since = self._given_session[start:number, session].sum(axis=1)
            as_new = _log_mean_exp(np.append(since, self._given_itself(session)))
            total += float(np.logaddexp(np.log(0.5) + as_new - as_old, np.log(0.5)))
        return total

    def _given_itself(self, session: IntArray) -> float:
        """Log likelihood ratio of a session's items, each given those before it; the first is by chance."""
        return float(
            sum(np.log(self._ratios[session[:k], session[k]].mean()) for k in range(1, len(session)))
        )


def _log_mean_exp(logs: DoubleArray) -> float:
    """The logarithm of the mean of numbers that are given by their logarithms."""
    return float(np.logaddexp.reduce(logs) - np.log(len(logs)))

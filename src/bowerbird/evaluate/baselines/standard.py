"""The baselines of every report, and the grid over which each is tuned."""

from __future__ import annotations

from collections.abc import Callable

from bowerbird.choices import Effort as Effort
from bowerbird.data.arrays import FloatArray
from bowerbird.data.splits import Holdout
from bowerbird.errors import InputError
from bowerbird.evaluate.baselines.bpr import BPR
from bowerbird.evaluate.baselines.ease import EASE
from bowerbird.evaluate.baselines.generic import GenericMax, GenericMean
from bowerbird.evaluate.baselines.ials import IALS
from bowerbird.evaluate.baselines.itemknn import ItemKNN
from bowerbird.evaluate.baselines.popularity import Popularity, RecentPopularity
from bowerbird.evaluate.baselines.scoring import ScoringRanker
from bowerbird.evaluate.baselines.tuning import Grid, Tuned
from bowerbird.evaluate.protocols import Split

HALF_LIVES = (None, 40.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5)
GRIDS: list[tuple[Callable[..., ScoringRanker], Grid]] = [
    (RecentPopularity, {"half_life_days": (3.0, 7.0, 14.0, 30.0, 90.0, 180.0, 365.0, 1000.0, 3650.0)}),
    (
        ItemKNN,
        {
            "neighbours": (5, 10, 20, 50, 100, 200, 400, 800),
            "shrink": (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
            "asymmetry": (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0),
            "half_life": HALF_LIVES,
        },
    ),
    (
        EASE,
        {
            "l2": (0.5, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 3000.0),
            "half_life": HALF_LIVES,
        },
    ),
    (
        IALS,
        {
            "factors": (8, 16, 32, 64, 128, 256),
            "confidence": (0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
            "l2": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
        },
    ),
    (
        BPR,
        {
            "scale": (0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
            "popularity": (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0),
            "epochs": (5, 10, 30, 100, 300),
            "l2": (0.001, 0.003, 0.01, 0.03, 0.1),
            "factors": (16, 32, 64, 128),
        },
    ),
]


def standard_baselines(
    generic: FloatArray,
    holdout: Holdout,
    split: Split,
    k: int = 20,
    n_given: int | None = None,
    effort: Effort = Effort.ALL,
) -> list[ScoringRanker | Tuned]:
    """Make every baseline, to be tuned for the split; `generic`: untrained vectors (items, d), normalised.

    Raises `InputError` where neural baselines are requested and their dependencies are not installed.
    """

    def generic_mean(half_life: float | None = None) -> GenericMean:
        return GenericMean(generic, half_life=half_life)

    searches = [*GRIDS, (generic_mean, {"half_life": HALF_LIVES})]
    n_trials = 40 if effort is Effort.ALL else 12
    tuned = [Tuned(make, grid, holdout, split, k, n_given, budget=n_trials) for make, grid in searches]
    neural = _neural_searches() if effort is Effort.ALL else []
    tuned += [Tuned(make, grid, holdout, split, k, n_given, budget=budget) for make, grid, budget in neural]
    return [Popularity(), *tuned, GenericMax(generic)]


def _neural_searches() -> list[tuple[Callable[..., ScoringRanker], Grid, int]]:
    """Each neural baseline, its grid and its number of trials: one takes a minute, not a second."""
    try:
        from bowerbird.evaluate.baselines.deep.lightgcn import LightGCN
        from bowerbird.evaluate.baselines.deep.sasrec import SASRec
    except ImportError as error:
        raise InputError(
            f"the baselines SASRec and LightGCN need {error.name or error}, which is not installed: "
            "pip install 'bowerbird[models,evaluate]', or use --baselines quick"
        ) from error
    return [
        (LightGCN, {"layers": (1, 2, 3), "l2": (1e-5, 1e-4, 1e-3, 1e-2)}, 4),
        (
            SASRec,
            {
                "dropout": (0.2, 0.4, 0.6),
                "learning_rate": (5e-4, 1e-3, 2e-3, 4e-3),
                "horizon": (1, 5, 20, 100),
            },
            6,
        ),
    ]

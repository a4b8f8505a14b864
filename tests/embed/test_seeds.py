"""Means and deviations over seeds, against the numbers that they are of."""

from __future__ import annotations

from bowerbird.embed.train.seeds import over_seeds


def of_one(warm: float, cold: float | None, trust: float) -> dict[str, object]:
    return {"trust": trust, "what": "", "tower": {"warm": warm, "cold": cold}, "untrained": None}


def test_what_seeds_agree_on() -> None:
    told = over_seeds(5, [of_one(0.1, 0.2, 1.0), of_one(0.3, None, 0.5)])
    assert told == {
        "seeds": [5, 6],
        "trust": [1.0, 0.5],
        "mean": {"tower": {"warm": 0.2, "cold": None}},
        "deviation": {"tower": {"warm": 0.14142, "cold": None}},
    }


def test_one_seed_does_not_spread() -> None:
    told = over_seeds(0, [of_one(0.1, 0.2, 1.0)])
    assert told["mean"]["tower"] == {"warm": 0.1, "cold": 0.2}
    assert told["deviation"]["tower"] == {"warm": 0.0, "cold": 0.0}

"""Means and deviations over seeds, against numbers computed by hand."""

from __future__ import annotations

from bowerbird.embed.train.seeds import summarize_seeds


def metrics_of_seed(warm: float, cold: float | None, weight: float) -> dict[str, object]:
    return {"trust": weight, "what": "", "tower": {"warm": warm, "cold": cold}, "untrained": None}


def test_what_seeds_agree_on() -> None:
    summary = summarize_seeds(5, [metrics_of_seed(0.1, 0.2, 1.0), metrics_of_seed(0.3, None, 0.5)])
    assert summary == {
        "seeds": [5, 6],
        "trust": [1.0, 0.5],
        "mean": {"tower": {"warm": 0.2, "cold": None}},
        "deviation": {"tower": {"warm": 0.14142, "cold": None}},
    }


def test_one_seed_does_not_spread() -> None:
    summary = summarize_seeds(0, [metrics_of_seed(0.1, 0.2, 1.0)])
    assert summary["mean"]["tower"] == {"warm": 0.1, "cold": 0.2}
    assert summary["deviation"]["tower"] == {"warm": 0.0, "cold": 0.0}

"""Who leads is what sorting everything says, whether much is open or little."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.interactions import Interactions
from bowerbird.recommend import popularity
from bowerbird.recommend.models.popularity import MONTH, Popularity
from bowerbird.taste.state import DAY


@pytest.mark.parametrize("head", [1, 5, 40, 4_096])
def test_leading_is_the_head_of_a_whole_order(monkeypatch: pytest.MonkeyPatch, head: int) -> None:
    monkeypatch.setattr(popularity, "HEAD", head)
    rng = np.random.default_rng(0)
    n, likes = 60, 400
    items = (n * rng.random(likes) ** 2).astype(np.int64)
    at = np.repeat(np.arange(likes // 10) * DAY, 10)  # many equal moments, so many equal shares
    events = Interactions(
        [f"u{k}" for k in range(20)], rng.integers(0, 20, likes), items, np.full(likes, 2, np.int8), at, n
    )
    found = Popularity.of(events, np.arange(n))
    share = found.share(int(at[-1]), MONTH)
    whole = np.lexsort((np.arange(n), -share))
    for openness in (1.0, 0.5, 0.05):
        open_ = rng.random(n) < openness
        expected = [row for row in whole if open_[row] and share[row] > 0]
        for count in (1, 7, 30):
            got = found.leading(open_, count, int(at[-1]), MONTH)
            assert got.tolist() == expected[:count]

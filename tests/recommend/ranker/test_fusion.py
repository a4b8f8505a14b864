"""The plain fusion, term by term."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.interactions import Interactions
from bowerbird.data.ranks import FUSION_K
from bowerbird.recommend.config import RankerConfig
from bowerbird.recommend.ranker.fusion import blend, fuse_sources
from bowerbird.recommend.sources.source import FusionTerm, Role
from bowerbird.taste.state.user_state import TasteState

from ..conftest import history_of, ranker_on

TERMS = [
    FusionTerm("likers", 1.0, Role.COLLABORATIVE),
    FusionTerm("nearest", 1.0, Role.CONTENT),
    FusionTerm("mean", 1.0, Role.CONTENT),
    FusionTerm("values", 0.5, Role.PERSONAL),
    FusionTerm("popular", 0.15, Role.GENERAL),
]
COLUMNS = {term.feature: number for number, term in enumerate(TERMS)}
RANKS = {  # three candidates; nobody has liked the last
    "likers": [0, 1, np.nan],
    "nearest": [2, 1, 0],
    "mean": [1, 2, 0],
    "values": [0, 2, 1],
    "popular": [1, 0, 2],
}


def table(**changed: list[float]) -> np.ndarray:
    return np.log1p(np.array(list((RANKS | changed).values()))).T.astype(np.float32)


def test_known_users_are_ranked_by_all_terms() -> None:
    fused = fuse_sources(table(), COLUMNS, TERMS, content_weight=3.0)
    for row in range(3):
        likers = RANKS["likers"][row]
        if np.isnan(likers):  # content stands in
            likers = (RANKS["nearest"][row] + RANKS["mean"][row]) / 2
        expected = 1 / (FUSION_K + likers)
        expected += 3 / (FUSION_K + RANKS["nearest"][row]) + 3 / (FUSION_K + RANKS["mean"][row])
        expected += 0.5 / (FUSION_K + RANKS["values"][row]) + 0.15 / (FUSION_K + RANKS["popular"][row])
        assert fused[row] == pytest.approx(expected, rel=1e-6)


def test_of_users_who_like_nothing_only_general_terms_count() -> None:
    unknown = [np.nan] * 3
    fused = fuse_sources(table(nearest=unknown, mean=unknown), COLUMNS, TERMS, content_weight=3.0)
    np.testing.assert_allclose(fused, [0.15 / (FUSION_K + rank) for rank in RANKS["popular"]], rtol=1e-6)


def test_the_learned_order_has_its_weight_next_to_the_fused_one() -> None:
    learned, fused = np.array([0.1, 0.9, 0.5]), np.array([3.0, 1.0, 2.0])
    expected = [
        RankerConfig.learned_weight / (FUSION_K + a) + 1 / (FUSION_K + b)
        for a, b in zip([2, 0, 1], [0, 2, 1], strict=True)
    ]
    np.testing.assert_allclose(blend(learned, fused, RankerConfig.learned_weight), expected, rtol=1e-6)


def test_a_ranker_without_a_learned_order_fuses_its_sources(two_groups: Interactions) -> None:
    """By scores read off the sources' models and vectors, not off the feature table."""
    ranker = ranker_on(two_groups)
    assert ranker.trees is None, "20 users are too few to learn an order from"
    state = TasteState.of(history_of(0, 2, 4))
    (candidates,) = ranker.candidates([state], [np.ones(20, bool)])
    scores, query = ranker.score(candidates.features), candidates.query
    popularity, vectors = ranker.context.popularity, np.asarray(ranker.items.vectors)
    similar = vectors @ vectors[[0, 2, 4]].T
    end, days = popularity.end, popularity.lately
    models = {source.name: source.model for source in ranker.sources if hasattr(source, "model")}
    liked, weights, everything = query.liked.items, query.weights, np.arange(20)
    terms = [(0.15, popularity.share(at, days)) for at in (query.at, end)]
    terms += [(0.15, popularity.share(end, days, beginners=True))]
    terms += [(1.0, models["co-engagement"].scores_of(liked, weights))]
    terms += [(0.5, models["latent-factors"].scores(liked, weights))]
    terms += [(0.5, models["transitions"].scores(query.liked))]
    terms += [(1.0, similar.max(axis=1)), (1.0, similar @ query.recent_weights)]
    affinity = models["attributes"]
    terms += [
        (0.5, np.nansum(affinity.scores_by_facet(affinity.preferences(liked, weights), everything), axis=1))
    ]
    for row, item in enumerate(candidates.positions):
        ranks = [int((values[candidates.positions] > values[item]).sum()) for _, values in terms]
        expected = sum(weight / (FUSION_K + rank) for (weight, _), rank in zip(terms, ranks, strict=True))
        assert scores[row] == pytest.approx(expected, rel=1e-5)

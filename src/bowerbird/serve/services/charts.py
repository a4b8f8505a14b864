"""Lists for nobody in particular: what is trending, popular or new, and all that passes a filter."""

from __future__ import annotations

import numpy as np

from bowerbird.recommend.lists.charts import Chart, best_of, chart_scores
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.items import ScoredItems
from bowerbird.serve.bodies.lists import ListQuery
from bowerbird.serve.pages import Page, now

HALF_LIFE_DAYS = 7.0


def chart(
    app_state: AppState, name: Chart, query: ListQuery, half_life_days: float = HALF_LIFE_DAYS
) -> ScoredItems:
    """The best items of a chart; the half-life is that of a like in what is trending."""
    served = app_state.served
    served.taste.refresh()
    page = Page.of(app_state, served, query, name.value)
    scores = chart_scores(name, served.recommender, now(), half_life_days)
    return ScoredItems(**page.scored(best_of(scores, page.sold, page.n, served.catalogue.articles)))


def browse(app_state: AppState, query: ListQuery) -> ScoredItems:
    """All items that pass a filter, the most popular first; those that nobody likes come last."""
    served = app_state.served
    page = Page.of(app_state, served, query, "browse")
    scores = chart_scores(Chart.POPULAR, served.recommender, now()) + np.finfo(np.float64).tiny
    return ScoredItems(**page.scored(best_of(scores, page.sold, page.n, served.catalogue.articles)))

"""Lists for nobody in particular: what is trending, popular or new."""

from __future__ import annotations

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

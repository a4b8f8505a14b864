"""What a set of items misses, by what stands together in collections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from fastapi import HTTPException

from bowerbird.recommend.completion.completer import Completer
from bowerbird.recommend.reasons import Reason
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.items import RelatedItems
from bowerbird.serve.bodies.lists import CompletionQuery, CompletionRequest
from bowerbird.serve.pages import Page, positions_of


def complete(
    app_state: AppState, item_ids: Sequence[str], query: CompletionQuery | CompletionRequest
) -> RelatedItems:
    """Items that a set misses; unknown ids are left out.

    Status 404 where all ids are unknown, and in a shop without collections. The first completion after an
    import may train a model.
    """
    served = app_state.served
    positions, _ = positions_of(item_ids, served)
    if not len(positions):
        raise HTTPException(404, "there is none of these items")
    if not served.snapshot.collections:
        raise HTTPException(404, "this shop has no collections (boards, outfits) to learn from")
    ids = [served.catalogue.ids[position] for position in np.sort(positions)]
    page = Page.of(app_state, served, query, "complete", *ids)
    completions = Completer.open(served.snapshot).complete(ids, page.n, page.eligible)
    best = [(served.catalogue.position[each.item_id], each.score) for each in completions]
    return related(page, best, [each.explanation for each in completions])


def related(page: Page, best: Sequence[tuple[int, float]], reasons: Sequence[Reason]) -> RelatedItems:
    """The answer with items by position and score, each with its reason."""
    rows = [
        page.served.item(position)
        | {"score": score, "propensity": 1.0, "reason": reason.phrase(page.language)}
        for (position, score), reason in zip(best, reasons, strict=True)
    ]
    return RelatedItems(**page.answer([position for position, _ in best], rows))

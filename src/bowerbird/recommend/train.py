"""Makes what the versions in force lack before they can be served: interests, ranker, everybody's taste.

A server runs this as a process of its own (`python -m bowerbird.recommend.train STORE`), so that its answers
go on as quickly as before.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bowerbird.data.store import Store
from bowerbird.errors import BowerbirdError
from bowerbird.recommend.saved import open_ranker
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.kept_interests import publish_interests


def complete(store: Store) -> None:
    """Make and publish what the set of versions in force lacks; waits for another process that does so.

    Raises `StoreError` where there are no items or no vectors.
    """
    with store.alone("complete"):
        snapshot = store.snapshot()
        graph = TasteGraph.open(snapshot)
        publish_interests(snapshot)
        graph.save()
        open_ranker(snapshot)


if __name__ == "__main__":
    try:
        complete(Store.open(Path(sys.argv[1])))
    except BowerbirdError as error:
        sys.exit(f"error: {error}")

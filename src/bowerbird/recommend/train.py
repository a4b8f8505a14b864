"""Makes what the versions in force lack before they can be served: interests, ranker, everybody's taste.

A server runs this as a process of its own (`python -m bowerbird.recommend.train STORE`), so that its answers
go on as quickly as before.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bowerbird.data.store import Store
from bowerbird.recommend.saved import open_ranker
from bowerbird.taste.graph import TasteGraph


def complete(store: Store) -> None:
    """Make and publish what the set of versions in force lacks.

    Raises `StoreError` where there are no items or no vectors.
    """
    snapshot = store.snapshot()
    TasteGraph.open(snapshot).save()
    open_ranker(snapshot)


if __name__ == "__main__":
    complete(Store.open(Path(sys.argv[1])))

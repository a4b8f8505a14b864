"""Erases who is queued, and makes what the versions in force lack before they can be served: interests,
ranker, everybody's taste.

A server runs this as a process of its own (`python -m bowerbird.recommend.train STORE`), so that its answers
go on as quickly as before.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bowerbird.data.store import Store
from bowerbird.errors import BowerbirdError
from bowerbird.recommend.saved import open_ranker
from bowerbird.taste.control.forgetting import erase_queued
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.saved_interests import publish_interests


def complete(store: Store) -> None:
    """Erase all who are queued, then make and publish what the set of versions in force lacks.

    In this order and in one process: a training that begins after the erasures of a batch is not overtaken by
    the next batch, however many come. Waits for another process that does the same. Raises `StoreError` where
    there are no items or no vectors.
    """
    with store.exclusive("complete"):
        before = store.snapshot()
        erase_queued(store, begun=TasteGraph.open(before).refresh)
        snapshot = store.snapshot(before)
        graph = TasteGraph.open(snapshot)
        publish_interests(snapshot)
        graph.save()
        open_ranker(snapshot)


if __name__ == "__main__":
    try:
        complete(Store.open(Path(sys.argv[1])))
    except BowerbirdError as error:
        sys.exit(f"error: {error}")

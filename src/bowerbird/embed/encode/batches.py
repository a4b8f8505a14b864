"""Contents in batches, and their encoding by threads of this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np

Batch = Sequence[bytes]
Encode = Callable[[Batch], np.ndarray]
"""Contents to their rows, (B, D) float16; zeros for what can't be read."""
AHEAD = 2
"""Batches that wait for each worker: enough that none is ever idle, few enough that memory stays bounded."""


def in_batches(contents: Iterable[bytes], size: int) -> Iterator[Batch]:
    """Contents in batches of a size, the last one perhaps smaller."""
    contents = iter(contents)
    while batch := list(islice(contents, size)):
        yield batch


def by_threads(encode: Encode, batches: Iterable[Batch], workers: int) -> Iterator[np.ndarray]:
    """The rows of each batch, in order; at most `AHEAD` batches a worker are held in memory."""
    import torch

    threads = torch.get_num_threads()
    waiting: deque[Future[np.ndarray]] = deque()
    # Set in every worker: OpenMP counts threads for each of its callers.
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for batch in batches:
                waiting.append(pool.submit(encode, batch))
                if len(waiting) > AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            torch.set_num_threads(threads)

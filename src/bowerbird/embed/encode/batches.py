"""Split contents into batches and encode these in threads of this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Batch = Sequence[bytes]
EncodeFunction = Callable[[Batch], NDArray[np.float16]]
"""Maps a batch of contents to feature rows (B, D) float16; zeros for contents that can't be read."""
BATCHES_AHEAD = 2
"""Batches queued per worker: enough that no worker is ever idle, few enough that memory stays bounded."""


def split_into_batches(contents: Iterable[bytes], size: int) -> Iterator[Batch]:
    """Split contents into batches of `size`; the last one may be smaller."""
    contents = iter(contents)
    while batch := list(islice(contents, size)):
        yield batch


def encode_in_threads(
    encode: EncodeFunction, batches: Iterable[Batch], workers: int
) -> Iterator[NDArray[np.float16]]:
    """Yield the rows of each batch, in order; at most `BATCHES_AHEAD` batches per worker are in memory."""
    import torch

    torch_threads = torch.get_num_threads()
    pending: deque[Future[NDArray[np.float16]]] = deque()
    # Set in every worker: OpenMP keeps a thread count for each calling thread.
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for batch in batches:
                pending.append(pool.submit(encode, batch))
                if len(pending) > BATCHES_AHEAD * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
            torch.set_num_threads(torch_threads)

"""Encodes content in batches on all cores: by threads of this process, or by Ray Data on a cluster.

A batch is decoded and encoded by one worker on one thread, and the batches are fixed before the work starts.
So the rows are the same to the bit for any engine and any number of workers. Threads suffice locally: Pillow,
torch and OpenVINO release the interpreter lock while they work, and one copy of the encoder serves all
threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bowerbird.choices import Engine
from bowerbird.embed.encode.batches import Batch, EncodeFunction, encode_in_threads
from bowerbird.errors import InputError


@dataclass(frozen=True)
class Precompute:
    """Settings of batch encoding."""

    engine: Engine = Engine.LOCAL
    """`local`: threads of this process; `ray`: Ray Data, which needs `bowerbird[ray]`."""
    workers: int | None = None
    """Batches encoded at a time; None: the number of cores that this process may use."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InputError(f"{self.workers} workers encode nothing, expected 1 or more")

    @property
    def concurrency(self) -> int:
        """Number of workers."""
        return self.workers or len(os.sched_getaffinity(0))

    def start(self) -> AbstractContextManager[None]:
        """Start the engine, so that several encodings share it; a context manager.

        Raises `BackboneError` if the engine is Ray and Ray is not installed.
        """
        if self.engine is Engine.LOCAL:
            return nullcontext()
        from bowerbird.embed.encode.ray import ray_session

        return ray_session(self.concurrency)

    def encode_batches(
        self, load: Callable[[], EncodeFunction], batches: Iterable[Batch], scratch: Path
    ) -> Iterator[NDArray[np.float16]]:
        """Yield the rows of each batch, in order. `load` creates the encoder where it runs; `scratch` is
        a folder for temporary files.

        Raises `BackboneError` if the encoder is not available.
        """
        if self.engine is Engine.LOCAL:
            return encode_in_threads(load(), batches, self.concurrency)
        from bowerbird.embed.encode.ray import encode_with_ray

        return encode_with_ray(load, batches, self.concurrency, scratch)


LOCAL = Precompute()
"""Threads of this process, one per core."""

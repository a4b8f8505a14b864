"""Encodes much content in batches, on all cores: by threads here, or by Ray Data anywhere.

A batch is decoded and encoded by one worker on one thread, and what it holds is settled before anybody
begins. So the rows are the same to the bit whoever computes them and however many there are. Threads are
enough here: Pillow, torch and OpenVINO let go of the interpreter while they work, and one copy of the encoder
serves all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bowerbird.embed.encode.batches import Batch, Encode, by_threads
from bowerbird.errors import InputError


@dataclass(frozen=True)
class Precompute:
    """Who encodes."""

    engine: Literal["local", "ray"] = "local"
    """`local`: threads of this process; `ray`: Ray Data, which needs `bowerbird[ray]`."""
    workers: int | None = None
    """Batches that are encoded at a time; None: as many as this process may use cores."""

    def __post_init__(self) -> None:
        if self.engine not in ("local", "ray"):
            raise InputError(f"the engine is {self.engine!r}, expected local or ray")
        if self.workers is not None and self.workers < 1:
            raise InputError(f"{self.workers} workers encode nothing, expected 1 or more")

    @property
    def concurrency(self) -> int:
        """How many workers there are."""
        return self.workers or len(os.sched_getaffinity(0))

    def ready(self) -> AbstractContextManager[None]:
        """What lets several encodings share one start of the engine.

        Raises `BackboneError` where Ray is wanted and not installed.
        """
        if self.engine == "local":
            return nullcontext()
        from bowerbird.embed.encode.ray import running

        return running(self.concurrency)

    def encoded(
        self, load: Callable[[], Encode], batches: Iterable[Batch], scratch: Path
    ) -> Iterator[np.ndarray]:
        """The rows of each batch, in order. `load` makes the encoder, where it is to run; `scratch` is
        a folder for what an engine must write meanwhile.

        Raises `BackboneError` where the encoder can't be had.
        """
        if self.engine == "local":
            return by_threads(load(), batches, self.concurrency)
        from bowerbird.embed.encode.ray import by_ray

        return by_ray(load, batches, self.concurrency, scratch)


LOCAL = Precompute()
"""Threads of this process, one a core."""

"""The encoding of batches by Ray Data: on this machine's cores, or on the cluster that Ray is connected to.

What is to be encoded is written to one Arrow file, a record batch each; Ray's actors map it and encode the
batches whose numbers they are given. On several machines the store's folder, where that file lies, must be
shared.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bowerbird.embed.encode.batches import Batch, Encode
from bowerbird.errors import BackboneError

SCHEMA = pa.schema([pa.field("content", pa.large_binary())])


class BatchEncoder:
    """What each of Ray's actors does: encode the batches of a file by number."""

    def __init__(self, load: Callable[[], Encode], path: Path) -> None:
        import torch

        torch.set_num_threads(1)
        self._encode = load()
        self._file = pa.ipc.open_file(pa.memory_map(str(path)))

    def __call__(self, asked: dict[str, np.ndarray]) -> dict[str, list[Any]]:
        """One batch's number to its rows, as bytes: batches differ in length."""
        rows = [self._encode(self._file.get_batch(int(n))["content"].to_pylist()) for n in asked["item"]]
        return {
            "number": list(asked["item"]),
            "width": [one.shape[1] for one in rows],
            "rows": [one.tobytes() for one in rows],
        }


@contextmanager
def running(workers: int) -> Iterator[None]:
    """Ray on this machine while the block runs; where the process is connected to a Ray already, that one.

    Raises `BackboneError` where Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no reports to its makers
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise BackboneError(
            "the engine ray needs Ray, which is not installed: pip install 'bowerbird[ray]', or use --engine "
            "local"
        ) from error
    if ray.is_initialized():
        yield
        return
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def by_ray(
    load: Callable[[], Encode], batches: Iterable[Batch], workers: int, scratch: Path
) -> Iterator[np.ndarray]:
    """The rows of each batch, in order.

    The batches wait in a file in the folder `scratch`, which all of Ray's machines must see.
    """
    for left in scratch.glob(".batches-*"):  # by a killed run
        shutil.rmtree(left, ignore_errors=True)
    with running(workers), tempfile.TemporaryDirectory(prefix=".batches-", dir=scratch) as folder:
        path = Path(folder).absolute() / "batches.arrow"
        yield from _mapped(load, path, _written(batches, path), workers)


def _written(batches: Iterable[Batch], path: Path) -> int:
    """Write the batches; how many there are."""
    count = 0
    with pa.ipc.new_file(path, SCHEMA) as file:
        for batch in batches:
            file.write_batch(pa.record_batch([pa.array(batch, pa.large_binary())], schema=SCHEMA))
            count += 1
    return count


def _mapped(load: Callable[[], Encode], path: Path, count: int, workers: int) -> Iterator[np.ndarray]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # ours is shown
    context.execution_options.preserve_order = True
    done = ray.data.from_items(list(range(count)), override_num_blocks=count).map_batches(
        BatchEncoder,
        fn_constructor_args=(load, path),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
    )
    for expected, row in enumerate(done.iter_rows()):
        assert row["number"] == expected
        yield np.frombuffer(row["rows"], np.float16).reshape(-1, row["width"])

"""Encodes batches by Ray Data: on this machine's cores, or on the cluster that Ray is connected to.

The contents are written to one Arrow file, one record batch per batch; Ray's actors map it and encode the
batches whose numbers they receive. On several machines the store's folder, which holds that file, must be
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
from numpy.typing import NDArray

from bowerbird.data.arrays import IntArray
from bowerbird.embed.encode.batches import Batch, EncodeFunction
from bowerbird.errors import BackboneError

SCHEMA = pa.schema([pa.field("content", pa.large_binary())])


class BatchEncoder:
    """A Ray actor that encodes the batches of a file by number."""

    def __init__(self, load: Callable[[], EncodeFunction], path: Path) -> None:
        import torch

        torch.set_num_threads(1)
        self._encode = load()
        self._file = pa.ipc.open_file(pa.memory_map(str(path)))

    def __call__(self, request: dict[str, IntArray]) -> dict[str, list[Any]]:
        """Encode the batches of the requested numbers; rows as bytes, since batches differ in length."""
        rows = [
            self._encode(self._file.get_batch(int(number))["content"].to_pylist())
            for number in request["item"]
        ]
        return {
            "number": list(request["item"]),
            "width": [batch_rows.shape[1] for batch_rows in rows],
            "rows": [batch_rows.tobytes() for batch_rows in rows],
        }


@contextmanager
def ray_session(workers: int) -> Iterator[None]:
    """Run Ray on this machine for the block, or use the Ray that the process is connected to already.

    Raises `BackboneError` if Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no usage reports
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


def encode_with_ray(
    load: Callable[[], EncodeFunction], batches: Iterable[Batch], workers: int, scratch: Path
) -> Iterator[NDArray[np.float16]]:
    """Yield the rows of each batch, in order.

    The batches are written to a file in the folder `scratch`, which all of Ray's machines must see.
    """
    for leftover in scratch.glob(".batches-*"):  # of a killed run
        shutil.rmtree(leftover, ignore_errors=True)
    with ray_session(workers), tempfile.TemporaryDirectory(prefix=".batches-", dir=scratch) as folder:
        path = Path(folder).absolute() / "batches.arrow"
        yield from _encode_written_batches(load, path, _write_batches(batches, path), workers)


def _write_batches(batches: Iterable[Batch], path: Path) -> int:
    """Write the batches and count them."""
    count = 0
    with pa.ipc.new_file(path, SCHEMA) as file:
        for batch in batches:
            file.write_batch(pa.record_batch([pa.array(batch, pa.large_binary())], schema=SCHEMA))
            count += 1
    return count


def _encode_written_batches(
    load: Callable[[], EncodeFunction], path: Path, count: int, workers: int
) -> Iterator[NDArray[np.float16]]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # our own progress bar is shown
    context.execution_options.preserve_order = True
    encoded = ray.data.from_items(list(range(count)), override_num_blocks=count).map_batches(
        BatchEncoder,
        fn_constructor_args=(load, path),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
    )
    for number, row in enumerate(encoded.iter_rows()):
        assert row["number"] == number
        yield np.frombuffer(row["rows"], np.float16).reshape(-1, row["width"])

"""Train a graft and publish it.

The connector is initialised in closed form, then trained (`alignment.py`), optionally together with an
adapter of the language model. The checkpoint is kept in `graft/.training`, so an interrupted training resumes
where it stopped, also where it stopped in what is trained on the published graft. Under `accelerate launch`
every process trains on different questions, and the first process publishes. The request head (`head/`) is
trained afterwards, with the recommender from conversations.
"""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from accelerate import PartialState
from safetensors.torch import save_file

from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftConfig, GraftMeta
from bowerbird.graft.connector import Connector
from bowerbird.graft.examples.dataset import GraftDataset
from bowerbird.graft.training.graft_training import GraftTraining


def train_nothing() -> None:
    """Train nothing on the published graft."""


def train_graft(
    store: Store, config: GraftConfig | None = None, train_on_graft: Callable[[], object] = train_nothing
) -> Version:
    """Graft the store's current vectors into a language model and publish the result.

    `train_on_graft` trains what reads the published graft, in the first process. Where it is interrupted, the
    same call continues with it, and does not publish another graft, of which it could reuse nothing.
    Raises `StoreError` if there are no items or vectors, `BackboneError` if the base can't be loaded.
    """
    config = config or GraftConfig()
    process = PartialState()
    if process.is_main_process:
        with store.training_lock("bowerbird graft"):
            _train_and_publish(store, config)
    else:
        _train_and_publish(store, config)
    process.wait_for_everyone()
    version = store.current("graft")
    assert version is not None
    if process.is_main_process:
        train_on_graft()
        shutil.rmtree(_training_folder(store), ignore_errors=True)
    return version


def _train_and_publish(store: Store, config: GraftConfig) -> None:
    snapshot = store.snapshot()
    dataset, vectors = GraftDataset.from_snapshot(snapshot), load_vectors(snapshot)
    start = time.perf_counter()
    base = Base.load(config.base)
    loading_seconds = time.perf_counter() - start
    training = GraftTraining(_training_folder(store), base, dataset, config, vectors.version)
    if training.published == snapshot.names.get("graft"):
        return
    connector, metrics = training.align()
    if not PartialState().is_main_process:
        return
    meta = GraftMeta(
        config=config,
        base=base.name,
        base_fingerprint=base.fingerprint,
        base_type=type(base.model).__name__,
        hidden=base.hidden,
        dim=int(vectors.matrix.shape[1]),
        tokens=config.tokens,
        adapt=config.adapt,
        vectors=vectors.version,
        markers={"item": base.placeholder_id},
        holdout=vectors.holdout,
        metrics=metrics,
        alignment_steps=training.steps,
        seconds=time.perf_counter() - start,
        loading_seconds=loading_seconds,
        peak_memory_mb=peak_memory_mb(),
    )
    with store.lock("bowerbird graft", wait=True), store.publishing(GraftMeta.KIND, meta) as folder:
        save_connector(folder, connector)
        training.decoder.save(folder)
    training.finish(store.snapshot().names["graft"])


def _training_folder(store: Store) -> Path:
    return store.path / GraftMeta.KIND / ".training"


def save_connector(folder: Path, connector: Connector) -> None:
    """Write the connector into a version's folder."""
    state = {name: tensor.contiguous() for name, tensor in connector.state_dict().items()}
    save_file(state, folder / "connector.safetensors")


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far, in MiB (Linux counts KiB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)

"""Training a graft: connector, then retrieval head, then publish.

1. The connector starts in closed form and learns to be read, from captions (`captions.py`).
2. The language model reads people's sequences through it once; its states are kept (`sequences.py`).
3. The retrieval head is fitted on those states (`ranking.py`).

Everything on the way is kept in `graft/.training`, so that an interrupted training goes on where it stopped.
Only events of the vectors' own training part are learnt from.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store, Version
from bowerbird.embed.vectors import Vectors, load_vectors
from bowerbird.errors import StoreError
from bowerbird.graft.base import Base
from bowerbird.graft.captions import CaptionTraining, caption, telling_words
from bowerbird.graft.config import GraftConfig as GraftConfig
from bowerbird.graft.connector import Connector
from bowerbird.graft.head import RetrievalHead
from bowerbird.graft.ranking import Examples, FittedHead, Judges, examples_of, fit_head
from bowerbird.graft.sequences import Liked, Reader, Window, windows_of
from bowerbird.progress import track

CAPTION_SHARE, READING_SHARE, HEAD_SHARE = 0.7, 0.2, 0.1
CHECKPOINT_SECONDS = 20.0
MOST_EXAMPLES = 40_000
"""States kept at most: some 400 MB for a hidden width of 576."""


@dataclass(frozen=True)
class Lesson:
    """What a store teaches: captions and sequences, each with a part left out to judge by."""

    matrix: np.ndarray
    captions: dict[int, str]
    judged_captions: dict[int, str]
    sequences: list[Liked]
    judged_sequences: list[Liked]

    @classmethod
    def of(cls, store: Store, vectors: Vectors, catalogue: Catalogue) -> Lesson:
        matrix = vectors.aligned(catalogue)
        said = {
            position: text
            for position in np.flatnonzero(np.abs(matrix).sum(1) > 0).tolist()
            if (text := caption(catalogue, position))
        }
        judged = {p: text for p, text in said.items() if left_out(catalogue.ids[p])}
        events = Interactions.of(store.log.read(), catalogue)
        training = holdout_of(vectors).training(events)
        share = float(np.clip(200 / max(1, len(events.users)), 0.02, 0.2))
        people: dict[bool, list[Liked]] = {False: [], True: []}
        for person, history in training.histories():
            liked = Liked.of(history)
            if len(liked) >= 2:
                people[left_out(training.users[person], share)].append(liked)
        return cls(
            matrix,
            {p: text for p, text in said.items() if p not in judged},
            judged,
            people[False] or people[True],
            people[True],
        )


def holdout_of(vectors: Vectors) -> Holdout:
    """What the vectors were never trained on. Raises `StoreError` where they do not say."""
    if "holdout" not in vectors.meta:
        raise StoreError(
            f"the vectors {vectors.version} do not say which events they were kept from: "
            "run `bowerbird embed` again, so that what is judged was never learnt"
        )
    return Holdout(**vectors.meta["holdout"])


def left_out(identifier: str, share: float = 0.1) -> bool:
    """Whether an item or a person judges the training instead of taking part; not the holdout's hash."""
    digest = hashlib.blake2b(identifier.encode(), digest_size=8, person=b"graft-judge").digest()
    return int.from_bytes(digest, "big") < share * 2**64


def train_graft(store: Store, config: GraftConfig | None = None) -> Version:
    """Graft the store's current vectors into a language model and publish the result.

    Raises `StoreError` without items or vectors, `BackboneError` where the base can't be loaded.
    """
    config = config or GraftConfig()
    with store.lock("bowerbird graft"):
        catalogue, vectors = store.catalogue(), load_vectors(store)
        lesson = Lesson.of(store, vectors, catalogue)
        start = time.perf_counter()
        base = Base.load(config.base)
        loading = time.perf_counter() - start
        training = GraftTraining(store.path / "graft" / ".training", base, lesson, config, vectors.version)
        connector, caption_metrics = training.connector()
        fitted = training.head(connector)
        meta = _meta(base, vectors, config, caption_metrics | (fitted.metrics if fitted else {}))
        meta |= {
            "layer": training.layers[fitted.layer] if fitted else None,
            "caption_steps": training.caption_steps,
            "seconds": time.perf_counter() - start,
            "loading_seconds": loading,
            "peak_memory_mb": peak_memory_mb(),
        }
        head = fitted.head if fitted else None
        with store.publishing("graft", meta) as folder:
            save_parts(folder, connector, head)
        training.forget()
    version = store.current("graft")
    assert version is not None
    return version


def save_parts(folder: Path, connector: Connector, head: RetrievalHead | None) -> None:
    """Write what was trained: `connector.safetensors` and, where people taught one, `head.safetensors`."""
    save_file(_contiguous(connector.state_dict()), folder / "connector.safetensors")
    if head is not None:
        save_file(_contiguous(head.state_dict()), folder / "head.safetensors")


def _contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in state.items()}


def _meta(base: Base, vectors: Vectors, config: GraftConfig, metrics: dict[str, float]) -> dict[str, Any]:
    return {
        "base": base.name,
        "base_fingerprint": base.fingerprint,
        "base_type": type(base.model).__name__,
        "hidden": base.hidden,
        "dim": int(vectors.matrix.shape[1]),
        "vectors": vectors.version,
        "markers": {"item": base.item_id, "recommend": base.recommend_id},
        "history": config.history,
        "holdout": vectors.meta["holdout"],
        "config": dataclasses.asdict(config),
        "metrics": metrics,
    }


class GraftTraining:
    """The slow parts, with what is needed to go on after an interruption kept in `folder`."""

    def __init__(
        self, folder: Path, base: Base, lesson: Lesson, config: GraftConfig, vectors_version: str
    ) -> None:
        self.folder, self.base, self.lesson, self.config = folder, base, lesson, config
        depth = int(base.model.config.num_hidden_layers)
        self.layers = sorted({max(1, round(depth * share)) for share in (0.25, 0.5, 0.75, 1.0)})
        self.caption_steps = 0
        self.fast = base.fast_model()
        same = {
            "config": dataclasses.asdict(config),
            "vectors": vectors_version,
            "base": base.fingerprint,
            "items": len(lesson.matrix),
        }
        said = json.dumps(same, sort_keys=True)
        if folder.exists() and _read(folder / "same.json") != said:
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "same.json").write_text(said)

    def connector(self) -> tuple[Connector, dict[str, float]]:
        """The trained connector, and how well items left out are read through it."""
        base, lesson, config = self.base, self.lesson, self.config
        torch.manual_seed(config.seed)
        connector = Connector(lesson.matrix.shape[1], base.hidden, float(base.table.norm(dim=1).median()))
        if not lesson.captions:
            return connector.eval(), {}
        positions = list(lesson.captions)
        connector.start_from(lesson.matrix[positions], telling_words(base, list(lesson.captions.values())))
        captions = CaptionTraining(base, connector, lesson.matrix, lesson.captions, config.seed)
        captions.model = self.fast
        judged = dict(list((lesson.judged_captions or lesson.captions).items())[:32])
        closed_form = captions.check(judged)
        checkpoint = self.folder / "connector.pt"
        if checkpoint.exists():
            captions.resume(checkpoint)
        for _ in track(self._caption_steps(captions, checkpoint), "reading captions", config.steps):
            pass
        captions.save(checkpoint)
        self.caption_steps = captions.step_number
        true, shuffled = captions.check(judged)
        return connector.eval(), {
            "caption loss": true,
            "caption loss, shuffled vectors": shuffled,
            "caption loss, closed form": closed_form[0],
            "items judged": float(len(judged)),
        }

    def _caption_steps(self, captions: CaptionTraining, checkpoint: Path) -> Iterator[float]:
        """Train until the steps or the time are used up; yields each step's loss."""
        most = float("inf") if self.config.steps is None else self.config.steps
        budget = 60 * self.config.minutes * CAPTION_SHARE
        saved = time.perf_counter()
        try:
            while captions.step_number < most and captions.seconds < budget:
                start = time.perf_counter()
                loss = captions.step(
                    self.config.batch, max(captions.step_number / most, captions.seconds / budget)
                )
                captions.seconds += time.perf_counter() - start
                if time.perf_counter() - saved > CHECKPOINT_SECONDS:
                    captions.save(checkpoint)
                    saved = time.perf_counter()
                yield loss
        except KeyboardInterrupt:
            captions.save(checkpoint)
            raise

    def head(self, connector: Connector) -> FittedHead | None:
        """The fitted retrieval head; None where nobody liked two items."""
        lesson, config = self.lesson, self.config
        if not lesson.sequences:
            return None
        reader = Reader(self.base, connector, lesson.matrix, self.fast)
        work = [(one, w) for one in lesson.sequences for w in windows_of(one, config.history)]
        order = np.random.default_rng(config.seed).permutation(len(work))
        batches = [[work[i] for i in rows] for rows in np.array_split(order, -(-len(work) // config.batch))]
        kept = list(
            track(self._read_sequences(reader, [[w for _, w in b] for b in batches]), "reading people")
        )
        made = [examples_of(w, one, lesson.matrix) for b in batches[: len(kept)] for one, w in b]
        means, targets, outcomes = (np.concatenate(part) for part in zip(*made, strict=True))
        judges = Judges.of(lesson.judged_sequences or lesson.sequences, lesson.matrix)
        asked = judges.windows(config.history)
        judged = torch.cat([reader.states(asked[i : i + 16], self.layers) for i in range(0, len(asked), 16)])
        return fit_head(
            Examples(torch.cat(kept), means, targets, outcomes),
            judges,
            judged,
            config.seed,
            60 * config.minutes * HEAD_SHARE,
        )

    def _read_sequences(self, reader: Reader, batches: list[list[Window]]) -> Iterator[Tensor]:
        """States of each batch, until the time or the memory is used up; earlier ones come from files."""
        budget = 60 * self.config.minutes * READING_SHARE
        seconds, examples = 0.0, 0
        for number, batch in enumerate(batches):
            path = self.folder / f"states-{number}.pt"
            if path.exists():
                yield torch.load(path, weights_only=True)
                continue
            if number and (seconds > budget or examples > MOST_EXAMPLES):
                return
            start = time.perf_counter()
            states = reader.states(batch, self.layers)
            torch.save(states, path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
            seconds += time.perf_counter() - start
            examples += len(states)
            yield states

    def forget(self) -> None:
        """Remove what was kept for an interruption."""
        shutil.rmtree(self.folder, ignore_errors=True)


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far, in MiB (Linux counts KiB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""

"""A graft's training, resumable: what is done is saved in a folder as it goes."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import broadcast

from bowerbird.graft.adapter import TrainableDecoder
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftConfig
from bowerbird.graft.connector import Connector
from bowerbird.graft.examples.dataset import GraftDataset
from bowerbird.graft.examples.questions import QuestionSampler, TaskType
from bowerbird.graft.training.alignment import (
    AlignmentModel,
    AlignmentTraining,
    evaluate_answers,
    mean_caption_embeddings,
)
from bowerbird.progress import track

CHECKPOINT_SECONDS = 20.0
EXAMINED = 64
"""Items at most that are left out and asked about at the start and at the end."""


class GraftTraining:
    """Trains a connector, and the language model's adapter if there is one, as long as the config says."""

    def __init__(
        self, folder: Path, base: Base, lesson: GraftDataset, config: GraftConfig, vectors_version: str
    ) -> None:
        self.folder, self.base, self.lesson, self.config = folder, base, lesson, config
        self.steps = 0
        self.adapted = TrainableDecoder(base, config.adapt, config.seed)
        if PartialState().is_main_process:
            self._begin(vectors_version)
        PartialState().wait_for_everyone()

    def _begin(self, vectors_version: str) -> None:
        """Keep what was done of the same training, throw away what was done of another."""
        same = {
            "config": dataclasses.asdict(self.config),
            "vectors": vectors_version,
            "base": self.base.fingerprint,
            "items": len(self.lesson.matrix),
        }
        said = json.dumps(same, sort_keys=True)
        if self.folder.exists() and _read(self.folder / "same.json") != said:
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "same.json").write_text(said)

    def align(self) -> tuple[Connector, dict[str, float]]:
        """The trained connector, and how well items left out are read through it."""
        base, lesson, config = self.base, self.lesson, self.config
        torch.manual_seed(config.seed)
        norm = float(base.table.float().norm(dim=1).median())
        connector = Connector(lesson.matrix.shape[1], base.hidden, norm, config.tokens)
        said = lesson.material.captions
        if not said:
            return connector.eval(), {}
        words = mean_caption_embeddings(base, list(said.values()), config.tokens)
        connector.start_from(lesson.matrix[list(said)], words)
        aligned = AlignmentModel(base, connector, self.adapted.model, lesson.matrix)
        judged = QuestionSampler(lesson.material.only(lesson.judged_captions or said), base)
        seed = config.seed
        start = evaluate_answers(aligned, judged, [TaskType.DESCRIBE], seed, EXAMINED)["describe loss"]
        training = AlignmentTraining(
            aligned, QuestionSampler(lesson.material, base), self.adapted.trained, seed, config.accumulate
        )
        checkpoint = self.folder / "alignment.pt"
        if checkpoint.exists():
            training.resume(checkpoint)
        for _ in track(self._alignment_steps(training, checkpoint), "alignment", config.steps):
            pass
        training.save(checkpoint)
        self.steps = training.step_number
        aligned = aligned.cpu()
        sorts = [sort for sort in (TaskType.DESCRIBE, TaskType.FACT, TaskType.MATCH) if sort in judged.sorts]
        metrics = evaluate_answers(aligned, judged, sorts, seed, EXAMINED)
        return connector.eval(), {"describe loss, closed form": start, **metrics}

    def _alignment_steps(self, training: AlignmentTraining, checkpoint: Path) -> Iterator[float]:
        """Train until the steps or the time are used up; yields each step's loss."""
        saved = time.perf_counter()
        try:
            while (progress := _agreed(self._progress(training))) < 1:
                start = time.perf_counter()
                loss = training.step(self.config.batch, progress)
                training.seconds += time.perf_counter() - start
                if time.perf_counter() - saved > CHECKPOINT_SECONDS:
                    training.save(checkpoint)
                    saved = time.perf_counter()
                yield loss
        except KeyboardInterrupt:
            training.save(checkpoint)
            raise

    def _progress(self, training: AlignmentTraining) -> float:
        """From 0 at the start to 1 where the steps or the time are used up."""
        steps = self.config.steps
        by_steps = 0.0 if steps is None else training.step_number / steps if steps else 1.0
        return max(by_steps, training.seconds / (60 * self.config.minutes))

    def forget(self) -> None:
        """Remove what was kept for an interruption."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _agreed(progress: float) -> float:
    """The first process's progress, in every process: all of them must take as many steps."""
    if PartialState().num_processes == 1:
        return progress
    told = torch.tensor([progress], device=PartialState().device)
    return float(broadcast(told, 0)[0])


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""

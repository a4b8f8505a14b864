"""A resumable training of a graft: its state is saved in a folder from time to time."""

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

from bowerbird.data.files.durable import write_atomically
from bowerbird.graft.adapter import TrainableDecoder
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftConfig
from bowerbird.graft.connector import Connector
from bowerbird.graft.examples.dataset import GraftDataset
from bowerbird.graft.examples.question_sampler import QuestionSampler
from bowerbird.graft.examples.questions import TaskType
from bowerbird.graft.training.alignment import AlignmentTraining
from bowerbird.graft.training.alignment_model import AlignmentModel, evaluate_answers, mean_caption_embeddings
from bowerbird.progress import track

CHECKPOINT_SECONDS = 20.0
CHECKPOINT_FILE, PUBLISHED_FILE = "alignment.pt", "published.txt"
MAX_VALIDATION_ITEMS = 64
"""Validation items that are asked about at the start and at the end."""


class GraftTraining:
    """Trains a connector, and the language model's adapter if there is one, for the configured steps or
    time."""

    def __init__(
        self, folder: Path, base: Base, dataset: GraftDataset, config: GraftConfig, vectors_version: str
    ) -> None:
        self.folder, self.base, self.dataset, self.config = folder, base, dataset, config
        self.steps = 0
        self.decoder = TrainableDecoder(base, config.adapt, config.seed)
        if PartialState().is_main_process:
            self._prepare_folder(vectors_version)
        PartialState().wait_for_everyone()

    def _prepare_folder(self, vectors_version: str) -> None:
        """Keep the checkpoint of the same training; delete that of another."""
        identity = {
            "config": dataclasses.asdict(self.config),
            "vectors": vectors_version,
            "base": self.base.fingerprint,
            "items": len(self.dataset.matrix),
        }
        text = json.dumps(identity, sort_keys=True)
        if self.folder.exists() and read_if_exists(self.folder / "same.json") != text:
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "same.json").write_text(text)

    def align(self) -> tuple[Connector, dict[str, float]]:
        """Train and return the connector, with its metrics on the validation items."""
        base, dataset, config = self.base, self.dataset, self.config
        torch.manual_seed(config.seed)
        norm = float(base.embedding_table.float().norm(dim=1).median())
        connector = Connector(dataset.matrix.shape[1], base.hidden, norm, config.tokens)
        captions = dataset.training_data.captions
        if not captions:
            return connector.eval(), {}
        caption_embeddings = mean_caption_embeddings(base, list(captions.values()), config.tokens)
        connector.initialise(dataset.matrix[list(captions)], caption_embeddings)
        model = AlignmentModel(base, connector, self.decoder.model, dataset.matrix)
        validation = QuestionSampler(
            dataset.training_data.restrict_to(dataset.validation_captions or captions), base
        )
        seed = config.seed
        initial_loss = evaluate_answers(model, validation, [TaskType.DESCRIBE], seed, MAX_VALIDATION_ITEMS)[
            "describe loss"
        ]
        training = AlignmentTraining(
            model,
            QuestionSampler(dataset.training_data, base),
            self.decoder.trainable_parameters,
            seed,
            config.accumulate,
        )
        checkpoint = self.folder / CHECKPOINT_FILE
        if checkpoint.exists():
            training.resume(checkpoint)
        for _ in track(self.run_steps(training, checkpoint), "alignment", config.steps):
            pass
        training.save(checkpoint)
        self.steps = training.step_number
        model = model.cpu()
        tasks = [
            task for task in (TaskType.DESCRIBE, TaskType.FACT, TaskType.MATCH) if task in validation.tasks
        ]
        metrics = evaluate_answers(model, validation, tasks, seed, MAX_VALIDATION_ITEMS)
        return connector.eval(), {"describe loss, closed form": initial_loss, **metrics}

    def run_steps(self, training: AlignmentTraining, checkpoint: Path) -> Iterator[float]:
        """Train until the steps or the time are used up; yields each step's loss."""
        saved_at = time.perf_counter()
        try:
            while (progress := _broadcast_progress(self._progress(training))) < 1:
                start = time.perf_counter()
                loss = training.step(self.config.batch, progress)
                training.seconds += time.perf_counter() - start
                if time.perf_counter() - saved_at > CHECKPOINT_SECONDS:
                    training.save(checkpoint)
                    saved_at = time.perf_counter()
                yield loss
        except KeyboardInterrupt:
            training.save(checkpoint)
            raise

    def _progress(self, training: AlignmentTraining) -> float:
        """Progress from 0 at the start to 1 when the steps or the time are used up."""
        steps = self.config.steps
        by_steps = 0.0 if steps is None else training.step_number / steps if steps else 1.0
        return max(by_steps, training.seconds / (60 * self.config.minutes))

    @property
    def published(self) -> str:
        """Name of the version that this training ended with; empty while there is none."""
        return read_if_exists(self.folder / PUBLISHED_FILE)

    def finish(self, version: str) -> None:
        """Record the published version in place of the checkpoint."""
        write_atomically(self.folder / PUBLISHED_FILE, version.encode())
        (self.folder / CHECKPOINT_FILE).unlink(missing_ok=True)


def _broadcast_progress(progress: float) -> float:
    """Broadcast the first process's progress: all processes must take the same number of steps."""
    if PartialState().num_processes == 1:
        return progress
    progress_tensor = torch.tensor([progress], device=PartialState().device)
    return float(broadcast(progress_tensor, 0)[0])


def read_if_exists(path: Path) -> str:
    return path.read_text() if path.exists() else ""

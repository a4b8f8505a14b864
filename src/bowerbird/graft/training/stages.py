"""The three stages of a graft's training, resumable: what is slow is kept in a folder as it goes."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast
from torch import Tensor

from bowerbird.graft.adapter import Adapt, Adapted
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftConfig
from bowerbird.graft.connector import Connector
from bowerbird.graft.heads import HeadAndLayer
from bowerbird.graft.lessons.lesson import Lesson
from bowerbird.graft.lessons.questions import Questions, Sort
from bowerbird.graft.lessons.requests import Request, requests_of
from bowerbird.graft.lessons.sequences import Liked, Reader, decayed_mean, windows_of
from bowerbird.graft.training.alignment import Aligned, AlignmentTraining, examine, telling_words
from bowerbird.graft.training.behaviour import (
    Through,
    Work,
    examples_of_requests,
    examples_of_windows,
    judges_of_requests,
    learn_through,
    read_all,
)
from bowerbird.graft.training.preference import Choice, Judged, Pairs, choices_of, prefer
from bowerbird.graft.training.ranking import Examples, FittedHead, Judges, fit_head
from bowerbird.progress import track

T = TypeVar("T")

CHECKPOINT_SECONDS = 20.0
MOST_EXAMPLES = 40_000
"""States kept at most: some 400 MB for a hidden width of 576."""
MOST_REQUESTS, JUDGED_REQUESTS, MOST_CHOICES = 2_000, 200, 4_000
EXAMINED = 64


@dataclass(frozen=True)
class Shares:
    """How the training's time is divided."""

    align: float
    read: float
    ask: float
    fit: float
    through: float


FROZEN_SHARES = Shares(align=0.7, read=0.15, ask=0.05, fit=0.1, through=0.0)
ADAPTED_SHARES = Shares(align=0.45, read=0.1, ask=0.05, fit=0.05, through=0.35)


class GraftTraining:
    """The stages in their order; `align`, `behave`, `request`, `prefer`."""

    def __init__(
        self, folder: Path, base: Base, lesson: Lesson, config: GraftConfig, vectors_version: str
    ) -> None:
        self.folder, self.base, self.lesson, self.config = folder, base, lesson, config
        depth = int(base.model.config.num_hidden_layers)
        self.layers = sorted({max(1, round(depth * share)) for share in (0.25, 0.5, 0.75, 1.0)})
        self.alignment_steps = 0
        self.adapted = Adapted(base, config.adapt, config.seed)
        shares = FROZEN_SHARES if config.adapt is Adapt.FROZEN else ADAPTED_SHARES
        self.seconds = {name: 60 * config.minutes * share for name, share in vars(shares).items()}
        self._examples: Examples | None = None
        self._judges: tuple[Judges, Tensor] | None = None
        self._connector: Connector | None = None
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

    # -- 1: alignment -------------------------------------------------------------------------------------

    def align(self) -> tuple[Connector, dict[str, float]]:
        """The trained connector, and how well items left out are read through it."""
        base, lesson, config = self.base, self.lesson, self.config
        torch.manual_seed(config.seed)
        norm = float(base.table.float().norm(dim=1).median())
        connector = Connector(lesson.matrix.shape[1], base.hidden, norm, config.tokens)
        self._connector = connector
        said = lesson.material.captions
        if not said:
            return connector.eval(), {}
        words = telling_words(base, list(said.values()), config.tokens)
        connector.start_from(lesson.matrix[list(said)], words)
        aligned = Aligned(base, connector, self.adapted.model, lesson.matrix)
        judged = Questions(lesson.material.only(lesson.judged_captions or said), base)
        seed = config.seed
        start = examine(aligned, judged, [Sort.DESCRIBE], seed, EXAMINED)["describe loss"]
        training = AlignmentTraining(
            aligned, Questions(lesson.material, base), self.adapted.trained, seed, config.accumulate
        )
        checkpoint = self.folder / "alignment.pt"
        if checkpoint.exists():
            training.resume(checkpoint)
        for _ in track(self._alignment_steps(training, checkpoint), "alignment", config.steps):
            pass
        training.save(checkpoint)
        self.alignment_steps = training.step_number
        aligned = aligned.cpu()
        sorts = [sort for sort in (Sort.DESCRIBE, Sort.FACT, Sort.MATCH) if sort in judged.sorts]
        metrics = examine(aligned, judged, sorts, seed, EXAMINED)
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
        by_time: float = training.seconds / self.seconds["align"]
        return max(by_steps, by_time)

    # -- 2: behaviour -------------------------------------------------------------------------------------

    def behave(self) -> FittedHead | None:
        """The head for what comes next; None where nobody liked two items."""
        lesson, config = self.lesson, self.config
        sequences = [Liked.of(history) for history in lesson.histories]
        if not sequences:
            return None
        judges = Judges.of([Liked.of(h) for h in lesson.judged_histories] or sequences, lesson.matrix)
        work = [(one, w) for one in sequences for w in windows_of(one, config.history)]
        order = np.random.default_rng(config.seed).permutation(len(work))
        work = [work[i] for i in order]
        fitted = self._fit(work, judges, "states")
        if self.adapted.trained:
            reader = self._reader()
            through = Through(reader, fitted.head, self.layers[fitted.layer], self.adapted.trained)
            steps = learn_through(through, work, judges, config.history, config.seed, self.seconds["through"])
            for _ in track(steps, "behaviour"):
                pass
            # The states that were read before are those of another model now.
            before, fitted = fitted, self._fit(work, judges, "states-after")
            fitted.metrics["recall@20 before adapting"] = before.metrics["recall@20"]
        return fitted

    def _fit(self, work: Sequence[Work], judges: Judges, kept_as: str) -> FittedHead:
        batches = [work[i : i + self.config.batch] for i in range(0, len(work), self.config.batch)]
        reader = self._reader()
        states = self._kept_states(
            kept_as,
            lambda number: reader.states([window for _, window in batches[number]], self.layers),
            len(batches),
            self.seconds["read"],
            "reading people",
        )
        self._examples = examples_of_windows(
            [one for batch in batches[: len(states)] for one in batch], torch.cat(states), self.lesson.matrix
        )
        asked = judges.windows(self.config.history)
        judged = self._states_in_blocks(asked, lambda some: reader.states(some, self.layers))
        fitted = fit_head(self._examples, judges, judged, self.config.seed, self.seconds["fit"] / 2)
        self._judges = judges, judged[:, fitted.layer]
        return fitted

    def request(self) -> FittedHead | None:
        """The head for what somebody asks for; None where nothing can be asked by the items' facts."""
        lesson, config = self.lesson, self.config
        rng = np.random.default_rng([config.seed, 7])
        facts = lesson.material.facts
        teaching = [Liked.of(history) for history in lesson.histories]
        judging = [Liked.of(history) for history in lesson.judged_histories] or teaching
        asked = requests_of(self.base, facts, teaching, rng, MOST_REQUESTS)
        judged = requests_of(self.base, facts, judging, rng, JUDGED_REQUESTS)
        judged = [one for one in judged if len(one.wanted)]
        if not asked or not judged:
            return None
        reader = self._reader()
        batches = [asked[i : i + config.batch] for i in range(0, len(asked), config.batch)]

        def read(some: Sequence[Request]) -> Tensor:
            return reader.asked([one.prompt for one in some], self.layers)

        states = self._kept_states(
            "asked",
            lambda number: read(batches[number]),
            len(batches),
            self.seconds["ask"],
            "reading requests",
        )
        read_requests = [one for batch in batches[: len(states)] for one in batch]
        examples = examples_of_requests(read_requests, torch.cat(states), lesson.matrix)
        judges = judges_of_requests(judged, lesson.matrix)
        return fit_head(
            examples, judges, self._states_in_blocks(judged, read), config.seed, self.seconds["fit"] / 2
        )

    # -- 3: preference ------------------------------------------------------------------------------------

    def prefer(self, fitted: FittedHead) -> dict[str, float]:
        """Teach the head what people chose over what they passed by; empty where nothing was shown."""
        assert self._examples is not None and self._judges is not None
        length, most = self.config.history, MOST_CHOICES
        teaching = [one for h in self.lesson.histories for one in choices_of(h, length)][:most]
        judging = [one for h in self.lesson.judged_histories for one in choices_of(h, length)][:most]
        if not teaching or not judging:
            return {}
        layer = self.layers[fitted.layer]
        pairs = [self._pairs(choices, layer) for choices in (teaching, judging)]
        judged = Judged(pairs[1], *self._judges)
        return prefer(fitted.head, pairs[0], self._examples, fitted.layer, judged, self.config.seed)

    def _pairs(self, choices: list[Choice], layer: int) -> Pairs:
        reader, matrix = self._reader(), self.lesson.matrix
        states = self._states_in_blocks(
            [one.before for one in choices], lambda some: reader.states(some, [layer])
        )
        means = np.stack([decayed_mean(one.before, len(one.before.items), matrix) for one in choices])
        return Pairs.of(choices, states[:, 0], means)

    # -- what they share ----------------------------------------------------------------------------------

    def _reader(self) -> Reader:
        assert self._connector is not None
        return Reader(self.base, self._connector, self.lesson.matrix, self.adapted.model)

    @torch.no_grad()
    def _states_in_blocks(self, some: Sequence[T], read: Callable[[Sequence[T]], Tensor]) -> Tensor:
        size = self.config.batch
        return torch.cat([read(some[i : i + size]) for i in range(0, len(some), size)])

    def _kept_states(
        self, name: str, read: Callable[[int], Tensor], batches: int, seconds: float, label: str
    ) -> list[Tensor]:
        """States of each batch; those that an interrupted run had read come from its files."""

        def path(number: int) -> Path:
            return self.folder / f"{name}-{number}.pt"

        def kept(number: int) -> Tensor | None:
            return torch.load(path(number), weights_only=True) if path(number).exists() else None

        @torch.no_grad()
        def read_and_keep(number: int) -> Tensor:
            states = read(number)
            torch.save(states, path(number).with_suffix(".part"))
            path(number).with_suffix(".part").rename(path(number))
            return states

        return list(track(read_all(read_and_keep, batches, kept, seconds, MOST_EXAMPLES), label, batches))

    def head(self, fitted: FittedHead | None) -> HeadAndLayer | None:
        """A fitted head with the language model's layer that it reads."""
        return (fitted.head, self.layers[fitted.layer]) if fitted else None

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

"""A vLLM server that may be down when it is first needed, stop, and come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

from bowerbird.endpoint.connection import RequestRejected, TimeLimits
from bowerbird.endpoint.pause import FailurePause
from bowerbird.errors import EngineError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import PromptEmbeddings, SamplingParams, check_prompt
from bowerbird.graft.runtimes.vllm import VllmRuntime


class ReconnectingRuntime:
    """Connects to a server, and verifies it, at the first request and at the first one after a failure; in a
    pause between them requests fail immediately. Safe to use from several threads."""

    def __init__(self, url: str, base: Base, limits: TimeLimits, pause_s: float) -> None:
        """See `VllmRuntime.connect`; `pause_s` in seconds."""
        self._connect = partial(VllmRuntime.connect, url, base, limits)
        self._limits = base.limits
        self._pause = FailurePause(url, pause_s)
        self._lock = threading.Lock()
        self._runtime: VllmRuntime | None = None

    def generate(self, prompt: PromptEmbeddings, sampling: SamplingParams) -> Iterator[int]:
        """See `Runtime`. Raises `EngineError`, at the first token or later, if the server fails."""
        check_prompt(prompt, self._limits)
        return self._generate(prompt, sampling)

    def close(self) -> None:
        """Close the connections to the server."""
        if self._runtime is not None:
            self._runtime.close()

    def _generate(self, prompt: PromptEmbeddings, sampling: SamplingParams) -> Iterator[int]:
        with self._pause.guard():
            with self._lock:
                runtime = self._runtime = self._runtime or self._connect()
            try:
                yield from runtime.generate(prompt, sampling)
            except RequestRejected:
                raise
            except EngineError:  # it may come back with another model
                self._runtime = None
                raise

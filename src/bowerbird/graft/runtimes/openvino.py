"""The embedded engine: a base converted for OpenVINO, on the processor, in this process.

Each reply has a request of its own, which holds its keys and values; requests that are done are used again.
As in `EagerRuntime`, the keys and values of the last few prompts are kept, and a prompt that begins like one
of them (a shared system prompt, a person's taste, a growing conversation) pays only for what differs.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bowerbird.errors import BackboneError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import SamplingParams, PromptEmbeddings, Runtime, checked, common_prefix_length
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.openvino_conversion import Precision, converted, forget
from bowerbird.graft.runtimes.sampling import Sampler
from bowerbird.models.openvino_threads import first_request

State = list[np.ndarray]
"""Keys and values of a prompt, each (1, heads, tokens, width)."""


def embedded_runtime(base: Base, folder: Path | None = None) -> Runtime:
    """The engine to run a base with in this process: OpenVINO where it is installed, else torch.

    `folder` keeps the converted model; the cache folder does where none is given.
    """
    return OpenVinoRuntime(base, folder=folder) if find_spec("openvino") else EagerRuntime(base)


class OpenVinoRuntime:
    """Runs a base on OpenVINO; safe to use from several threads, which take turns token by token."""

    def __init__(
        self,
        base: Base,
        precision: Precision = Precision.FLOAT32,
        kept_prompts: int = 4,
        folder: Path | None = None,
    ) -> None:
        """Converts the base at its first time, which takes about a minute, and opens it.

        `folder` keeps the converted model; the cache folder does where none is given.
        Raises `BackboneError` where OpenVINO is not installed or can't run the model.
        """
        self.base = base
        self._compiled = _opened(base, precision, folder)
        self._idle: list[Any] = [first_request(self._compiled)]
        self._kept: deque[tuple[np.ndarray, State]] = deque(maxlen=kept_prompts)
        self._lock = threading.Lock()

    def write(self, prompt: PromptEmbeddings, how: SamplingParams) -> Iterator[int]:
        """See `Runtime`."""
        request, logits = self._read(prompt)
        return self._write(request, logits, len(prompt), how)

    def close(self) -> None:
        """Forget the kept prompts and give back the requests' memory."""
        with self._lock:
            self._kept.clear()
            self._idle.clear()

    def _read(self, prompt: PromptEmbeddings) -> tuple[Any, np.ndarray]:
        """A request that has read the prompt, and the logits (vocabulary,) after it."""
        checked(prompt, self.base.limits)
        with self._lock:
            request = self._idle.pop() if self._idle else self._compiled.create_infer_request()
        start = self._remember(request, prompt.places)
        logits = _step(request, prompt.embedded[start:], start)
        # In the order of the model's variables, which is the same in all requests.
        state = [one.state.data.copy() for one in request.query_state()]
        with self._lock:
            self._kept.append((prompt.places, state))
        return request, logits

    def _remember(self, request: Any, places: np.ndarray) -> int:
        """Put into a request what is kept of the beginning of a prompt; how many places that is."""
        import openvino as ov

        best: State = []
        length = 0
        with self._lock:
            for kept, state in self._kept:
                common = common_prefix_length(kept, places)
                if common > length:
                    best, length = state, common
        request.reset_state()
        if length:
            for variable, one in zip(request.query_state(), best, strict=True):
                variable.state = ov.Tensor(np.ascontiguousarray(one[:, :, :length]))
        return length

    def _write(self, request: Any, logits: np.ndarray, start: int, how: SamplingParams) -> Iterator[int]:
        picker = Sampler(self.base, how)
        try:
            for place in range(start, self.base.longest):
                token = picker.pick(torch.from_numpy(logits))
                if token is None:
                    return
                yield token
                if len(picker.written) == how.max_tokens:  # nobody will ask for the logits after the last
                    return
                logits = _step(request, self.base.rows([token]).numpy(), place)
        finally:
            with self._lock:
                self._idle.append(request)


def _step(request: Any, embedded: np.ndarray, start: int) -> np.ndarray:
    """Read embeddings (T, hidden) after `start` places; the logits (vocabulary,) after the last one."""
    n = len(embedded)
    positions = np.arange(start, start + n)
    later = np.arange(start + n)[None] > positions[:, None]
    mask = np.where(later, np.finfo(np.float32).min, np.float32(0))
    inputs = {
        "embedded": np.ascontiguousarray(embedded)[None],
        "mask": mask[None, None],
        "positions": positions[None],
        "wanted": np.array([n - 1]),
        "beams": np.zeros(1, np.int64),
    }
    request.infer(inputs, share_inputs=True)
    logits: np.ndarray = request.get_tensor("logits").data[0, -1].copy()
    return logits


def _opened(base: Base, precision: Precision, folder: Path | None) -> Any:
    """The compiled model; a conversion that can't be read is made again, once."""
    try:
        import openvino as ov
    except ImportError as error:
        raise BackboneError(
            "OpenVINO is not installed: pip install 'bowerbird[openvino]', or use EagerRuntime, on torch"
        ) from error
    core = ov.Core()
    for again in (False, True):
        path = converted(base, precision, folder)
        try:
            return core.compile_model(path, "CPU", _settings(precision))
        except RuntimeError as error:
            if again:
                raise BackboneError(
                    f"OpenVINO can't open {base.name} ({error}): remove {path.parent}"
                ) from error
            forget(path)
    raise AssertionError


def _settings(precision: Precision) -> dict[str, Any]:
    """OpenVINO's own choices give up exactness (keys and values in eight bits, activations quantised)."""
    computed = "bf16" if precision is Precision.BFLOAT16 else "f32"
    return {
        "PERFORMANCE_HINT": "LATENCY",
        # Threads tied to processors wait for whoever else is busy there: 208 ms a token instead of 121.
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": computed,
        "KV_CACHE_PRECISION": computed,
    } | ({"DYNAMIC_QUANTIZATION_GROUP_SIZE": 0} if precision is Precision.FLOAT32 else {})

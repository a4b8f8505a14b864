"""The embedded engine: a base model converted for OpenVINO, on the CPU, in this process.

Each reply has its own inference request, which holds its keys and values; finished requests are reused.
Prefix caching as in `EagerRuntime`: the keys and values of the last few prompts are kept, and a new prompt
that shares a prefix with one of them (a system prompt, a user's taste, a growing conversation) is only
computed from where it differs.
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

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.errors import BackboneError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import (
    PromptEmbeddings,
    Runtime,
    SamplingParams,
    check_prompt,
    common_prefix_length,
)
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.openvino_conversion import Precision, convert, delete_conversion
from bowerbird.graft.runtimes.sampling import Sampler
from bowerbird.models.openvino_threads import create_first_request

KeyValues = list[FloatArray]
"""Keys and values of a prompt, each (1, heads, tokens, width)."""


def open_embedded_runtime(base: Base, folder: Path | None = None) -> Runtime:
    """Open the engine for this process: OpenVINO if it is installed, otherwise torch.

    `folder` stores the converted model; by default it is in the cache folder.
    """
    return OpenVinoRuntime(base, folder=folder) if find_spec("openvino") else EagerRuntime(base)


class OpenVinoRuntime:
    """Runs a base model on OpenVINO; safe to use from several threads, which take turns token by token."""

    def __init__(
        self,
        base: Base,
        precision: Precision = Precision.FLOAT32,
        n_cached_prompts: int = 4,
        folder: Path | None = None,
    ) -> None:
        """Open the base, converting it on first use, which takes about a minute.

        `folder` stores the converted model; by default it is in the cache folder.
        Raises `BackboneError` if OpenVINO is not installed or can't run the model.
        """
        self.base = base
        self._compiled = _compile_model(base, precision, folder)
        self._idle_requests: list[Any] = [create_first_request(self._compiled)]
        self._cached_prompts: deque[tuple[IntArray, KeyValues]] = deque(maxlen=n_cached_prompts)
        self._lock = threading.Lock()

    def generate(self, prompt: PromptEmbeddings, sampling: SamplingParams) -> Iterator[int]:
        """See `Runtime`."""
        request, logits = self._prefill(prompt)
        return self._generate(request, logits, len(prompt), sampling)

    def close(self) -> None:
        """Drop the cached prompts and release the requests' memory."""
        with self._lock:
            self._cached_prompts.clear()
            self._idle_requests.clear()

    def _prefill(self, prompt: PromptEmbeddings) -> tuple[Any, FloatArray]:
        """Process the prompt: a request with its keys and values, and the logits (vocabulary,) after it."""
        check_prompt(prompt, self.base.limits)
        with self._lock:
            request = (
                self._idle_requests.pop() if self._idle_requests else self._compiled.create_infer_request()
            )
        start = self._restore_prefix(request, prompt.token_keys)
        logits = _step(request, prompt.embeddings[start:], start)
        # In the order of the model's variables, which is the same in all requests.
        state = [variable.state.data.copy() for variable in request.query_state()]
        with self._lock:
            self._cached_prompts.append((prompt.token_keys, state))
        return request, logits

    def _restore_prefix(self, request: Any, token_keys: IntArray) -> int:
        """Load the cached keys and values of the longest common prefix into a request; returns its length."""
        import openvino as ov

        best_state: KeyValues = []
        length = 0
        with self._lock:
            for cached_keys, state in self._cached_prompts:
                n_common = common_prefix_length(cached_keys, token_keys)
                if n_common > length:
                    best_state, length = state, n_common
        request.reset_state()
        if length:
            for variable, cached in zip(request.query_state(), best_state, strict=True):
                variable.state = ov.Tensor(np.ascontiguousarray(cached[:, :, :length]))
        return length

    def _generate(
        self, request: Any, logits: FloatArray, start: int, sampling: SamplingParams
    ) -> Iterator[int]:
        sampler = Sampler(self.base, sampling)
        try:
            for position in range(start, self.base.context_length):
                token = sampler.sample(torch.from_numpy(logits))
                if token is None:
                    return
                yield token
                if (
                    len(sampler.generated) == sampling.max_tokens
                ):  # the logits after the last token are not needed
                    return
                logits = _step(request, self.base.embed_tokens([token]).numpy(), position)
        finally:
            with self._lock:
                self._idle_requests.append(request)


def _step(request: Any, embeddings: FloatArray, start: int) -> FloatArray:
    """Process embeddings (T, hidden) after `start` positions; the logits (vocabulary,) after the last one."""
    n_tokens = len(embeddings)
    positions = np.arange(start, start + n_tokens)
    is_later = np.arange(start + n_tokens)[None] > positions[:, None]
    mask = np.where(is_later, np.finfo(np.float32).min, np.float32(0))
    inputs = {
        "embedded": np.ascontiguousarray(embeddings)[None],
        "mask": mask[None, None],
        "positions": positions[None],
        "wanted": np.array([n_tokens - 1]),
        "beams": np.zeros(1, np.int64),
    }
    request.infer(inputs, share_inputs=True)
    logits: FloatArray = request.get_tensor("logits").data[0, -1].copy()
    return logits


def _compile_model(base: Base, precision: Precision, folder: Path | None) -> Any:
    """Compile the model; a conversion that can't be read is repeated once."""
    try:
        import openvino as ov
    except ImportError as error:
        raise BackboneError(
            "OpenVINO is not installed: pip install 'bowerbird[openvino]', or use EagerRuntime, on torch"
        ) from error
    core = ov.Core()
    for is_retry in (False, True):
        path = convert(base, precision, folder)
        try:
            return core.compile_model(path, "CPU", _settings(precision))
        except RuntimeError as error:
            if is_retry:
                raise BackboneError(
                    f"OpenVINO can't open {base.name} ({error}): delete {path.parent}"
                ) from error
            delete_conversion(path)
    raise AssertionError


def _settings(precision: Precision) -> dict[str, Any]:
    """Compile settings; OpenVINO's defaults are inexact (8-bit keys and values, quantised activations)."""
    arithmetic = "bf16" if precision is Precision.BFLOAT16 else "f32"
    return {
        "PERFORMANCE_HINT": "LATENCY",
        # Pinned threads wait for other processes on their core: 208 ms per token instead of 121.
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": arithmetic,
        "KV_CACHE_PRECISION": arithmetic,
    } | ({"DYNAMIC_QUANTIZATION_GROUP_SIZE": 0} if precision is Precision.FLOAT32 else {})

"""A graft in use: a language model that reads items as soft tokens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from bowerbird.data.arrays import FloatArray
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.versions.version import Version
from bowerbird.embed.index.vectors import item_matrix, load_vectors
from bowerbird.errors import EngineError, StoreError
from bowerbird.graft.adapter import load_adapted_base
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftMeta
from bowerbird.graft.connector import Connector
from bowerbird.graft.naming.markers import Markers
from bowerbird.graft.prompt import (
    Prompt,
    PromptSegment,
    RenderedPrompt,
    Turn,
    build_chat_prompt,
    insert_soft_tokens,
    render,
    stack_soft_vectors,
)
from bowerbird.graft.runtime import PromptEmbeddings, Runtime, SamplingParams, TokenConstraint
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.json_constraint import JsonGrammars
from bowerbird.graft.runtimes.openvino import open_embedded_runtime
from bowerbird.graft.streaming import stream_text
from bowerbird.tracing import model_call
from bowerbird.usage import Usage, report_usage

PROVIDER = "bowerbird"
"""Who runs the model, in traces."""
RuntimeFactory = Callable[[Base], Runtime]
"""Creates an engine for a language model."""


class Graft:
    """Reads prompts of words and items (positions in the catalogue). Safe to use from several threads."""

    def __init__(
        self,
        base: Base,
        connector: Connector,
        matrix: FloatArray,
        version: Version | None = None,
        runtime: RuntimeFactory = EagerRuntime,
    ) -> None:
        """`matrix` (items, dim): the catalogue's vectors; `runtime` creates the engine that generates."""
        self.base = base
        self.connector = connector.eval()
        self.matrix = matrix
        self.version = version
        self._create_runtime = runtime
        self._runtime_lock = threading.Lock()

    @classmethod
    def open(
        cls, snapshot: StoreSnapshot, version: Version | None = None, runtime: RuntimeFactory | None = None
    ) -> Graft:
        """Open a snapshot's current graft (once per snapshot), or a given version.

        `runtime` creates the engine that generates; the default is the embedded one, on OpenVINO.

        Raises `StoreError` if the store has none, or if its base or vectors differ from the current ones.
        """
        if version is None and runtime is None:
            return snapshot.open_once("graft", lambda: cls._load(snapshot), of=("vectors", "graft"))
        return cls._load(snapshot, version, runtime)

    @classmethod
    def _load(
        cls, snapshot: StoreSnapshot, version: Version | None = None, runtime: RuntimeFactory | None = None
    ) -> Graft:
        store, version = snapshot.store, version or snapshot.version("graft")
        if version is None:
            raise StoreError(f"the store {store.path} has no graft yet: run `bowerbird graft {store.path}`")
        meta = version.read_meta(GraftMeta)
        vectors = load_vectors(snapshot)
        retrain = f"run `bowerbird graft {store.path}` again"
        if not vectors.is_compatible_with(meta.vectors):
            raise StoreError(
                f"the graft {version.name} reads vectors {meta.vectors}, the store's are now "
                f"{vectors.version}: {retrain}"
            )
        base = Base.load(meta.base)
        if base.fingerprint != meta.base_fingerprint:
            raise StoreError(
                f"the graft {version.name} was made for {meta.base} {meta.base_fingerprint}, "
                f"the {meta.base} found now is {base.fingerprint}: restore the former, or {retrain}"
            )
        original = base
        base = load_adapted_base(original, version.path)
        connector = load_connector(version.path, meta.dim, meta.hidden, meta.tokens)
        matrix = item_matrix(snapshot)
        # All grafts share the conversion of an unchanged base; that of an adapted one belongs to this
        # version.
        converted_folder = None if base is original else version.path / "openvino"
        create_runtime = runtime or partial(open_embedded_runtime, folder=converted_folder)
        return cls(base, connector, matrix, version, create_runtime)

    @cached_property
    def _runtime(self) -> Runtime:
        return self._create_runtime(self.base)

    @property
    def runtime(self) -> Runtime:
        """The engine that generates, opened on first use."""
        with self._runtime_lock:
            return self._runtime

    def build_chat_prompt(self, system: str, turns: Sequence[Turn]) -> list[PromptSegment]:
        """Build a conversation in the base's chat format, up to the start of the assistant's reply.

        A turn is (role, segments): texts, item positions and soft items. Control tokens in texts are removed.
        """
        return build_chat_prompt(self.base, system, turns)

    def generate(
        self,
        prompt: Prompt,
        max_tokens: int = 64,
        *,
        stop: Sequence[str] = (),
        sampling: SamplingParams | None = None,
    ) -> Iterator[str]:
        """Stream the generated text. Greedy unless `sampling` sets a temperature; generation ends at a `stop`
        text.

        Raises `InputError` for an empty or too long prompt, or an item position outside the catalogue.
        """
        params = replace(sampling or SamplingParams(), max_tokens=max_tokens, stop=tuple(stop))
        embedded = self.embed_prompt(prompt)
        tokens = self._counted(self.runtime.generate(embedded, params), len(embedded))
        return stream_text(self.base.tokenizer, tokens, params.stop)

    def _counted(self, tokens: Iterator[int], n_prompt: int) -> Iterator[int]:
        """The same tokens, reported (`usage`) when they end."""
        n_generated = 0
        with model_call(self.base.name, PROVIDER) as call:
            try:
                for token in tokens:
                    n_generated += 1
                    yield token
            except EngineError:
                n_prompt *= n_generated > 0  # a server that is down has read nothing
                raise
            finally:
                usage = Usage(n_prompt, n_generated)
                report_usage(self.base.name, usage)
                call.count(usage)

    @cached_property
    def _markers(self) -> Markers:
        return Markers(self.base)

    def constrain_markers(self, candidates: int) -> TokenConstraint:
        """Constraint for `SamplingParams.allowed_tokens`: markers (`[2]`) can only name one of the
        `candidates` numbered candidates (see `naming/markers.py`)."""
        return self._markers.constrain(candidates)

    @cached_property
    def _json_grammars(self) -> JsonGrammars:
        return JsonGrammars(self.base)

    def check_json(self) -> None:
        """Raises `BackboneError` where `complete_json` can't work: llguidance is missing."""
        _ = self._json_grammars

    def complete_json(
        self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], *, max_tokens: int = 64
    ) -> Any:
        """Answer `messages` (role and content; the first is the system's) by JSON of a schema, parsed.

        Raises `BackboneError` where llguidance is missing, `EngineError` where the JSON is longer than
        `max_tokens` or the engine fails, and `InputError` as `generate` does.
        """
        system, *turns = messages
        prompt = self.build_chat_prompt(
            system["content"], [(turn["role"], [turn["content"]]) for turn in turns]
        )
        sampling = SamplingParams(allowed_tokens=self._json_grammars.constrain(schema))
        text = "".join(self.generate(prompt, max_tokens, sampling=sampling))
        try:
            return json.loads(text)
        except ValueError as error:
            raise EngineError(f"{self.base.name} ended its JSON early: {text[:100]!r}") from error

    def embed_prompt(self, prompt: Prompt) -> PromptEmbeddings:
        """Convert a prompt to the engine's input. Raises `InputError` as `generate` does."""
        rendered = self.render(prompt)
        return PromptEmbeddings(rendered.token_keys, self.embed_rendered(rendered).numpy())

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """Convert a prompt to token ids and the positions of its soft tokens."""
        items, dim = self.matrix.shape
        return render(self.base, prompt, items, dim, self.connector.tokens)

    def count_tokens(self, prompt: Prompt) -> int:
        """Tokens of a prompt, soft tokens included."""
        return len(self.render(prompt))

    @torch.no_grad()
    def embed_rendered(self, rendered: RenderedPrompt) -> torch.Tensor:
        """Compute the input embeddings of a rendered prompt, (T, hidden)."""
        vectors, kinds = stack_soft_vectors(rendered.soft_items, self.matrix)
        return insert_soft_tokens(self.base, rendered, self.connector(vectors, kinds).flatten(0, 1))


def load_connector(folder: Path, dim: int, hidden: int, tokens: int) -> Connector:
    """Load the connector of a saved version or an exported folder."""
    connector = Connector(dim, hidden, tokens=tokens)
    connector.load_state_dict(load_file(folder / "connector.safetensors"))
    return connector

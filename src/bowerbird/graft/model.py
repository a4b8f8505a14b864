"""A graft in use: a language model that reads items as soft tokens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.versions import Version
from bowerbird.embed.index.vectors import item_matrix, load_vectors
from bowerbird.errors import StoreError
from bowerbird.graft.adapter import adapted_base
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.naming.markers import Markers
from bowerbird.graft.prompt import Piece, Prompt, Rendered, Turn, chat_prompt, embed, render, vectors_of
from bowerbird.graft.runtime import Allowed, Decoding, PromptEmbeddings, Runtime
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.openvino import embedded_runtime
from bowerbird.graft.streaming import streamed

OpensRuntime = Callable[[Base], Runtime]
"""Makes an engine for a language model."""


class Graft:
    """Reads prompts of words and items (positions in the catalogue). Safe to use from several threads."""

    def __init__(
        self,
        base: Base,
        connector: Connector,
        matrix: np.ndarray,
        version: Version | None = None,
        runtime: OpensRuntime = EagerRuntime,
    ) -> None:
        """`matrix` (items, dim): the catalogue's vectors; `runtime` makes the engine that writes."""
        self.base = base
        self.connector = connector.eval()
        self.matrix = matrix
        self.version = version
        self._opens_runtime = runtime
        self._opening = threading.Lock()

    @classmethod
    def open(
        cls, snapshot: StoreSnapshot, version: Version | None = None, runtime: OpensRuntime | None = None
    ) -> Graft:
        """Open a snapshot's graft, once, or a given version of it.

        `runtime` makes the engine that writes; by default it is the embedded one, on OpenVINO.

        Raises `StoreError` where there is none, or where its base or its vectors are not those of today.
        """
        if version is None and runtime is None:
            return snapshot.open_once("graft", lambda: cls._opened(snapshot), of=("vectors", "graft"))
        return cls._opened(snapshot, version, runtime)

    @classmethod
    def _opened(
        cls, snapshot: StoreSnapshot, version: Version | None = None, runtime: OpensRuntime | None = None
    ) -> Graft:
        store, version = snapshot.store, version or snapshot.version("graft")
        if version is None:
            raise StoreError(f"the store {store.path} has no graft yet: run `bowerbird graft {store.path}`")
        meta = version.meta
        vectors = load_vectors(snapshot)
        again = f"run `bowerbird graft {store.path}` again"
        if "tokens" not in meta:
            raise StoreError(f"the graft {version.name} was made by an older bowerbird: {again}")
        if not vectors.is_compatible_with(meta["vectors"]):
            raise StoreError(
                f"the graft {version.name} reads vectors {meta['vectors']}, the store's are now "
                f"{vectors.version}: {again}"
            )
        base = Base.load(meta["base"])
        if base.fingerprint != meta["base_fingerprint"]:
            raise StoreError(
                f"the graft {version.name} was made for {meta['base']} {meta['base_fingerprint']}, "
                f"the {meta['base']} found now is {base.fingerprint}: fetch the former, or {again}"
            )
        original = base
        base = adapted_base(original, version.path)
        connector = load_connector(version.path, meta["dim"], meta["hidden"], meta["tokens"])
        matrix = item_matrix(snapshot)
        # What is converted of a base is of use to every graft on it; an adapted one is this version's own.
        kept = None if base is original else version.path / "openvino"
        engine = runtime or partial(embedded_runtime, folder=kept)
        return cls(base, connector, matrix, version, engine)

    @cached_property
    def _runtime(self) -> Runtime:
        return self._opens_runtime(self.base)

    @property
    def runtime(self) -> Runtime:
        """The engine that writes, opened when it is first needed."""
        with self._opening:
            return self._runtime

    def chat_prompt(self, system: str, turns: Sequence[Turn]) -> list[Piece]:
        """A conversation in the base's chat format, up to where the assistant speaks. A turn is
        (role, pieces), pieces being texts and item positions; control tokens in texts are taken out."""
        return chat_prompt(self.base, system, turns)

    def generate(
        self,
        prompt: Prompt,
        max_tokens: int = 64,
        *,
        stop: Sequence[str] = (),
        decoding: Decoding | None = None,
    ) -> Iterator[str]:
        """Stream the text after a prompt. Greedy unless `decoding` says otherwise; `stop` texts end it.

        Raises `InputError` for an empty or too long prompt, or a position outside the catalogue.
        """
        how = replace(decoding or Decoding(), max_tokens=max_tokens, stop=tuple(stop))
        return streamed(
            self.base.tokenizer, self.runtime.write(self.prompt_embeddings(prompt), how), how.stop
        )

    @cached_property
    def _markers(self) -> Markers:
        return Markers(self.base)

    def naming(self, candidates: int) -> Allowed:
        """For `Decoding.allowed`: a marker (`[2]`) that the model begins can only become one of so many
        numbered candidates' (see `naming/markers.py`)."""
        return self._markers.among(candidates)

    def prompt_embeddings(self, prompt: Prompt) -> PromptEmbeddings:
        """A prompt as engines take it. Raises `InputError` as `generate` does."""
        rendered = self.rendered(prompt)
        return PromptEmbeddings(rendered.places, self.embedded(rendered).numpy())

    def rendered(self, prompt: Prompt) -> Rendered:
        """Token ids of a prompt, and where its soft tokens stand."""
        items, dim = self.matrix.shape
        return render(self.base, prompt, items, dim, self.connector.tokens)

    @torch.no_grad()
    def embedded(self, rendered: Rendered) -> torch.Tensor:
        """Input embeddings of a rendered prompt, (T, hidden): what engines take as prompt embeddings."""
        vectors, kinds = vectors_of(rendered.things, self.matrix)
        return embed(self.base, rendered, self.connector(vectors, kinds).flatten(0, 1))


def load_connector(folder: Path, dim: int, hidden: int, tokens: int) -> Connector:
    """The connector of a saved version or an exported folder."""
    connector = Connector(dim, hidden, tokens=tokens)
    connector.load_state_dict(load_file(folder / "connector.safetensors"))
    return connector

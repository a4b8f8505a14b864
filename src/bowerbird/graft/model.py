"""A graft in use: a language model that reads items as soft tokens, and answers in words or by a vector."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from bowerbird.data.events import Action
from bowerbird.data.interactions import History
from bowerbird.data.store import Store, Version
from bowerbird.embed.vectors import load_vectors
from bowerbird.errors import InputError, StoreError
from bowerbird.graft.adapter import adapted_base
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.heads import Heads
from bowerbird.graft.lessons.requests import REMEMBERED, request_prompt
from bowerbird.graft.lessons.sequences import Liked, Reader, decayed_mean, whole
from bowerbird.graft.naming.markers import Markers
from bowerbird.graft.prompt import Piece, Prompt, Rendered, Turn, chat_prompt, embed, render, vectors_of
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.openvino import embedded_runtime
from bowerbird.graft.runtimes.runtime import Allowed, Decoding, PromptEmbeddings, Runtime
from bowerbird.graft.streaming import streamed

OpensRuntime = Callable[[Base], Runtime]
"""Makes an engine for a language model."""

OUTCOME_OF = {Action.CLICK: 0, Action.VIEW: 0, Action.SAVE: 1, Action.ADD_TO_CART: 2, Action.PURCHASE: 2}


class Graft:
    """Reads prompts of words and items (positions in the catalogue). Safe to use from several threads."""

    def __init__(
        self,
        base: Base,
        connector: Connector,
        matrix: np.ndarray,
        heads: Heads | None = None,
        version: Version | None = None,
        history: int = 20,
        runtime: OpensRuntime = EagerRuntime,
    ) -> None:
        """`matrix` (items, dim): the catalogue's vectors; `runtime` makes the engine that writes."""
        self.base = base
        self.connector = connector.eval()
        self.heads = heads or Heads()
        self.matrix = matrix
        self.version = version
        self._opens_runtime = runtime
        self._opening = threading.Lock()
        self._reader = Reader(base, self.connector, matrix)
        self._history = history

    @classmethod
    def open(cls, store: Store, version: Version | None = None, runtime: OpensRuntime | None = None) -> Graft:
        """Open the store's current graft, or a given version of it.

        `runtime` makes the engine that writes; by default it is the embedded one, on OpenVINO.

        Raises `StoreError` where there is none, or where its base or its vectors are not those of today.
        """
        version = version or store.current("graft")
        if version is None:
            raise StoreError(f"the store {store.path} has no graft yet: run `bowerbird graft {store.path}`")
        meta = version.meta
        vectors, catalogue = load_vectors(store), store.catalogue()
        again = f"run `bowerbird graft {store.path}` again"
        if "tokens" not in meta:
            raise StoreError(f"the graft {version.name} was made by an older bowerbird: {again}")
        if not vectors.reads(meta["vectors"]):
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
        heads = Heads.load(version.path, meta)
        matrix = vectors.aligned(catalogue)
        # What is converted of a base is of use to every graft on it; an adapted one is this version's own.
        kept = None if base is original else version.path / "openvino"
        engine = runtime or partial(embedded_runtime, folder=kept)
        return cls(base, connector, matrix, heads, version, meta["history"], engine)

    @cached_property
    def _runtime(self) -> Runtime:
        return self._opens_runtime(self.base)

    @property
    def runtime(self) -> Runtime:
        """The engine that writes, opened when it is first needed."""
        with self._opening:
            return self._runtime

    # -- words in, words out ------------------------------------------------------------------------------

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

    # -- items in, a vector out ---------------------------------------------------------------------------

    def retrieve(self, history: History, outcome: Action = Action.CLICK) -> np.ndarray:
        """Where in item space to look for what this person will `outcome` next, (dim,) of length 1."""
        query: np.ndarray = self.retrieve_many([history], outcome)[0]
        return query

    @torch.no_grad()
    def retrieve_many(self, histories: Sequence[History], outcome: Action = Action.CLICK) -> np.ndarray:
        """`retrieve` for many people, (people, dim) float32; a row does not depend on its neighbours.

        Raises `StoreError` where the graft was trained without people's events.
        """
        head, layer = self.heads.next_item
        windows = [whole(Liked.of(history), self._history) for history in histories]
        queries = np.zeros((len(windows), self.matrix.shape[1]), np.float32)
        by_length = np.argsort([len(window.items) for window in windows], kind="stable")
        for rows in np.array_split(by_length, -(-len(windows) // 16)) if len(windows) else []:
            some = [windows[row] for row in rows]
            means = np.stack([decayed_mean(w, len(w.items), self.matrix) for w in some])
            states = self._reader.states(some, [layer])[:, 0]
            outcomes = torch.full((len(some),), OUTCOME_OF[outcome])
            queries[rows] = head(states, torch.from_numpy(means), outcomes).numpy()
        return queries

    @torch.no_grad()
    def retrieve_request(
        self, said: Sequence[str], history: History | None = None, outcome: Action = Action.CLICK
    ) -> np.ndarray:
        """Where in item space to look for what somebody asks for, (dim,) of length 1.

        `said` alternates between the person and the assistant; `history` stands before it. Raises
        `StoreError` where the graft learnt from no requests, `InputError` for no words.
        """
        if not said or not said[0].strip():
            raise InputError("the request is empty: say at least one word")
        head, layer = self.heads.request
        before = Liked.of(history or History.empty()).last(REMEMBERED)
        window = whole(before, REMEMBERED)
        state = self._reader.asked([request_prompt(self.base, before.items, said)], [layer])[:, 0]
        mean = torch.from_numpy(decayed_mean(window, len(window.items), self.matrix))[None]
        query: np.ndarray = head(state, mean, torch.tensor([OUTCOME_OF[outcome]]))[0].numpy()
        return query


def load_connector(folder: Path, dim: int, hidden: int, tokens: int) -> Connector:
    """The connector of a saved version or an exported folder."""
    connector = Connector(dim, hidden, tokens=tokens)
    connector.load_state_dict(load_file(folder / "connector.safetensors"))
    return connector

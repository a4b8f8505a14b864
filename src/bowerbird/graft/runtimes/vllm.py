"""A graft's language model on a vLLM server: prompts cross the wire as embeddings, token ids come back.

The server holds the folder that `bowerbird graft export` writes and is started with `--enable-prompt-embeds`.
The connector, the items and the tokenizer stay on this side, so one server answers for every catalogue that
is grafted into its model.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from bowerbird.errors import EngineError, InputError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import SamplingParams, ModelLimits, PromptEmbeddings, checked
from bowerbird.graft.runtimes.completions import CompletionServer, RequestRejected

PLAIN = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
"""A model's folder may hold other defaults, which the server would follow where a request is silent."""
NEVER = -100.0
"""The lowest bias that servers take. It forbids a token as long as no logit is 100 above all others."""
SAME = 0.5
"""How far (nats) the server's picks may be from our best ones. SmolLM2-135M served in bfloat16 stays within
0.09 of itself in float32; weights that are off by 2 % of their spread are 0.8 away."""


@dataclass(frozen=True)
class VllmRuntime:
    """Writes on a server; see `connect`. Safe to use from several threads, and batched by the server then.

    Greedy text is what the eager engine writes, but for ties within the precision of the arithmetic. Sampled
    text is drawn from the same chances by the server's own generator: a seed gives another text there.
    """

    server: CompletionServer
    base: Base
    model: str
    """The name under which the server knows the model."""
    limits: ModelLimits

    @classmethod
    def connect(cls, url: str, base: Base) -> VllmRuntime:
        """A runtime on the vLLM server at `url`, such as `http://127.0.0.1:8000`.

        Raises `EngineError` where none answers, it serves another model than `base`, or it takes no
        embeddings. No embedding is sent before the model is known to be the right one: one of another
        width has stopped older engines.
        """
        server = CompletionServer(url)
        served = server.models()
        if not served or "max_model_len" not in served[0]:
            raise EngineError(f"{url} is no vLLM: it does not tell how many tokens its model holds")
        longest = min(base.longest, int(served[0]["max_model_len"]))
        runtime = cls(server, base, str(served[0]["id"]), replace(base.limits, longest=longest))
        runtime._check_model()
        runtime._check_embeddings()
        return runtime

    def write(self, prompt: PromptEmbeddings, how: SamplingParams) -> Iterator[int]:
        """See `Runtime`. Raises `EngineError`, at the first token or later, where the server fails."""
        checked(prompt, self.limits)
        how = replace(how, max_tokens=min(how.max_tokens, self.limits.longest - len(prompt)))
        return self._write(prompt.embedded, how)

    def close(self) -> None:
        """Nothing to give back: a connection ends with its reply."""

    # -- writing ------------------------------------------------------------------------------------------

    def _write(self, embedded: np.ndarray, how: SamplingParams) -> Iterator[int]:
        """`how.allowed` can't cross the wire. While it allows all, the server's stream runs on; where it
        names ids, the stream is dropped and the server is asked for one token among them."""
        written: list[int] = []
        ids = how.allowed(written) if how.allowed else None
        while len(written) < how.max_tokens:
            with closing(self._continued(embedded, how, written, ids)) as tokens:
                for token in tokens:
                    if token in self.base.ends:
                        return
                    written.append(token)
                    yield token
                    before, ids = ids, how.allowed(written) if how.allowed else None
                    if before is not None or ids is not None:
                        break
                else:
                    if len(written) < how.max_tokens:
                        raise EngineError(f"{self.server.url} gave up a reply: look at the engine's log")

    def _continued(
        self, embedded: np.ndarray, how: SamplingParams, written: list[int], ids: Sequence[int] | None
    ) -> Generator[int, None, None]:
        """What follows a prompt (T, hidden) and the tokens `written`: all that is left, or one of `ids`."""
        only = None if ids is None else self._writable(ids, early=len(written) < how.min_tokens)
        if only is not None and len(only) == 1:  # the server has nothing to choose
            yield only[0]
            return
        request = self._request(np.concatenate([embedded, self._rows(written)]), how, len(written))
        if only is not None:
            del request["logit_bias"]
            request |= {"allowed_token_ids": only, "max_tokens": 1, "min_tokens": 0}
        yield from self.server.stream(request)

    def _writable(self, ids: Sequence[int], early: bool) -> list[int]:
        """Those of `ids` that can be written; ends can't, as long as it is too `early`."""
        only = sorted({int(token) for token in ids} - self.base.never - (self.base.ends if early else set()))
        if not only:
            raise InputError("of the tokens that may come next, none can be written")
        return only

    def _request(self, embedded: np.ndarray, how: SamplingParams, written: int) -> dict[str, Any]:
        left = how.max_tokens - written
        return {
            **self._plain,
            "prompt_embeds": encode_embeddings(embedded),
            "max_tokens": left,
            "min_tokens": min(max(how.min_tokens - written, 0), left),
            "stop_token_ids": sorted(self.base.ends),
            "logit_bias": {str(token): NEVER for token in sorted(self.base.never)},
            "temperature": max(how.temperature, 0.0),
            # A continued reply must not draw the same luck again.
            "seed": (how.seed + written) % 2**63,
        }

    @cached_property
    def _plain(self) -> dict[str, Any]:
        """What every request says. End tokens are named as stops, hence exactly the base's, no others."""
        return {"model": self.model, "ignore_eos": True, **PLAIN}

    def _rows(self, ids: Sequence[int]) -> np.ndarray:
        """Embeddings of tokens, (ids, hidden) float32."""
        rows: np.ndarray = self.base.table[torch.tensor(ids, dtype=torch.int64)].float().numpy()
        return rows

    # -- what is served -----------------------------------------------------------------------------------

    @torch.no_grad()
    def _check_model(self) -> None:
        """Three texts of ids from all over the vocabulary, continued by the server: are these tokens the ones
        that our own weights hold for best, or nearly so?"""
        rows = int(self.base.table.shape[0])
        prompts = (np.arange(1, 25) * rows // 25).reshape(3, 8)
        request = {**self._plain, "prompt": prompts.tolist(), "max_tokens": 8, "temperature": 0.0}
        other = EngineError(
            f"{self.server.url} serves {self.model}, which is not {self.limits.name}: "
            "start it with the folder that `bowerbird graft export` wrote"
        )
        try:
            written = self.server.complete(request)
        except RequestRejected as error:  # another vocabulary
            raise other from error
        if [len(ids) for ids in written] != [8, 8, 8] or max(map(max, written)) >= rows:
            raise other
        texts = torch.from_numpy(np.concatenate([prompts, np.array(written)], axis=1))
        logits = self.base.model(input_ids=texts).logits[:, 7:-1].float()  # (3, 8, vocabulary)
        picked = logits.gather(2, texts[:, 8:, None])[..., 0]
        if float((logits.amax(2) - picked).max()) > SAME:
            raise other

    def _check_embeddings(self) -> None:
        """One embedded token, to see that the server takes such prompts."""
        request = {**self._plain, "prompt_embeds": encode_embeddings(self._rows([0])), "max_tokens": 1}
        try:
            self.server.complete(request)
        except RequestRejected as error:
            raise EngineError(
                f"{self.server.url} takes no embeddings: start it with --enable-prompt-embeds ({error})"
            ) from error


def encode_embeddings(embedded: np.ndarray) -> str:
    """Embeddings (T, hidden) float32 as vLLM reads them: a saved tensor, in base64."""
    file = io.BytesIO()
    torch.save(torch.from_numpy(embedded), file)
    return base64.b64encode(file.getvalue()).decode()

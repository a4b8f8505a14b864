"""Encode conversations with the frozen blocks of a language model.

What the trained reader needs of a conversation is small: the mean state of each turn, the state at each named
item, and the state at the end. These are computed once and cached, so training never runs the language model.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bowerbird.conversations.contexts import ConversationContext
from bowerbird.data.dialogues import Role
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector, TokenKind
from bowerbird.graft.head.config import ItemInput, RequestHeadConfig
from bowerbird.graft.head.passes import EncoderPass, batch_passes, count_turns, group_continuations
from bowerbird.graft.head.rendering import ConversationRenderer, RenderedConversation, Span
from bowerbird.graft.prompt import SoftItem, insert_soft_tokens, stack_soft_vectors
from bowerbird.tracing import model_call
from bowerbird.usage import Usage, report_usage

LAYOUT = 2
"""Incremented when conversations are rendered differently: cached states are then computed again."""


@dataclass(frozen=True, eq=False)
class EncodedConversation:
    """A conversation as the reader takes it; states are float16."""

    end: NDArray[np.float16]
    """State after the header of the wanted reply, (hidden,)."""
    turns: NDArray[np.float16]
    """Mean state of each turn, (turns, hidden)."""
    turn_facts: NDArray[np.int64]
    """Of each turn, (turns, 3): role (0 user, 1 assistant), a constant 0, and age: 1 is the last turn."""
    mentions: NDArray[np.float16]
    """Mean state of each named item's tokens, (mentions, hidden)."""
    mention_facts: NDArray[np.int64]
    """Of each named item, (mentions, 3): role, sentiment (0 disliked, 1 neutral, 2 liked), age."""
    items: NDArray[np.int64]
    """Positions of the named items, (mentions,)."""
    taste: NDArray[np.float16]
    """Mean state of the taste's soft tokens, (hidden,); zeros without one."""
    taste_vector: NDArray[np.float16]
    """The taste in item space, (dim,); zeros without one."""


def truncate_decoder(base: Base, depth: int) -> Any:
    """The first `depth` blocks of a decoder (0: all), sharing its weights; without the final norm if cut."""
    trunk = base.trunk
    if not depth or depth >= len(trunk.layers):
        return trunk
    truncated = copy.copy(trunk)
    truncated._modules = {**trunk._modules, "layers": trunk.layers[:depth], "norm": nn.Identity()}
    return truncated


class ConversationEncoder:
    """Runs conversations through the frozen blocks; safe to use from several threads."""

    def __init__(
        self,
        base: Base,
        connector: Connector,
        matrix: NDArray[np.float32],
        titles: Sequence[str],
        config: RequestHeadConfig,
    ) -> None:
        """`matrix` (items, dim) and `titles` (items,) are the catalogue's."""
        self._base, self._connector, self._matrix = base, connector, matrix
        self._config, self._max_tokens = config, config.max_tokens
        self._renderer = ConversationRenderer(base, config.item_input, connector.tokens, titles)
        self._decoder = truncate_decoder(base, config.depth)

    def encode(self, contexts: Sequence[ConversationContext]) -> list[EncodedConversation]:
        """Encode contexts; one that continues the one before it shares its pass."""
        encoded: dict[int, EncodedConversation] = {}
        passes = sorted(self._plan_passes(contexts), key=lambda each: len(each.rendered))
        for batch in batch_passes(passes):
            for one_pass, states in zip(batch, self._run([each.rendered for each in batch]), strict=True):
                for index, n_turns in one_pass.cuts:
                    vector = self._taste_vector(contexts[index])
                    encoded[index] = _read_states(one_pass.rendered, states, n_turns, vector)
        return [encoded[index] for index in range(len(contexts))]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that states depend on besides the conversation."""
        config = self._config
        digest = hashlib.blake2b(self._base.fingerprint.encode(), digest_size=8)
        settings = (config.item_input, config.reads_taste, config.depth, config.max_tokens, LAYOUT)
        digest.update("/".join(map(str, settings)).encode())
        if config.item_input is ItemInput.SOFT_TOKENS:
            digest.update(np.ascontiguousarray(self._matrix).tobytes())
            for _, weight in sorted(self._connector.state_dict().items()):
                digest.update(weight.numpy().tobytes())
        return digest.hexdigest()

    def count_tokens(self, contexts: Sequence[ConversationContext]) -> NDArray[np.int64]:
        """Tokens of each context as the language model reads it, (contexts,)."""
        lengths = [len(self._render(context)) for context in contexts]
        return np.minimum(np.array(lengths, np.int64), self._max_tokens)

    def _plan_passes(self, contexts: Sequence[ConversationContext]) -> Iterator[EncoderPass]:
        for group in group_continuations(contexts):
            rendered = self._render(contexts[group[-1]])
            shared: list[tuple[int, int]] = []
            for index in group:
                n_turns = count_turns(contexts[index])
                is_last = n_turns == len(rendered.turns)
                is_reply = is_last or rendered.roles[n_turns] is Role.ASSISTANT
                if is_reply and rendered.header_ends[n_turns] < self._max_tokens:
                    shared.append((index, n_turns))
                else:
                    own = rendered if is_last else self._render(contexts[index])
                    yield EncoderPass(own.end_at(n_turns, self._max_tokens), [(index, n_turns)])
            if shared:
                yield EncoderPass(rendered.end_at(shared[-1][1], self._max_tokens), shared)

    @torch.inference_mode()
    def _run(self, rendered: Sequence[RenderedConversation]) -> NDArray[np.float32]:
        """States (conversations, longest, hidden); padding is on the right, so no mask is needed."""
        embeddings = torch.zeros(len(rendered), max(map(len, rendered)), self._base.hidden)
        for row, conversation in enumerate(rendered):
            embeddings[row, : len(conversation)] = self._embed(conversation)
        usage, dtype = Usage(sum(map(len, rendered))), self._base.embedding_table.dtype
        report_usage(self._base.name, usage)
        with model_call(self._base.name, "bowerbird", "embeddings") as call:
            call.count(usage)
            result = self._decoder(inputs_embeds=embeddings.to(dtype), use_cache=False)
        states: Tensor = result.last_hidden_state
        return states.float().numpy()

    def _embed(self, rendered: RenderedConversation) -> Tensor:
        vectors, kinds = stack_soft_vectors(rendered.prompt.soft_items, self._matrix)
        soft_tokens = self._connector(vectors, kinds).flatten(0, 1)
        return insert_soft_tokens(self._base, rendered.prompt, soft_tokens)

    def _render(self, context: ConversationContext) -> RenderedConversation:
        taste = self._taste_vector(context)
        return self._renderer.render(context, SoftItem(TokenKind.TASTE, taste) if taste.any() else None)

    def _taste_vector(self, context: ConversationContext) -> NDArray[np.float32]:
        """Direction of the mean of what the user liked, (dim,); zeros where that is not known or not read."""
        reads_taste = self._config.reads_taste and self._config.item_input is ItemInput.SOFT_TOKENS
        liked = context.liked if reads_taste else ()
        mean: NDArray[np.float32] = self._matrix[list(liked)].sum(0)
        return mean / max(float(np.linalg.norm(mean)), 1e-6)


def _read_states(
    rendered: RenderedConversation,
    states: NDArray[np.float32],
    n_turns: int,
    taste_vector: NDArray[np.float32],
) -> EncodedConversation:
    """What the reader needs of a pass's states (tokens, hidden) for the context of the first turns."""
    turns = [number for number, span in enumerate(rendered.turns[:n_turns]) if span.end > span.start]
    mentions = [
        (span, mention)
        for span, mention in rendered.mentions
        if mention.turn < n_turns and span.end > span.start
    ]
    turn_facts = [(rendered.roles[number] is Role.ASSISTANT, 0, n_turns - number) for number in turns]
    has_taste = rendered.taste.end > rendered.taste.start  # not where a long conversation has cut it off
    taste = _mean_states(states, [rendered.taste] * has_taste).sum(0, dtype=np.float16)
    mention_facts = [
        (mention.role is Role.ASSISTANT, mention.sentiment + 1, n_turns - mention.turn)
        for _, mention in mentions
    ]
    return EncodedConversation(
        states[rendered.header_ends[n_turns]].astype(np.float16),
        _mean_states(states, [rendered.turns[number] for number in turns]),
        np.array(turn_facts, np.int64).reshape(-1, 3),
        _mean_states(states, [span for span, _ in mentions]),
        np.array(mention_facts, np.int64).reshape(-1, 3),
        np.array([mention.item for _, mention in mentions], np.int64),
        taste,
        (taste_vector * has_taste).astype(np.float16),
    )


def _mean_states(states: NDArray[np.float32], spans: Sequence[Span]) -> NDArray[np.float16]:
    means = [states[span.start : span.end].mean(0) for span in spans]
    return np.stack(means).astype(np.float16) if means else np.zeros((0, states.shape[-1]), np.float16)

"""Item markers in generated text: a turn's candidates are numbered, and the model names the second by `[2]`.

Why brackets and digits, not a reserved vocabulary entry: every tokenizer has them and every model has read
citations in this form, even a small one that was never trained for this. Why a closing bracket: `[1]` and
`[12` stay distinct wherever a text is cut, and a marker is complete when it ends, without waiting for the
next token.

Inside a marker only a candidate's number can be generated (`Markers.constrain`); text outside markers is
unconstrained. Neither models nor engines are imported here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bowerbird.graft.runtime import TokenConstraint
from bowerbird.graft.streaming import decode_tokens

if TYPE_CHECKING:
    from bowerbird.graft.base import Base

MARKER = re.compile(r"\[([1-9][0-9]{0,2})\]")
"""A marker in a text; its number counts candidates from 1."""
_MAX_CANDIDATES = 999
_DIGITS = frozenset("0123456789")


def number_candidates(candidates: Sequence[int]) -> list[str | int]:
    """List the candidates (positions) for a prompt: each one's marker, then its soft token.

    >>> numbered([31, 7])
    ['[1] ', 31, '\\n', '[2] ', 7, '\\n']
    """
    return [segment for n, item in enumerate(candidates) for segment in (f"[{n + 1}] ", item, "\n")]


class Markers:
    """The tokens of a base model that markers can consist of, read once from its tokenizer."""

    def __init__(self, base: Base) -> None:
        self._vocabulary_size = int(base.embedding_table.shape[0])
        self._token_texts = _marker_token_texts(base)
        self._constraints: dict[int, TokenConstraint] = {}

    def constrain(self, n_candidates: int) -> TokenConstraint:
        """A constraint that lets markers name one of `n_candidates` candidates only: for
        `SamplingParams.allowed_tokens`.

        For any logits, the number in each marker is between 1 and `n_candidates`. A bracket that no sequence
        of tokens could close is never generated. Raises `ValueError` for more than 999 candidates.
        """
        if not 0 <= n_candidates <= _MAX_CANDIDATES:
            raise ValueError(f"{n_candidates} candidates, expected 0 to {_MAX_CANDIDATES}")
        if n_candidates not in self._constraints:
            self._constraints[n_candidates] = self._build_constraint(n_candidates)
        return self._constraints[n_candidates]

    def _build_constraint(self, n_candidates: int) -> TokenConstraint:
        closable = _closable_states(self._token_texts.values(), n_candidates)
        unclosable = {
            token
            for token, text in self._token_texts.items()
            if _next_state("", text, n_candidates) not in closable
        }
        # If every token is allowed outside markers (SmolLM2, Qwen), None says so at no cost.
        allowed_outside = (
            tuple(token for token in range(self._vocabulary_size) if token not in unclosable)
            if unclosable
            else None
        )
        allowed_inside: dict[str, tuple[int, ...]] = {}

        def allowed_tokens(generated: list[int]) -> Sequence[int] | None:
            state = ""
            for token in generated:
                state = _next_state(state, self._token_texts.get(token, " "), n_candidates) or ""
            if not state:
                return allowed_outside
            if state not in allowed_inside:
                allowed_inside[state] = tuple(
                    token
                    for token, text in self._token_texts.items()
                    if _next_state(state, text, n_candidates) in closable
                )
            return allowed_inside[state]

        return allowed_tokens


def _marker_token_texts(base: Base) -> dict[int, str]:
    """The text that each token with a bracket or a digit adds; tokens that add nothing are omitted."""
    tokenizer, excluded = base.tokenizer, base.forbidden_ids | base.end_ids
    names = tokenizer.convert_ids_to_tokens(
        list(range(min(len(tokenizer), int(base.embedding_table.shape[0]))))
    )
    # A token decoded alone may lack its leading space, so decode it after a plain word.
    plain_word = next(
        (
            token_id
            for token_id in range(len(names))
            if token_id not in excluded and decode_tokens(tokenizer, [token_id]).strip().isalpha()
        ),
        None,
    )
    if plain_word is None:
        return {}
    prefix_length = len(decode_tokens(tokenizer, [plain_word]))
    token_texts = {
        token: decode_tokens(tokenizer, [plain_word, token])[prefix_length:]
        for token, name in enumerate(names)
        if name and token not in excluded and any(char in "[]" or char in _DIGITS for char in name)
    }
    return {token: text for token, text in token_texts.items() if text}


def _next_state(state: str, text: str, n_candidates: int) -> str | None:
    """The open marker (`[`, `[1`; empty for none) after `text`; None if it can't become a candidate's.

    A bracket followed by something else within one token (`["`, `[:`) is text.
    """
    opened_here = False  # whether this token opened the bracket
    for char in text:
        if not state:
            state, opened_here = ("[", True) if char == "[" else ("", opened_here)
        elif char in _DIGITS:
            state += char
            if state[1] == "0" or len(state) > 4 or int(state[1:]) > n_candidates:
                return None
        elif char == "]" and state != "[":
            state = ""
        elif state == "[" and opened_here:
            state = "[" if char == "[" else ""
        else:
            return None
    return state


def _closable_states(token_texts: Iterable[str], n_candidates: int) -> frozenset[str]:
    """The open markers that some sequence of tokens can close, and the empty one (a fixed point)."""
    continuations = sorted(
        {text for text in token_texts if text[0] == "]" or text[0] in _DIGITS}, reverse=True
    )
    closable = {""}
    open_states = {"[", *(f"[{number}" for number in range(1, n_candidates + 1))}
    while newly_closable := {
        state
        for state in open_states
        if any(_next_state(state, continuation, n_candidates) in closable for continuation in continuations)
    }:
        closable |= newly_closable
        open_states -= newly_closable
    return frozenset(closable)

"""Naming items while writing: a turn's candidates are numbered, and the model names the second by `[2]`.

Why brackets and digits, not a reserved entry: every tokenizer has them, every model has read citations in
them, also a small one that was never trained for this. Why a closing bracket: `[1]` and `[12` are told
apart wherever a text is cut, and a marker is known the moment it ends, without waiting for what follows.

Inside a marker only a candidate's number can be written (`Markers.among`); outside, nothing changes. No model
and no engine is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bowerbird.graft.runtime import TokenConstraint
from bowerbird.graft.streaming import decoded

if TYPE_CHECKING:
    from bowerbird.graft.base import Base

MARKER = re.compile(r"\[([1-9][0-9]{0,2})\]")
"""A marker in a text; its number counts candidates from 1."""
_MOST = 999
_DIGITS = frozenset("0123456789")


def number_candidates(candidates: Sequence[int]) -> list[str | int]:
    """The candidates (positions) as a prompt shows them: each one's marker, then its soft token.

    >>> numbered([31, 7])
    ['[1] ', 31, '\\n', '[2] ', 7, '\\n']
    """
    return [piece for n, item in enumerate(candidates) for piece in (f"[{n + 1}] ", item, "\n")]


class Markers:
    """The tokens of a base that markers can be made of, read once from its tokenizer."""

    def __init__(self, base: Base) -> None:
        self._size = int(base.table.shape[0])
        self._pieces = _pieces(base)
        self._among: dict[int, TokenConstraint] = {}

    def among(self, count: int) -> TokenConstraint:
        """Decoding that can name `count` candidates and no other: for `Decoding.allowed`.

        Whatever the logits say, each marker of the text is of a number from 1 to `count`. A bracket that no
        sequence of tokens could close is not written. Raises `ValueError` for more than 999 candidates.
        """
        if not 0 <= count <= _MOST:
            raise ValueError(f"{count} candidates, expected 0 to {_MOST}")
        if count not in self._among:
            self._among[count] = self._made(count)
        return self._among[count]

    def _made(self, count: int) -> TokenConstraint:
        live = _live(self._pieces.values(), count)
        bad = {token for token, piece in self._pieces.items() if _after("", piece, count) not in live}
        # Where every token may stand outside markers (SmolLM2, Qwen), None says so, and costs nothing.
        free = tuple(token for token in range(self._size) if token not in bad) if bad else None
        inside: dict[str, tuple[int, ...]] = {}

        def allowed(written: list[int]) -> Sequence[int] | None:
            state = ""
            for token in written:
                state = _after(state, self._pieces.get(token, " "), count) or ""
            if not state:
                return free
            if state not in inside:
                inside[state] = tuple(
                    token for token, piece in self._pieces.items() if _after(state, piece, count) in live
                )
            return inside[state]

        return allowed


def _pieces(base: Base) -> dict[int, str]:
    """What each token that has a bracket or a digit adds to a text; tokens that add nothing are left out."""
    tokenizer, silent = base.tokenizer, base.never | base.ends
    names = tokenizer.convert_ids_to_tokens(list(range(min(len(tokenizer), int(base.table.shape[0])))))
    # A token's own text may lack the space that it gets after another: it is read behind a plain word.
    before = next(
        (n for n in range(len(names)) if n not in silent and decoded(tokenizer, [n]).strip().isalpha()), None
    )
    if before is None:
        return {}
    start = len(decoded(tokenizer, [before]))
    pieces = {
        token: decoded(tokenizer, [before, token])[start:]
        for token, name in enumerate(names)
        if name and token not in silent and any(char in "[]" or char in _DIGITS for char in name)
    }
    return {token: piece for token, piece in pieces.items() if piece}


def _after(state: str, piece: str, count: int) -> str | None:
    """The open marker (`[`, `[1`; empty for none) after `piece`; None where no candidate can come of it.

    A bracket followed by something else within one token (`["`, `[:`) is text.
    """
    within = False  # whether this very piece opened the bracket
    for char in piece:
        if not state:
            state, within = ("[", True) if char == "[" else ("", within)
        elif char in _DIGITS:
            state += char
            if state[1] == "0" or len(state) > 4 or int(state[1:]) > count:
                return None
        elif char == "]" and state != "[":
            state = ""
        elif state == "[" and within:
            state = "[" if char == "[" else ""
        else:
            return None
    return state


def _live(pieces: Iterable[str], count: int) -> frozenset[str]:
    """The open markers that some sequence of tokens can close, and the empty one."""
    goes_on = sorted({piece for piece in pieces if piece[0] == "]" or piece[0] in _DIGITS}, reverse=True)
    live = {""}
    waiting = {"[", *(f"[{number}" for number in range(1, count + 1))}
    while more := {state for state in waiting if any(_after(state, p, count) in live for p in goes_on)}:
        live |= more
        waiting -= more
    return frozenset(live)

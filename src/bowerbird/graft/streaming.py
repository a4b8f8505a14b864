"""Turn a stream of token ids into chunks of final text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def stream_text(tokenizer: Any, tokens: Iterator[int], stop: Sequence[str]) -> Iterator[str]:
    """Yield text as tokens arrive; incomplete characters and possible beginnings of stop texts are held
    back."""
    ids: list[int] = []
    n_emitted = 0
    for token in tokens:
        ids.append(token)
        text = decode_tokens(tokenizer, ids)
        stop_positions = [text.find(stop_text) for stop_text in stop if stop_text in text]
        if stop_positions:
            if min(stop_positions) > n_emitted:
                yield text[n_emitted : min(stop_positions)]
            return
        n_stable = len(text) - count_unstable_chars(text, stop)
        if n_stable > n_emitted:
            yield text[n_emitted:n_stable]
            n_emitted = n_stable
    remainder = decode_tokens(tokenizer, ids)[n_emitted:]
    if remainder:
        yield remainder


def decode_tokens(tokenizer: Any, ids: list[int]) -> str:
    """Decode token ids without special tokens and without cleaning up spaces."""
    text: str = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text


def count_unstable_chars(text: str, stop: Sequence[str]) -> int:
    """Count trailing characters that may still change or that may begin a stop text.

    >>> held_back("a lamp\\n", stop=["\\n\\n"]), held_back("caf\\ufffd", stop=[])
    (1, 1)
    """
    n_incomplete = len(text) - len(text.rstrip("\ufffd"))
    n_stop_prefix = max(
        (n for stop_text in stop for n in range(1, len(stop_text)) if text.endswith(stop_text[:n])), default=0
    )
    return max(n_incomplete, n_stop_prefix)

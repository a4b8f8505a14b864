"""From token ids, as they come, to pieces of text that will not change any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def streamed(tokenizer: Any, tokens: Iterator[int], stop: Sequence[str]) -> Iterator[str]:
    """Pieces of text as tokens come; unfinished characters and beginnings of stops are held back."""
    ids: list[int] = []
    told = 0
    for token in tokens:
        ids.append(token)
        text = decoded(tokenizer, ids)
        ends = [text.find(one) for one in stop if one in text]
        if ends:
            if min(ends) > told:
                yield text[told : min(ends)]
            return
        safe = len(text) - held_back(text, stop)
        if safe > told:
            yield text[told:safe]
            told = safe
    rest = decoded(tokenizer, ids)[told:]
    if rest:
        yield rest


def decoded(tokenizer: Any, ids: list[int]) -> str:
    """The text of token ids, as replies are read."""
    text: str = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text


def held_back(text: str, stop: Sequence[str]) -> int:
    """How many last characters may still change or begin a stop.

    >>> held_back("a lamp\\n", stop=["\\n\\n"]), held_back("caf\\ufffd", stop=[])
    (1, 1)
    """
    unfinished = len(text) - len(text.rstrip("\ufffd"))
    longest = max((n for one in stop for n in range(1, len(one)) if text.endswith(one[:n])), default=0)
    return max(unfinished, longest)

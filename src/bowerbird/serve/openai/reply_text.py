"""The text of a reply on OpenAI's wire: safe as Markdown, and cut where the request says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

TOKEN = re.compile(r"\w{1,6}|[^\w\s]")
"""A token for `max_tokens` and `usage`: at most six letters or digits of a word, or another character. A
language model's own tokens, which cost money, are in the extension's `cost`."""
_ESCAPES = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>"})

FinishReason = Literal["stop", "length"]


def escape_markdown(text: str) -> str:
    """Escape what makes links, pictures, HTML and emphasis: titles come from anybody's feed.

    >>> print(escape_markdown("1. Lamp ![x](http://evil.example/a)"))
    1. Lamp !\\[x\\](http://evil.example/a)
    """
    return text.translate(_ESCAPES)


def count_tokens(texts: Iterable[str]) -> int:
    """Count the tokens of texts.

    >>> count_tokens(["a warm lamp, in oak"]), count_tokens(["wardrobes"])
    (6, 2)
    """
    return sum(len(TOKEN.findall(text.strip())) for text in texts)


class ReplyText:
    """Cuts a text that comes in parts: before the first stop, and after a number of tokens."""

    def __init__(self, stops: Sequence[str], max_tokens: int | None) -> None:
        self._stops, self._max_tokens = tuple(stops), max_tokens
        self._text = ""
        self._sent = 0
        self.finish_reason: FinishReason | None = None
        """Why the text ended early; None while it has not."""

    @property
    def sent(self) -> str:
        """What was passed on so far."""
        return self._text[: self._sent]

    def add(self, part: str) -> str:
        """Take the next part; returns what can be passed on already."""
        return self._take(part, is_last=False)

    def end(self) -> str:
        """Take the end; returns the rest."""
        rest = self._take("", is_last=True)
        self.finish_reason = self.finish_reason or "stop"
        return rest

    def _take(self, part: str, is_last: bool) -> str:
        if self.finish_reason is not None:
            return ""
        self._text += part
        end = len(self._text) if is_last else self._certain_end()
        ends = [at for stop in self._stops if (at := self._text.find(stop)) >= 0]
        if ends and min(ends) <= end:
            end, self.finish_reason = min(ends), "stop"
        if self._max_tokens is not None:
            limit = self._end_of_tokens()
            if limit is not None and limit < end:
                end, self.finish_reason = limit, "length"
        new, self._sent = self._text[self._sent : end], max(self._sent, end)
        return new

    def _certain_end(self) -> int:
        """Where the part ends that no later text can change: a stop or a token may be unfinished."""
        stop_length = max((len(stop) for stop in self._stops), default=1)
        end = max(0, len(self._text) - stop_length + 1)
        if self._max_tokens is not None:
            while end > 0 and (self._text[end - 1].isalnum() or self._text[end - 1] == "_"):
                end -= 1
            end = len(self._text[:end].rstrip())  # the blanks after the last token are cut
        return max(end, self._sent)

    def _end_of_tokens(self) -> int | None:
        """Where the last token that is allowed ends, if there are more than that."""
        assert self._max_tokens is not None
        matches = list(TOKEN.finditer(self._text))
        if len(matches) <= self._max_tokens:
            return None
        return matches[self._max_tokens - 1].end()

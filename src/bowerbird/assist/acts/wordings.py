"""Messages by act, worded in five languages: what the act classifier learns before any real conversation.

A file per language in `wordings/` holds phrases with choices: "(a|b)" is one of both, "[a]" may be left out,
"{kind}" is filled from the file's lists.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bowerbird.assist.understand.act_patterns import Act

_INNERMOST = re.compile(r"\[([^\[\]()]*)\]|\(([^\[\]()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Wording:
    """A phrase with choices, and the act that it says."""

    act: Act
    language: str
    phrase: str


@cache
def load_wordings(language: str) -> tuple[tuple[Wording, ...], Mapping[str, Sequence[str]]]:
    """The phrases of a language, and the words that fill their slots."""
    source = resources.files(__package__).joinpath("wordings", f"{language}.toml")
    raw = tomllib.loads(source.read_text(encoding="utf-8"))
    wordings = tuple(
        Wording(Act(act), language, phrase)
        for act, table in raw["act"].items()
        for phrase in table["phrases"]
    )
    return wordings, {"money": [""], **raw["fill"]}


def expand_phrase(phrase: str, fill: Mapping[str, Sequence[str]], random: random.Random) -> str:
    """One of the messages that a phrase stands for.

    >>> expand_phrase("(a|one) {kind}[ please]", {"kind": ["lamp"]}, random.Random(1))
    'a lamp please'
    """
    while match := _INNERMOST.search(phrase):
        optional, choices = match.groups()
        options = ["", *optional.split("|")] if optional is not None else choices.split("|")
        phrase = phrase[: match.start()] + random.choice(options) + phrase[match.end() :]
    filled = _SLOT.sub(lambda slot: random.choice(fill[slot[1]]), phrase)
    return " ".join(filled.split())

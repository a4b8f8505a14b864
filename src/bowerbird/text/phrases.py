"""Phrases with choices, for generated messages: "(a|b)" is one of them, "[a|b]" one of them or nothing."""

from __future__ import annotations

import random
import re

_INNERMOST = re.compile(r"\[([^\[\]()]*)\]|\(([^\[\]()]*)\)")


def resolve_choices(phrase: str, generator: random.Random) -> str:
    """Resolve the choices of a phrase at random, inner ones first.

    >>> resolve_choices("(a|one) {kind}[ please]", random.Random(4))
    'a {kind} please'
    """
    while match := _INNERMOST.search(phrase):
        optional, choices = match.groups()
        options = ["", *optional.split("|")] if optional is not None else choices.split("|")
        phrase = phrase[: match.start()] + generator.choice(options) + phrase[match.end() :]
    return phrase

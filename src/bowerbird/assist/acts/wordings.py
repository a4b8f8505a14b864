"""Messages by act, worded in five languages: what the act classifier learns before any real conversation.

A file per language in `phrases/` holds phrases with choices: "(a|b)" is one of both, "[a]" may be left out,
"{kind}" is filled from the file's lists. A label is an act, or an act and its topic: "about_shop/shipping".
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bowerbird.assist.acts.examples import ActExample
from bowerbird.assist.languages import CODES
from bowerbird.text.phrases import resolve_choices

_SLOT = re.compile(r"\{(\w+)\}")
_NEEDS_LIST = frozenset(
    ("similar", "complete", "compare", "item_question", "why", "save", "hide", "undo", "more")
)
"""Acts that people say about a list on screen, mostly."""


KNOWN_SHARE = 0.85
"""Share of the messages whose types and values count as the catalogue's: the rest name what it lacks."""


@dataclass(frozen=True)
class Wordings:
    """The phrases of a language, each with its label, and the words that fill their slots."""

    phrases: tuple[tuple[str, str], ...]
    fill: Mapping[str, Sequence[str]]


@cache
def load_wordings(language: str) -> Wordings:
    """Load the wordings of a language."""
    source = resources.files(__package__).joinpath("phrases", f"{language}.toml")
    raw = tomllib.loads(source.read_text(encoding="utf-8"))
    phrases = tuple((entry["label"], phrase) for entry in raw["says"] for phrase in entry["phrases"])
    return Wordings(phrases, {"money": [""], **raw["fill"]})


def worded_examples(per_phrase: int, seed: int) -> Iterator[ActExample]:
    """Messages of all phrases of all languages, up to `per_phrase` distinct ones each."""
    generator = random.Random(seed)
    for language in CODES:
        wordings = load_wordings(language)
        for label, phrase in wordings.phrases:
            expanded = dict(expand_phrase(phrase, wordings.fill, generator) for _ in range(per_phrase))
            list_share = 0.93 if label in _NEEDS_LIST else 0.5
            for text in sorted(expanded.keys() - {""}):
                slots = expanded[text] if generator.random() < KNOWN_SHARE else frozenset()
                has_list = generator.random() < list_share
                yield ActExample(
                    text,
                    label,
                    language,
                    n_on_screen=4 * has_list,
                    names_type=not slots.isdisjoint(("kind", "kinds")),
                    names_value=not slots.isdisjoint(("colour", "material", "brand")),
                )


def expand_phrase(
    phrase: str, fill: Mapping[str, Sequence[str]], generator: random.Random
) -> tuple[str, frozenset[str]]:
    """One of the messages that a phrase stands for, and the slots that it fills.

    >>> expand_phrase("(a|one) {kind}[ please]", {"kind": ["lamp"]}, random.Random(4))
    ('a lamp please', frozenset({'kind'}))
    """
    phrase = resolve_choices(phrase, generator)
    filled = _SLOT.sub(lambda slot: generator.choice(fill[slot[1]]), phrase)
    return " ".join(filled.split()), frozenset(_SLOT.findall(phrase))

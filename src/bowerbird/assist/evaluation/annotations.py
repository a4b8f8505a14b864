"""Annotated conversations: dialogues, and the state that each message of the user should lead to.

The files are those of `bowerbird import dialogues` in the shape of turns, with a column `state`: a JSON
object, or null where a turn is not annotated. Its keys are facets with a value or a list of values, `price`
(`[low, high]`, null for an open end), `recipient`, and `excluded` (values by facet). A slot that is left out
should be empty.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bowerbird.assist.evaluation.expected_state import ExpectedPrice, ExpectedState, ExpectedValue
from bowerbird.assist.evaluation.listings import Listings
from bowerbird.data.dialogues import Role
from bowerbird.data.readers.datasets.dialogues import TurnDraft, parse_turn_number, read_turns
from bowerbird.errors import InputError

STATE_COLUMN = "state"
FACET_NAMES = {"color": "colour"}


@dataclass(frozen=True)
class AnnotatedMessage:
    """A message of the user; `expected` is the state after it, None where nobody annotated it."""

    text: str
    expected: ExpectedState | None = None


@dataclass(frozen=True)
class AnnotatedDialogue:
    """The messages of one user, in their order."""

    dialogue_id: str
    messages: tuple[AnnotatedMessage, ...]


def read_annotated(path: Path, listings: Listings) -> list[AnnotatedDialogue]:
    """Read the users' messages of a file with the states that it states.

    Raises `InputError` where the file is of no known shape or a state can't be read.
    """
    states = dict(_read_states(path, listings))
    messages: dict[str, dict[int, AnnotatedMessage]] = {}
    for draft in read_turns(path):
        if isinstance(draft, TurnDraft) and draft.turn.role is Role.USER and draft.turn.text:
            key = (draft.dialogue_id, draft.number)
            message = AnnotatedMessage(draft.turn.text, states.get(key))
            messages.setdefault(draft.dialogue_id, {})[draft.number] = message
    return [
        AnnotatedDialogue(dialogue_id, tuple(by_number[number] for number in sorted(by_number)))
        for dialogue_id, by_number in messages.items()
    ]


def _read_states(path: Path, listings: Listings) -> Iterator[tuple[tuple[str, int], ExpectedState]]:
    """States by dialogue and number of the turn."""
    for row in _rows_with_state(path):
        state = row.get(STATE_COLUMN)
        if state is None:
            continue
        location = f"{path.name}, dialogue {row.get('dialogue_id')}, turn {row.get('turn')}"
        try:
            raw = json.loads(state) if isinstance(state, str) else state
            key = (str(row["dialogue_id"]), parse_turn_number(row["turn"]))
            yield key, parse_expected_state(raw, listings)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{location}: the state can't be read ({error}): give an object such as "
                '{"type": "lamp", "price": [null, 60], "excluded": {"colour": ["red"]}}'
            ) from None


def _rows_with_state(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix.lower() == ".jsonl":
        with path.open(encoding="utf-8-sig") as file:
            for line in file:
                if f'"{STATE_COLUMN}"' in line:
                    yield json.loads(line)
        return
    columns = ("dialogue_id", "turn", STATE_COLUMN)
    if set(columns) <= set(pq.read_schema(path).names):
        yield from pq.read_table(path, columns=list(columns)).to_pylist()


def parse_expected_state(raw: Mapping[str, Any], listings: Listings) -> ExpectedState:
    """A state in the form of the files. Raises `ValueError`, `TypeError` or `AttributeError` for others."""
    slots = {FACET_NAMES.get(name, name): value for name, value in raw.items() if value not in (None, "", [])}
    low, high = slots.pop("price", None) or (None, None)
    recipient = str(slots.pop("recipient", ""))
    excluded = slots.pop("excluded", {})
    kinds = tuple(expect_value("type", word, listings) for word in _words(slots.pop("type", ())))
    return ExpectedState(
        kinds=kinds,
        values={facet: _expect_values(facet, _words(value), listings) for facet, value in slots.items()},
        price=ExpectedPrice(float(low or 0.0), math.inf if high is None else float(high)),
        excluded={
            FACET_NAMES.get(facet, facet): tuple(
                expect_value(facet, word, listings) for word in _words(words)
            )
            for facet, words in excluded.items()
        },
        recipient=recipient,
    )


def _words(value: Any) -> list[str]:
    words = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"expected texts, not {words!r:.80}")
    return [word.lower() for word in words]


def expect_value(facet: str, word: str, listings: Listings) -> ExpectedValue:
    """A value as the catalogue may mean it: "blue" is Blue, and may be Dark Blue."""
    exact, acceptable = listings.meant_by(FACET_NAMES.get(facet, facet), word)
    return ExpectedValue(word, exact or frozenset((word,)), acceptable or frozenset((word,)))


def _expect_values(facet: str, words: list[str], listings: Listings) -> ExpectedValue:
    """Several values of a facet, any of which will do."""
    values = [expect_value(facet, word, listings) for word in words]
    exact = frozenset[str]().union(*(value.exact for value in values))
    acceptable = frozenset[str]().union(*(value.acceptable for value in values))
    return ExpectedValue(" or ".join(words), exact, acceptable)

"""The shop's rules: which items move up, which have a fixed place, and which are in no list.

They stand in `boosts.toml` of a store's folder. A server and the assistant read it again when it changes.
Boosts and pins are for recommendations: what is searched for, or is like an item, stands in the order of the
question. What is hidden is in no list at all.
"""

from __future__ import annotations

import hashlib
import logging
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tomli_w

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.files.durable import FileStamp, file_stamp, write_atomically
from bowerbird.data.files.records import record_as_dict, record_from
from bowerbird.data.items import Catalogue
from bowerbird.errors import InputError
from bowerbird.recommend.filtering.filters import ItemFilter
from bowerbird.recommend.rerank.boosts import Boosts, Rule

RULES_FILE = "boosts.toml"
MAX_PLACE = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pin:
    """An item at a fixed place of every list of recommendations that may hold it."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "use_attribute_docstrings": True}
    item_id: str
    place: int
    """From 1."""

    def __post_init__(self) -> None:
        if not 1 <= self.place <= MAX_PLACE:
            raise InputError(f"the place of {self.item_id!r} is {self.place}, expected 1 to {MAX_PLACE}")


@dataclass(frozen=True)
class ShopRules:
    """All rules of a shop."""

    places: int = Boosts.places
    """Maximal number of ranks that a boosted item moves up."""
    boost: tuple[Rule, ...] = ()
    pin: tuple[Pin, ...] = ()
    """For who has not seen the item yet, where it is in stock and passes the list's filter."""
    hide: tuple[ItemFilter, ...] = ()
    """Items that pass one of these filters are in no list: recommended, found, similar, or named in a chat.
    Who knows an item's id still gets its page."""

    def __post_init__(self) -> None:
        _ = self.boosts  # checks their cap
        pinned = [pin.item_id for pin in self.pin]
        if repeated := {item_id for item_id in pinned if pinned.count(item_id) > 1}:
            raise InputError(f"the item {min(repeated)!r} is pinned twice: give it one place")
        if any(each == ItemFilter() for each in self.hide):
            raise InputError("a rule that hides has no condition: add brand, category, attributes or item_id")

    @classmethod
    def load(cls, path: Path) -> ShopRules:
        """Read a TOML file: `places = 5`, and tables `[[boost]]`, `[[pin]]` and `[[hide]]`.

        Raises `InputError` naming the file and the error.
        """
        try:
            return record_from(tomllib.loads(path.read_text()), cls, "its tables")
        except FileNotFoundError:
            raise InputError(f"boosts file {path} does not exist") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, InputError) as error:
            raise InputError(f"{path} is not a valid boosts file: {error}") from None

    def save(self, path: Path) -> None:
        """Replace a file, durably."""
        write_atomically(path, tomli_w.dumps(_without_empty(record_as_dict(self))).encode())

    @property
    def boosts(self) -> Boosts:
        """The boosts with their cap."""
        return Boosts(self.boost, self.places)

    def eligible(self, catalogue: Catalogue) -> BoolArray:
        """Which items no rule hides, (items,) bool."""
        hidden = [each.mask(catalogue) for each in self.hide]
        return ~np.any(hidden, axis=0) if hidden else np.ones(len(catalogue), bool)

    def pinned(self, catalogue: Catalogue) -> IntArray:
        """Positions of the pinned items, by their places, (p,) int64."""
        pins = sorted(self.pin, key=lambda pin: pin.place)
        known = [catalogue.position[pin.item_id] for pin in pins if pin.item_id in catalogue]
        return np.array(known, np.int64)

    def place_pins(self, listed: Sequence[str], pinned: Sequence[str]) -> list[str]:
        """Put some of the pinned items into a list of ids, each once.

        >>> ShopRules(pin=(Pin("c", 1), Pin("x", 3))).place_pins(["a", "b", "c"], ["c", "x"])
        ['c', 'a', 'x', 'b']
        """
        placed = [item_id for item_id in listed if item_id not in pinned]
        for pin in sorted(self.pin, key=lambda pin: pin.place):
            if pin.item_id in pinned:
                placed.insert(pin.place - 1, pin.item_id)
        return placed

    def describe_matches(self, catalogue: Catalogue, position: int) -> list[str]:
        """Describe the rules that move an item."""
        item = catalogue.item(position)
        pins = [f"pinned to place {pin.place}" for pin in self.pin if pin.item_id == item.item_id]
        return [*pins, *(str(rule) for rule in self.boost if rule.matches(item))]


class RuleFile:
    """The rules of a store, read again when their file changes. Safe to use from several processes."""

    def __init__(self, store: Path) -> None:
        """Raises `InputError` where the file is not valid."""
        self.path = store / RULES_FILE
        self._stamp = file_stamp(self.path)
        self._rules = ShopRules.load(self.path) if self._stamp else ShopRules()

    def read(self) -> ShopRules:
        """The rules in force; those before, where somebody wrote a file that is not valid."""
        stamp: FileStamp | None = file_stamp(self.path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._rules = ShopRules.load(self.path) if stamp else ShopRules()
            except InputError as error:
                _log.error("%s; the rules before stay in force", error)
        return self._rules

    @property
    def digest(self) -> str:
        """Says which rules are in force: it differs after every change of the file's content."""
        content = self.path.read_bytes() if self.path.exists() else b""
        return hashlib.sha256(content).hexdigest()[:16]

    def publish(self, rules: ShopRules) -> None:
        """Put rules in force, here now and in other processes with their next list."""
        rules.save(self.path)


def _without_empty(value: Any) -> Any:
    """Leave out what is null or empty: TOML has no null, and these are the defaults."""
    if isinstance(value, Mapping):
        plain = {name: _without_empty(each) for name, each in value.items()}
        return {name: each for name, each in plain.items() if each not in (None, {}, [])}
    return [_without_empty(each) for each in value] if isinstance(value, list | tuple) else value

"""Checks what recommendations say, against the catalogue and the log alone.

Every kind of reason is a pattern with what must be true of it. A reason that fits no pattern is a fault.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue

DAY_US = 86_400_000_000
WINDOW_US = 365 * DAY_US
"""Within which a like comes "soon after" another; "with" it at the same moment."""
MIN_LIKES = 2  # of a value, before it may be called a taste
VERBS = {"liked": None, "saved": "save", "bought": "purchase", "put in the basket": "add_to_cart"}
LIKE = rf"“(?P<like>.+)”, which you (?P<verb>{'|'.join(VERBS)})"
PEOPLE = r"(?P<count>1 person|[\d,]+ people)"


@dataclass(frozen=True)
class Like:
    """One event of a user that speaks for an item."""

    item: int
    action: int
    at: int  # microseconds


class ReasonChecker:
    """Knows a catalogue and a log; says what is wrong with a reason."""

    def __init__(self, catalogue: Catalogue, events: Interactions) -> None:
        self._catalogue = catalogue
        self._likes: dict[str, list[Like]] = defaultdict(list)
        self._likers: dict[int, set[str]] = defaultdict(set)
        self._has_events = len(events) > 0
        liked = events.liked()
        for user, item, action, at in zip(liked.user, liked.item, liked.action, liked.at, strict=True):
            name = events.users[user]
            self._likes[name].append(Like(int(item), int(action), int(at)))
            self._likers[int(item)].add(name)
        self._items_named: dict[str, list[int]] = defaultdict(list)
        for position in range(len(catalogue)):
            item = catalogue.item(position)
            self._items_named[" ".join(item.title.split()) or item.item_id].append(position)

    def fault(self, user_id: str, position: int, reason: str) -> str | None:
        """Say what is not true of a reason that a user was given for an item; None where all of it is."""
        reason = reason.removeprefix("promoted by the shop; ")
        if not self._has_events and re.search(r"people|others|persons?\b|popular|liked|trending", reason):
            return "nobody has done anything yet"
        for pattern, check in self._checks:
            match = re.fullmatch(pattern, reason)
            if match is not None:
                return check(user_id, position, **match.groupdict())
        return "no pattern fits it"

    @property
    def _checks(self) -> Iterator[tuple[str, Callable[..., str | None]]]:
        yield "from the catalogue", lambda user, position: None
        yield f"similar to {LIKE}", self._similar
        # A title may hold anything: the longer pattern goes first.
        two_steps = r"like “(?P<other>.+)” too, and this with it"
        yield f"people who like {LIKE}, {two_steps}", self._two_steps
        yield f"people who like {LIKE}, like it too", self._one_step
        yield f"chosen by others with or soon after {LIKE}", self._follows
        yield r"your taste for (?P<values>.+)", self._taste
        yield f"liked by {PEOPLE}", self._popular
        date = r"\d{4}-\d\d-\d\d"
        dates = rf"from (?P<first>{date}) to (?P<last>{date})"
        yield f"trending: liked by {PEOPLE} {dates}", self._trending

    # -- what each kind of reason takes for granted -------------------------------------------------------

    def _similar(self, user: str, position: int, like: str, verb: str) -> str | None:
        return None if self._own_likes(user, like, verb) else f"they have {verb} no “{like}”"

    def _one_step(self, user: str, position: int, like: str, verb: str) -> str | None:
        own = self._own_likes(user, like, verb)
        if not own:
            return f"they have {verb} no “{like}”"
        if not any(self._together(user, item, position) for item in own):
            return f"nobody else likes it and “{like}”"
        return None

    def _two_steps(self, user: str, position: int, like: str, verb: str, other: str) -> str | None:
        own, between = self._own_likes(user, like, verb), self._items_named.get(other, [])
        if not own:
            return f"they have {verb} no “{like}”"
        if not between:
            return f"no item is called “{other}”"
        for item in between:
            starts = any(self._together(user, start, item) for start in own)
            if starts and self._together(user, item, position):
                return None
        return f"“{other}” does not connect it with “{like}”"

    def _follows(self, user: str, position: int, like: str, verb: str) -> str | None:
        own = self._own_likes(user, like, verb)
        if not own:
            return f"they have {verb} no “{like}”"
        for item in own:
            for other in (self._likers[item] & self._likers[position]) - {user}:
                before = [one.at for one in self._likes[other] if one.item == item]
                after = [one.at for one in self._likes[other] if one.item == position]
                if any(0 <= late - early <= WINDOW_US for early in before for late in after):
                    return None
        return f"nobody else likes it with or soon after “{like}”"

    def _taste(self, user: str, position: int, values: str) -> str | None:
        """The text may hold " and " within a value: some way to cut it must be true."""
        parts = values.split(" and ")
        cuts = [[values], *([" and ".join(parts[:k]), " and ".join(parts[k:])] for k in range(1, len(parts)))]
        faults = [self._values_fault(user, position, cut) for cut in cuts]
        return None if None in faults else faults[-1]

    def _values_fault(self, user: str, position: int, values: list[str]) -> str | None:
        liked = {one.item for one in self._likes[user]}
        for value in map(str.casefold, values):
            if value not in self._values_of(position):
                return f"the item is not {value!r}"
            count = sum(value in self._values_of(item) for item in liked)
            if count < MIN_LIKES:
                return f"they like {count} items that are {value!r}"
        return None

    def _popular(self, user: str, position: int, count: str) -> str | None:
        likers = len(self._likers[position])
        return None if likers >= _number(count) else f"{likers} users like it"

    def _trending(self, user: str, position: int, count: str, first: str, last: str) -> str | None:
        start, end = (datetime.fromisoformat(date).replace(tzinfo=UTC) for date in (first, last))
        bounds = (start.timestamp() * 1e6, (end + timedelta(days=1)).timestamp() * 1e6)
        likers = {
            other
            for other in self._likers[position]
            for one in self._likes[other]
            if one.item == position and bounds[0] <= one.at < bounds[1]
        }
        return None if len(likers) >= _number(count) else f"{len(likers)} users liked it then"

    # -- facts --------------------------------------------------------------------------------------------

    def _own_likes(self, user: str, title: str, verb: str) -> list[int]:
        """Items of a title to which the user did what the verb says."""
        action = VERBS[verb]
        code = None if action is None else ACTION_CODE[action]
        done = {one.item for one in self._likes[user] if code is None or one.action == code}
        return [item for item in self._items_named.get(title, []) if item in done]

    def _together(self, user: str, item: int, other: int) -> bool:
        """Whether somebody else likes both items."""
        return bool((self._likers[item] & self._likers[other]) - {user})

    def _values_of(self, position: int) -> set[str]:
        """Attributes, cut at commas, category names and brand."""
        item = self._catalogue.item(position)
        texts = [part for text in item.attributes.values() for part in text.split(",")]
        return {text.strip().casefold() for text in [*texts, *item.category, item.brand] if text.strip()}


def _number(people: str) -> int:
    return int(people.split()[0].replace(",", ""))


def check_reasons(
    checker: ReasonChecker, reasons: list[tuple[str, int, str]]
) -> list[tuple[str, int, str, str]]:
    """Give the reasons that are not true, each with what is wrong, of (user, position, reason)."""
    faults = (
        (user, position, reason, checker.fault(user, position, reason)) for user, position, reason in reasons
    )
    return [(user, position, reason, fault) for user, position, reason, fault in faults if fault is not None]


def kind_of(reason: str) -> str:
    """Name the kind of a reason: its words without titles, values, numbers and dates."""
    plain = re.sub(r"“.+?”", "“…”", reason)
    plain = re.sub(r"which you [a-z ]+?(?=,|$)", "which you …", plain)
    plain = re.sub(r"[\d,]+ people|1 person", "… people", plain)
    plain = re.sub(r"\d{4}-\d\d-\d\d", "…", plain)
    return re.sub(r"your taste for .+", "your taste for …", plain)

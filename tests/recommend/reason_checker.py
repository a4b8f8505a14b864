"""Checks the reasons of recommendations against the catalogue and the log alone.

Every kind of reason is a pattern and a check. A reason that fits no pattern is a fault.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue

DAY_US = 86_400_000_000
WINDOW_US = 365 * DAY_US
"""Within which a like comes "soon after" another; "with" it at the same moment."""
MIN_LIKES = 2  # of a value, before it may be called a taste
VERBS = {"liked": None, "saved": "save", "bought": "purchase", "put in the basket": "add_to_cart"}
LIKE = rf"“(?P<like>.+)”, which you (?P<verb>{'|'.join(VERBS)})"
DATE = r"[A-Z][a-z]{2} \d{1,2}, \d{4}"
LIKER_COUNT = r"(?P<count>1 person|[\d,]+ people)"


@dataclass(frozen=True)
class Like:
    """One event of a user that counts as a like of an item."""

    item: int
    action: int
    at: int  # microseconds


class ReasonChecker:
    """Checks reasons against a catalogue and a log."""

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
        """Describe what is false in the reason shown to a user for an item; None if all of it is true."""
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
        two_steps = r"like “(?P<through_title>.+)” too, and this with it"
        yield f"people who like {LIKE}, {two_steps}", self._two_steps
        yield f"people who like {LIKE}, like it too", self._one_step
        yield f"chosen by others with or soon after {LIKE}", self._transition
        yield r"your taste for (?P<values>.+)", self._taste
        yield f"liked by {LIKER_COUNT}", self._popular
        dates = rf"from (?P<first>{DATE}) to (?P<last>{DATE})"
        yield f"trending: liked by {LIKER_COUNT} {dates}", self._trending

    # -- the check of each kind of reason -------------------------------------------------------

    def _similar(self, user: str, position: int, like: str, verb: str) -> str | None:
        return None if self._own_likes(user, like, verb) else f"they have {verb} no “{like}”"

    def _one_step(self, user: str, position: int, like: str, verb: str) -> str | None:
        own_items = self._own_likes(user, like, verb)
        if not own_items:
            return f"they have {verb} no “{like}”"
        if not any(self._together(user, item, position) for item in own_items):
            return f"nobody else likes it and “{like}”"
        return None

    def _two_steps(self, user: str, position: int, like: str, verb: str, through_title: str) -> str | None:
        own_items, through_items = self._own_likes(user, like, verb), self._items_named.get(through_title, [])
        if not own_items:
            return f"they have {verb} no “{like}”"
        if not through_items:
            return f"no item is called “{through_title}”"
        for item in through_items:
            starts = any(self._together(user, start, item) for start in own_items)
            if starts and self._together(user, item, position):
                return None
        return f"“{through_title}” does not connect it with “{like}”"

    def _transition(self, user: str, position: int, like: str, verb: str) -> str | None:
        own_items = self._own_likes(user, like, verb)
        if not own_items:
            return f"they have {verb} no “{like}”"
        for item in own_items:
            for other_user in (self._likers[item] & self._likers[position]) - {user}:
                times_before = [
                    like_event.at for like_event in self._likes[other_user] if like_event.item == item
                ]
                times_after = [
                    like_event.at for like_event in self._likes[other_user] if like_event.item == position
                ]
                if any(
                    0 <= later - earlier <= WINDOW_US for earlier in times_before for later in times_after
                ):
                    return None
        return f"nobody else likes it with or soon after “{like}”"

    def _taste(self, user: str, position: int, values: str) -> str | None:
        """A value may contain " and ": at least one way to split the text must be true."""
        segments = values.split(" and ")
        cuts = [
            [values],
            *([" and ".join(segments[:k]), " and ".join(segments[k:])] for k in range(1, len(segments))),
        ]
        faults = [self._values_fault(user, position, cut) for cut in cuts]
        return None if None in faults else faults[-1]

    def _values_fault(self, user: str, position: int, values: list[str]) -> str | None:
        liked = {like.item for like in self._likes[user]}
        for value in map(str.casefold, values):
            if value not in self._values_of(position):
                return f"the item is not {value!r}"
            count = sum(value in self._values_of(item) for item in liked)
            if count < MIN_LIKES:
                return f"they like {count} items that are {value!r}"
        return None

    def _popular(self, user: str, position: int, count: str) -> str | None:
        likers = len(self._likers[position])
        return None if likers >= _count_in(count) else f"{likers} users like it"

    def _trending(self, user: str, position: int, count: str, first: str, last: str) -> str | None:
        start, end = (datetime.strptime(f"{date} +0000", "%b %d, %Y %z") for date in (first, last))
        bounds = (start.timestamp() * 1e6, (end + timedelta(days=1)).timestamp() * 1e6)
        likers = {
            other_user
            for other_user in self._likers[position]
            for like in self._likes[other_user]
            if like.item == position and bounds[0] <= like.at < bounds[1]
        }
        return None if len(likers) >= _count_in(count) else f"{len(likers)} users liked it then"

    # -- facts --------------------------------------------------------------------------------------------

    def _own_likes(self, user: str, title: str, verb: str) -> list[int]:
        """Return the items of a title on which the user acted as the verb says."""
        action = VERBS[verb]
        code = None if action is None else ACTION_CODE[action]
        acted_on = {like.item for like in self._likes[user] if code is None or like.action == code}
        return [item for item in self._items_named.get(title, []) if item in acted_on]

    def _together(self, user: str, item: int, other_item: int) -> bool:
        """Whether another user likes both items."""
        return bool((self._likers[item] & self._likers[other_item]) - {user})

    def _values_of(self, position: int) -> set[str]:
        """Attributes, cut at commas, category names and brand."""
        item = self._catalogue.item(position)
        texts = [value for text in item.attributes.values() for value in text.split(",")]
        return {text.strip().casefold() for text in [*texts, *item.category, item.brand] if text.strip()}


def _count_in(phrase: str) -> int:
    return int(phrase.split()[0].replace(",", ""))


def check_reasons(
    checker: ReasonChecker, reasons: list[tuple[str, int, str]]
) -> list[tuple[str, int, str, str]]:
    """Return the false reasons of (user, position, reason), each with its fault."""
    faults = (
        (user, position, reason, checker.fault(user, position, reason)) for user, position, reason in reasons
    )
    return [(user, position, reason, fault) for user, position, reason, fault in faults if fault is not None]


def kind_of(reason: str) -> str:
    """Return the kind of a reason: its words without titles, values, numbers and dates."""
    template = re.sub(r"“.+?”", "“…”", reason)
    template = re.sub(r"which you [a-z ]+?(?=,|$)", "which you …", template)
    template = re.sub(r"[\d,]+ people|1 person", "… people", template)
    template = re.sub(DATE, "…", template)
    return re.sub(r"your taste for .+", "your taste for …", template)

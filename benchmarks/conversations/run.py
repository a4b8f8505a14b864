"""Conversations conversations with an assistant, each turn checked against what it means."""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState
from conversations.claims import embarrassments, false_claims
from conversations.shop import Shop
from conversations.shopper import Shopper
from conversations.truth import Bounds, Move, Need
from conversations.wording import Writer
from conversations.words import LANGUAGES

FOREIGN_SHARE = 0.3
ACCOUNT_SHARE = 0.3
SLOTS = ("type", "colour", "material", "pattern", "style", "brand", "price", "recipient", "excluded", "shown")


@dataclass(frozen=True)
class Outcome:
    """What came of one turn."""

    move: Move
    reply: Reply
    wrong_slots: tuple[str, ...]
    is_act_right: bool
    is_first_right: bool | None
    """Whether the first item is what is wanted; None where nothing is, or no list was asked for."""
    is_answered: bool | None
    invented: tuple[str, ...]
    claims: tuple[str, ...]
    embarrassing: tuple[str, ...]
    first_s: float
    processor_s: float
    """Seconds to the first content (wall clock) and processor seconds of the whole turn."""
    is_unseen: bool = False
    """Whether its template belongs to the half that nobody looked at while the assistant was changed."""


@dataclass
class Conversation:
    """One conversation under way."""

    assistant: Assistant
    shopper: Shopper
    user: str | None
    state: DialogueState = field(default_factory=DialogueState)

    def turns(self, n: int) -> Iterator[Outcome]:
        """Hold `n` turns."""
        for number in range(n):
            move = self.shopper.open() if number == 0 else self.shopper.next()
            yield self._turn(move)

    def _turn(self, move: Move) -> Outcome:
        wall, processor, first = time.perf_counter(), time.process_time(), 0.0
        reply: Reply | None = None
        sent = DialogueState.from_dict(self.state.as_dict())
        record = (lambda event: None) if self.user else None
        for part in self.assistant.stream(sent, move.text, user=self.user, record=record):
            first = first or time.perf_counter() - wall
            if isinstance(part, Reply):
                reply = part
        assert reply is not None
        processor = time.process_time() - processor
        shop, shopper = self.shopper.shop, self.shopper
        self.state = DialogueState.from_dict(reply.state.as_dict())
        shown = (*reply.items, *reply.nearest)
        outcome = Outcome(
            move,
            reply,
            tuple(wrong_slots(move, reply, shopper)),
            reply.act.value in move.acts,
            self._is_first_right(move, reply),
            any(one.lower() in reply.text.lower() for one in move.answer) if move.answer else None,
            tuple(one.item_id for one in shown if one.item_id not in shop.listings),
            tuple(false_claims(reply, move, shop, shopper.screen)),
            tuple(embarrassments(reply, move)),
            first,
            processor,
            zlib.crc32(move.template.encode()) % 2 == 1,
        )
        self._look(move, reply)
        return outcome

    def _is_first_right(self, move: Move, reply: Reply) -> bool | None:
        if move.no_items:
            return not reply.items and not reply.nearest
        if not move.is_listing:
            return None
        listings = self.shopper.shop.listings
        items = [listings[one.item_id] for one in reply.items if one.item_id in listings]
        if not items:
            return None if not self.shopper.is_satisfiable(move) else False
        first = items[0]
        is_right = move.need.satisfied_by(first) and first.item_id not in move.not_again
        if move.below is not None:
            is_right = is_right and first.price is not None and first.price < move.below
        if move.above is not None:
            is_right = is_right and first.price is not None and first.price > move.above
        if move.order and first.price is not None:
            prices = [
                one.price
                for one in self.shopper.shop.sold()
                if move.need.surely_satisfied_by(one) and one.price
            ]
            best = (min if move.order == "cheapest" else max)(prices, default=first.price)
            is_right = is_right and first.price == best
        if len(move.need.kinds) > 1:
            is_right = is_right and all(
                any(move.need.satisfied_by(item, kind) for item in items) for kind in move.need.kinds
            )
        return is_right

    def _look(self, move: Move, reply: Reply) -> None:
        """The shopper sees the reply."""
        shopper = self.shopper
        shopper.need = move.need
        if move.need.recipient is None:
            shopper.need = replace(move.need, recipient=reply.request.recipient or "")
        if move.is_price_adopted:
            price = reply.request.price
            shopper.need = replace(shopper.need, price=Bounds(price.low, price.high))
        is_list = reply.act.value not in ("compare",)
        if is_list and (reply.items or reply.nearest):
            listings = shopper.shop.listings
            shopper.screen = [
                listings[one.item_id] for one in (reply.items or reply.nearest) if one.item_id in listings
            ]
            shopper.is_near_miss = not reply.items
        elif move.is_listing or move.name == "reset" or move.name == "unknown":
            ids = [one for one in self.state.on_screen if one in shopper.shop.listings]
            shopper.screen = [shopper.shop.listings[one] for one in ids]
        if move.name == "hide":
            ids = set(self.state.on_screen)
            shopper.screen = [one for one in shopper.screen if one.item_id in ids]
        if move.name == "shop" and reply.items:
            shopper.need = Need(excluded=shopper.need.excluded)
        if move.name == "reset":
            shopper.need = Need()
        shopper.last_action = move.name if move.name in ("save", "hide") else ""


def wrong_slots(move: Move, reply: Reply, shopper: Shopper) -> Iterator[str]:
    """Slots of the state that are not what the turn means."""
    request, state, need = reply.request, reply.state, move.need
    if move.name == "shop" and reply.items:
        return  # "what is popular" shows a list of its own
    stated = {facet: frozenset(v.lower() for v in values) for facet, values in request.facets.items()}
    types = stated.pop("type", frozenset())
    exact = frozenset[str]().union(*(kind.exact for kind in need.kinds))
    acceptable = frozenset[str]().union(*(kind.acceptable for kind in need.kinds))
    if not (exact <= types <= acceptable):
        yield "type"
    for facet in SLOTS[1:6]:
        value, own = need.values.get(facet), stated.pop(facet, frozenset())
        if (value is None and own) or (value is not None and not value.is_stated_by(own)):
            yield facet
    if stated:
        yield "other"
    low, high = request.price.low, request.price.high
    if move.below is not None:
        if not high <= move.below and reply.items:
            yield "price"
    elif move.above is not None:
        if not low >= move.above and reply.items:
            yield "price"
    elif not need.price.is_stated_by(low, high):
        yield "price"
    if need.recipient is not None and not _is_for(need.recipient, request.recipient, move.language):
        yield "recipient"
    if not _is_excluded_right(need, reply):
        yield "excluded"
    shown = [one.item_id for one in (reply.items or reply.nearest)] if reply.act.value != "compare" else []
    if shown and list(state.on_screen) != shown:
        yield "shown"
    if move.focus and state.focus != move.focus:
        yield "shown"
    if move.like and move.like not in request.like:
        yield "shown"


def _is_for(who: str, stated: str, language: str) -> bool:
    """Whether a state names whom a thing is for; in other languages than English, anybody."""
    if who and language != "en":
        return bool(stated)
    return who.lower() in stated.lower() if who else not stated


def _is_excluded_right(need: Need, reply: Reply) -> bool:
    stated: dict[str, set[str]] = {}
    for table in (reply.request.excluded, reply.state.excluded):
        for facet, values in table.items():
            stated.setdefault(facet, set()).update(value.lower() for value in values)
    for facet in {*stated, *need.excluded}:
        wanted = need.excluded.get(facet, ())
        exact = frozenset[str]().union(*(value.exact for value in wanted))
        acceptable = frozenset[str]().union(*(value.acceptable for value in wanted))
        if not (exact <= stated.get(facet, set()) <= acceptable):
            return False
    return True


def hold(assistant: Assistant, shop: Shop, users: list[str], n: int, seed: int) -> Iterator[list[Outcome]]:
    """Hold `n` conversations of 3 to 8 turns; three in ten in another language than English."""
    for number in range(n):
        rng = random.Random(f"{seed} {number}")
        is_foreign = rng.random() < FOREIGN_SHARE
        language = rng.choice(LANGUAGES[1:]) if is_foreign else "en"
        user = rng.choice(users) if users and rng.random() < ACCOUNT_SHARE else None
        shopper = Shopper(shop, Writer(language, rng), rng, has_account=user is not None)
        yield list(Conversation(assistant, shopper, user).turns(rng.randint(3, 8)))

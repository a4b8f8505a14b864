"""Generated conversations with an assistant, each turn checked against what it means."""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.evaluation.claims import false_claims
from bowerbird.assist.evaluation.expected_state import ExpectedPrice, ExpectedState, wrong_slots
from bowerbird.assist.evaluation.listings import Listings
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState
from conversations.moves import Move
from conversations.odd_sentences import odd_sentences
from conversations.shopper import Shopper
from conversations.wording import Writer
from conversations.words import LANGUAGES, to_english

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
    odd: tuple[str, ...]
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
        for chunk in self.assistant.stream(sent, move.text, user=self.user, record=record):
            first = first or time.perf_counter() - wall
            if isinstance(chunk, Reply):
                reply = chunk
        assert reply is not None
        processor = time.process_time() - processor
        shop, shopper = self.shopper.shop, self.shopper
        self.state = DialogueState.from_dict(reply.state.as_dict())
        shown = (*reply.items, *reply.nearest)
        outcome = Outcome(
            move,
            reply,
            tuple(turn_faults(move, reply)),
            reply.act.value in move.acts,
            self._is_first_right(move, reply),
            any(words.lower() in reply.text.lower() for words in move.answer) if move.answer else None,
            tuple(item.item_id for item in shown if item.item_id not in shop.by_id),
            tuple(false_claims(reply, shop, shopper.screen, move.focus, to_english)),
            tuple(odd_sentences(reply, move)),
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
        listings = self.shopper.shop.by_id
        items = [listings[listing.item_id] for listing in reply.items if listing.item_id in listings]
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
                listing.price
                for listing in self.shopper.shop.sold()
                if move.need.surely_satisfied_by(listing) and listing.price
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
            shopper.need = replace(shopper.need, price=ExpectedPrice(price.low, price.high))
        is_list = reply.act.value not in ("compare",)
        if is_list and (reply.items or reply.nearest):
            listings = shopper.shop.by_id
            shopper.screen = [
                listings[item.item_id] for item in (reply.items or reply.nearest) if item.item_id in listings
            ]
            shopper.is_near_miss = not reply.items
        elif move.is_listing or move.name == "reset" or move.name == "unknown":
            ids = [item for item in self.state.on_screen if item in shopper.shop.by_id]
            shopper.screen = [shopper.shop.by_id[item] for item in ids]
        if move.name == "hide":
            ids = set(self.state.on_screen)
            shopper.screen = [item for item in shopper.screen if item.item_id in ids]
        if move.name == "shop" and reply.items:
            shopper.need = ExpectedState(excluded=shopper.need.excluded)
        if move.name == "reset":
            shopper.need = ExpectedState()
        shopper.last_action = move.name if move.name in ("save", "hide") else ""


def turn_faults(move: Move, reply: Reply) -> Iterator[str]:
    """Slots of the state that are not what the turn means, what is on screen included."""
    request = reply.request
    if move.name == "shop" and reply.items:
        return  # "what is popular" shows a list of its own
    for slot in wrong_slots(reply, move.need):
        if slot != "price" or (move.below is None and move.above is None):
            yield slot
    is_over = move.below is not None and not request.price.high <= move.below
    is_under = move.above is not None and not request.price.low >= move.above
    if reply.items and (is_over or is_under):
        yield "price"
    shown = [item.item_id for item in reply.shown] if reply.act.value != "compare" else []
    is_other_list = bool(shown) and list(reply.state.on_screen) != shown
    is_other_focus = move.focus is not None and reply.state.focus != move.focus
    if is_other_list or is_other_focus or (move.like and move.like not in request.like):
        yield "shown"


def hold(
    assistant: Assistant, shop: Listings, users: list[str], n: int, seed: int
) -> Iterator[list[Outcome]]:
    """Hold `n` conversations of 3 to 8 turns; three in ten in another language than English."""
    for number in range(n):
        rng = random.Random(f"{seed} {number}")
        is_foreign = rng.random() < FOREIGN_SHARE
        language = rng.choice(LANGUAGES[1:]) if is_foreign else "en"
        user = rng.choice(users) if users and rng.random() < ACCOUNT_SHARE else None
        shopper = Shopper(shop, Writer(language, rng), rng, has_account=user is not None)
        yield list(Conversation(assistant, shopper, user).turns(rng.randint(3, 8)))

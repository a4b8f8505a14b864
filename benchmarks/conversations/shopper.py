"""A simulated shopper: decides what to do next from what is on screen, words it, and knows what it means."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bowerbird.assist.evaluation.expected_state import ExpectedPrice, ExpectedState, ExpectedValue, satisfying
from bowerbird.assist.evaluation.listings import Listing, Listings
from conversations.moves import Move
from conversations.numbers import amounts, round_amount
from conversations.wording import ORDINALS, Writer, templates
from conversations.words import COLOURS, MATERIALS, NOUNS

UNKNOWN_KINDS = (
    "headphones",
    "toaster",
    "bicycle",
    "laptop",
    "tent",
    "guitar",
    "microwave",
    "drill",
    "printer",
)
FACETS = ("colour", "material", "pattern", "style")
MOVES = {
    "refine": 22, "lone_price": 9, "drop": 4, "exclude": 9, "exclude_kind": 2, "cheaper": 6,
    "compare_price": 5, "question": 10, "compare": 5, "why": 4, "more_items": 7, "similar": 4, "save": 3,
    "hide": 2, "undo": 3,
    "switch": 14, "two": 4, "unknown": 4, "superlative": 4, "gift": 5, "shop": 3, "thanks": 2, "beyond": 2,
    "reset": 2, "greeting": 1,
}  # fmt: skip


@dataclass
class Shopper:
    """One conversation's shopper. `screen` are the listings on screen, the first first."""

    shop: Listings
    writer: Writer
    rng: random.Random
    has_account: bool = False
    need: ExpectedState = field(default_factory=ExpectedState)
    screen: list[Listing] = field(default_factory=list)
    is_near_miss: bool = False
    last_action: str = ""
    last_move: str = ""

    def open(self) -> Move:
        """The first message."""
        draw = self.rng.random()
        if draw < 0.08:
            return self._talk("greeting", {"greeting"})
        if draw < 0.12 and self.writer.can("nothing.first"):
            text = self.writer.pick("nothing.first")
            acts = {"unclear", "compare", "why", "item_question", "save"}
            return self._move(text, text, "nothing", acts, no_items=True)
        if draw < 0.2:
            return self._gift() or self._find("find")
        if draw < 0.25:
            return self._unknown() or self._find("find")
        return self._find("find")

    def next(self) -> Move:
        """The next message."""
        while True:
            name = self.rng.choices(list(MOVES), weights=list(MOVES.values()))[0]
            if name == self.last_move and name not in ("refine", "question"):
                continue
            move = getattr(self, f"_{name}")()
            if move is not None:
                self.last_move = name
                return move

    # -- needs --------------------------------------------------------------------------------------------

    def _kinds(self) -> list[str]:
        table = NOUNS[self.writer.language]
        kinds = [kind for kind in table if kind in self.shop.counts["type"]]
        hidden = {value.word for value in (*self.need.excluded.get("type", ()), *self.need.kinds)}
        return [kind for kind in kinds if self.shop.counts["type"][kind] >= 4 and kind not in hidden]

    def _value(self, facet: str, word: str) -> ExpectedValue:
        return ExpectedValue(word, *self.shop.meant_by(facet, word))

    def _words(self, facet: str) -> list[str]:
        """Values of a facet that the language has a word for and that may be asked for now."""
        known = self.shop.counts.get(facet, {})
        table = {"colour": COLOURS, "material": MATERIALS}.get(facet)
        if table is not None:
            words = [word for word in table[self.writer.language] if word in known]
        elif self.writer.language != "en":
            return []
        elif facet == "pattern":
            usual = ("striped", "checked", "floral", "dotted", "geometric", "stripe", "check", "dot", "lace")
            words = [word for word in usual if word in known]
        else:
            words = [word for word in known if known[word] >= 4]
        hidden = {value.word for value in self.need.excluded.get(facet, ())}
        now = self.need.values.get(facet)
        return [word for word in words if word not in hidden and (now is None or word != now.word)]

    def _prices_of(self, kind: str) -> list[float]:
        return sorted(
            listing.price
            for listing in self.shop.sold()
            if listing.price is not None and listing.values.get("type") == kind
        )

    def _bounds(self, kind: str) -> tuple[ExpectedPrice, str]:
        """A price range that a kind can meet, and how it is bounded."""
        prices = self._prices_of(kind) or [20.0, 50.0, 90.0]

        def at(share: float) -> int:
            return round_amount(prices[int(share * (len(prices) - 1))])

        form = self.rng.choices(
            ("under", "at_most", "over", "at_least", "range", "around"), (6, 7, 2, 2, 5, 3)
        )[0]
        if form in ("under", "at_most"):
            return ExpectedPrice(high=at(self.rng.uniform(0.2, 0.9))), form
        if form in ("over", "at_least"):
            return ExpectedPrice(low=at(self.rng.uniform(0.1, 0.7))), form
        if form == "around":
            amount = at(self.rng.uniform(0.2, 0.8))
            return ExpectedPrice(amount, amount, is_loose=True), form
        low, high = at(self.rng.uniform(0.05, 0.4)), at(self.rng.uniform(0.5, 0.95))
        return ExpectedPrice(low, high if high > low else low + 20), form

    def _wanted(self) -> tuple[str, dict[str, str], ExpectedPrice, str, str]:
        """A fresh need: kind, values by facet, price, its words and its template."""
        kind = self.rng.choice(self._kinds())
        values = {}
        for facet, share in (("colour", 0.45), ("material", 0.2), ("style", 0.12), ("pattern", 0.1)):
            words = self._words(facet)
            if words and self.rng.random() < share:
                values[facet] = self.rng.choice(words)
        brands = self._words("brand")
        if brands and not values and self.rng.random() < 0.08:
            values["brand"] = self.rng.choice(brands)
        bounds, words, template = ExpectedPrice(), "", ""
        if self.rng.random() < (0.45 if self.shop.is_priced else 0.03):
            bounds, form = self._bounds(kind)
            if self.writer.can(f"price.{form}"):
                words, template = self.writer.price(bounds, form)
            else:
                bounds = ExpectedPrice()
        return kind, values, bounds, words, template

    def _find(self, name: str) -> Move:
        kind, values, bounds, words, price_template = self._wanted()
        template = self.writer.pick(name)
        np = self.writer.noun_phrase(kind, values, words, is_plural=False) if "{np}" in template else ""
        nps = self.writer.noun_phrase(kind, values, words, is_plural=True) if "{nps}" in template else ""
        need = ExpectedState(
            kinds=(self._value("type", kind),),
            values={facet: self._value(facet, word) for facet, word in values.items()},
            price=bounds,
            excluded=self._other_exclusions(kind),
            recipient="" if self.need.recipient == "" else None,
        )
        text = template.format(np=np, nps=nps)
        return self._move(text, f"{template} | {price_template}", name, {"find"}, need, is_listing=True)

    def _other_exclusions(self, kind: str) -> dict[str, tuple[ExpectedValue, ...]]:
        remaining = {facet: values for facet, values in self.need.excluded.items() if facet != "type"}
        kinds = tuple(value for value in self.need.excluded.get("type", ()) if value.word != kind)
        return {**remaining, "type": kinds} if kinds else remaining

    def _switch(self) -> Move:
        return self._find("switch")

    def _refine(self) -> Move | None:
        if not self.need.kinds:
            return None
        facets = [facet for facet in FACETS if self._words(facet) and self.writer.can(f"refine.{facet}")]
        if not facets:
            return None
        facet = self.rng.choices(facets, [4 if name == "colour" else 2 for name in facets])[0]
        word = self.rng.choice(self._words(facet))
        template = self.writer.pick(f"refine.{facet}")
        need = replace(self.need, values={**self.need.values, facet: self._value(facet, word)})
        text = template.format(v=self.writer.value(facet, word))
        return self._move(text, template, f"refine_{facet}", {"find"}, need, is_listing=True)

    def _lone_price(self) -> Move | None:
        if len(self.need.kinds) != 1 or not self.shop.is_priced or self.need.price.is_loose:
            return None
        bounds, form = self._bounds(self.need.kinds[0].word)
        if not self.writer.can(f"price.{form}"):
            return None
        before = self.need.price
        if form in ("under", "at_most"):
            bounds = (
                replace(bounds, low=before.low, may_drop_low=True) if before.low < bounds.high else bounds
            )
        elif form in ("over", "at_least") and before.high < float("inf"):
            return None  # whether the earlier upper bound stays is a matter of taste
        stated = replace(bounds, low=0.0) if form in ("under", "at_most") else bounds
        words, price_template = self.writer.price(stated, form)
        template = self.writer.pick("price.lone")
        need = replace(self.need, price=bounds)
        text = template.format(pp=words)
        return self._move(
            text, f"{template} | {price_template}", "lone_price", {"find"}, need, is_listing=True
        )

    def _drop(self) -> Move | None:
        has_price = self.need.price.is_bounded and self.shop.is_priced
        choices = [
            name for name, has in (("colour", "colour" in self.need.values), ("price", has_price)) if has
        ]
        if not choices or not self.need.kinds or not self.writer.can("drop.colour"):
            return None
        dropped = self.rng.choice(choices)
        if dropped == "price":
            need = replace(self.need, price=ExpectedPrice())
        else:
            need = replace(self.need, values={f: v for f, v in self.need.values.items() if f != "colour"})
        template = self.writer.pick(f"drop.{dropped}")
        return self._move(template, template, f"drop_{dropped}", {"find"}, need, is_listing=True)

    def _exclude(self) -> Move | None:
        facets = [facet for facet in ("colour", "material") if self._words(facet) and self.need.kinds]
        facets = [facet for facet in facets if facet not in self.need.values]
        if not facets:
            return None
        facet = self.rng.choice(facets)
        word = self.rng.choice(self._words(facet))
        template = self.writer.pick(f"exclude.{facet}")
        need = self._excluding(facet, word)
        text = template.format(v=self.writer.value(facet, word))
        return self._move(text, template, f"exclude_{facet}", {"find", "exclude"}, need, is_listing=True)

    def _excluding(self, facet: str, word: str) -> ExpectedState:
        before = self.need.excluded.get(facet, ())
        return replace(self.need, excluded={**self.need.excluded, facet: (*before, self._value(facet, word))})

    def _exclude_kind(self) -> Move | None:
        if not self.writer.can("exclude.type") or not self.need.kinds:
            return None
        kind = self.rng.choice(
            [name for name in self._kinds() if name not in {k.word for k in self.need.kinds}]
        )
        template = self.writer.pick("exclude.type")
        text = template.format(nps=self.writer.noun_phrase(kind, {}, "", is_plural=True))
        return self._move(text, template, "exclude_kind", {"exclude", "find"}, self._excluding("type", kind))

    def _two(self) -> Move | None:
        if not self.writer.can("kinds.two") or len(self._kinds()) < 2:
            return None
        first, second = self.rng.sample(self._kinds(), 2)
        template = self.writer.pick("kinds.two")
        text = template.format(
            a1=self.writer.noun_phrase(first, {}, "", is_plural=False),
            a2=self.writer.noun_phrase(second, {}, "", is_plural=False),
            p1=self.writer.noun_phrase(first, {}, "", is_plural=True),
            p2=self.writer.noun_phrase(second, {}, "", is_plural=True),
        )
        kinds = (self._value("type", first), self._value("type", second))
        need = ExpectedState(kinds=kinds, excluded=self._other_exclusions(first), recipient=self._either())
        return self._move(text, template, "two", {"find"}, need, is_listing=True)

    def _either(self) -> str | None:
        return "" if self.need.recipient == "" else None

    def _unknown(self) -> Move | None:
        if not self.writer.can("kinds.unknown"):
            return None
        stock = " ".join(listing.text for listing in self.shop.by_id.values())
        kinds = [kind for kind in UNKNOWN_KINDS if kind.rstrip("s") not in stock]
        if not kinds:
            return None
        kind = self.rng.choice(kinds)
        template = self.writer.pick("kinds.unknown")
        plural = kind if kind.endswith("s") else kind + "s"
        text = template.format(ks=plural, ak=plural if plural == kind else f"a {kind}")
        need = ExpectedState(excluded=self.need.excluded, recipient=self._either())
        return self._move(
            text, template, "unknown", {"find"}, need, no_items=True, answer=(kind.rstrip("s"),)
        )

    def _superlative(self) -> Move | None:
        if not self.writer.can("kinds.cheapest") or not self.shop.is_priced:
            return None
        kind, order = self.rng.choice(self._kinds()), self.rng.choice(("cheapest", "cheapest", "dearest"))
        template, noun = self.writer.pick(f"kinds.{order}"), NOUNS["en"][kind]
        need = ExpectedState(
            kinds=(self._value("type", kind),),
            excluded=self._other_exclusions(kind),
            recipient=self._either(),
        )
        text = template.format(s=noun.singular, p=noun.plural)
        return self._move(text, template, "superlative", {"find"}, need, is_listing=True, order=order)

    def _gift(self) -> Move | None:
        if not self.writer.can("gift.thing"):
            return None
        recipient = self.writer.pick("gift.who")
        if self.writer.can("gift.open") and self.rng.random() < 0.5:
            template = self.writer.pick("gift.open")
            text = template.format(who=recipient, hobby=self.writer.pick("gift.hobby"))
            need = ExpectedState(excluded=self.need.excluded, recipient=recipient)
            return self._move(text, template, "gift", {"find"}, need, is_listing=True)
        kind, values, *_ = self._wanted()
        template = self.writer.pick("gift.thing")
        np = self.writer.noun_phrase(kind, values, "", is_plural=False)
        need = ExpectedState(
            kinds=(self._value("type", kind),),
            values={facet: self._value(facet, word) for facet, word in values.items()},
            excluded=self._other_exclusions(kind),
            recipient=recipient,
        )
        return self._move(
            template.format(np=np, who=recipient), template, "gift", {"find"}, need, is_listing=True
        )

    # -- what is on screen --------------------------------------------------------------------------------

    def _place(self, max_rank: int = 6) -> tuple[int, Listing]:
        number = self.rng.randrange(min(max_rank, len(self.screen), len(self._ordinals())))
        return number, self.screen[number]

    def _ordinals(self) -> Sequence[str]:
        return ORDINALS if self.writer.language == "en" else templates(self.writer.language, "talk.ordinals")

    def _at(self, template: str, number: int) -> str:
        return template.format(o=self._ordinals()[number], n=number + 1)

    def _question(self) -> Move | None:
        if not self.screen:
            return None
        number, item = self._place()
        kinds = ["material_of", "colour_of", "unlisted"] + (
            ["price_of"] * 2 if item.price is not None else []
        )
        question = self.rng.choice([name for name in kinds if self.writer.can(f"talk.{name}")])
        template = self.writer.pick(f"talk.{question}")
        answer: tuple[str, ...] = ()
        if question == "price_of":
            answer = amounts(item.price or 0)
        elif question != "unlisted":
            facet = question.removesuffix("_of")
            if facet in item.values:
                answer = (item.values[facet], self.writer.value(facet, item.values[facet]))
        text = self._at(template, number)
        return self._move(text, template, question, {"item_question"}, focus=item.item_id, answer=answer)

    def _compare(self) -> Move | None:
        if len(self.screen) < 3:
            return None
        if self.writer.can("talk.compare") and self.rng.random() < 0.6:
            first, second = sorted(self.rng.sample(range(min(4, len(self.screen))), 2))
            template = self.writer.pick("talk.compare")
            text = template.format(o=ORDINALS[first], p=ORDINALS[second], n=first + 1, m=second + 1)
        else:
            template = text = self.writer.pick("talk.compare_two")
            first, second = 0, 1
        answer = (self.screen[first].title,)
        return self._move(text, template, "compare", {"compare"}, answer=answer)

    def _why(self) -> Move | None:
        if not self.screen:
            return None
        number, item = self._place()
        template = self.writer.pick("talk.why")
        return self._move(
            self._at(template, number), template, "why", {"why"}, focus=item.item_id, answer=(item.title,)
        )

    def _more_items(self) -> Move | None:
        if not self.screen or self.is_near_miss or self.need.is_empty or self.last_move in ("superlative",):
            return None
        template = self.writer.pick("talk.more")
        again = frozenset(listing.item_id for listing in self.screen)
        return self._move(template, template, "more", {"more"}, self.need, is_listing=True, not_again=again)

    def _similar(self) -> Move | None:
        if not self.screen or not self.writer.can("talk.similar"):
            return None
        number, item = self._place()
        template = self.writer.pick("talk.similar")
        own_type = item.values.get("type", "")
        kind = ExpectedValue(own_type, frozenset((own_type,)), frozenset((own_type,)))
        need = ExpectedState(kinds=(kind,), excluded=self.need.excluded, recipient=self._either())
        again = frozenset((item.item_id,))
        text = self._at(template, number)
        return self._move(
            text,
            template,
            "similar",
            {"similar", "find"},
            need,
            is_listing=True,
            like=item.item_id,
            not_again=again,
        )

    def _cheaper(self) -> Move | None:
        prices = [listing.price for listing in self.screen if listing.price is not None]
        if len(prices) < len(self.screen) or not prices or self.is_near_miss or len(self.need.kinds) != 1:
            return None
        if self.last_move in ("question", "why", "save", "compare"):
            return None  # then it may be measured by the item that was spoken of
        template = self.writer.pick("talk.cheaper")
        below = min(prices)
        return self._move(
            template, template, "cheaper", {"find", "more"}, self.need, is_listing=True, below=below,
            is_price_adopted=True,
        )  # fmt: skip

    def _compare_price(self) -> Move | None:
        if not self.screen or self.is_near_miss or not self.need.kinds:
            return None
        number, item = self._place()
        move = self.rng.choice(("cheaper_than", "cheaper_than", "dearer_than"))
        if item.price is None or not self.writer.can(f"talk.{move}"):
            return None
        template = self.writer.pick(f"talk.{move}")
        below, above = (item.price, None) if move == "cheaper_than" else (None, item.price)
        return self._move(
            self._at(template, number), template, move, {"find"}, self.need, is_listing=True, below=below,
            above=above, is_price_adopted=True,
        )  # fmt: skip

    def _save(self) -> Move | None:
        return self._act_on("save")

    def _hide(self) -> Move | None:
        return self._act_on("hide") if len(self.screen) > 1 else None

    def _act_on(self, action: str) -> Move | None:
        if not self.screen or not self.has_account or not self.writer.can(f"talk.{action}"):
            return None
        number, item = self._place()
        template = self.writer.pick(f"talk.{action}")
        return self._move(self._at(template, number), template, action, {action}, answer=(item.title,))

    def _undo(self) -> Move | None:
        if self.last_action not in ("save", "hide") or not self.writer.can("talk.undo"):
            return None
        return self._talk("undo", {"undo"})

    # -- talk ---------------------------------------------------------------------------------------------

    def _shop(self) -> Move:
        template = self.writer.pick("talk.shop")
        return self._move(template, template, "shop", {"about_shop"})

    def _thanks(self) -> Move:
        return self._talk("thanks", {"thanks"})

    def _greeting(self) -> Move:
        return self._talk("greeting", {"greeting"})

    def _reset(self) -> Move:
        template = self.writer.pick("talk.reset")
        return self._move(template, template, "reset", {"reset"}, ExpectedState(), no_items=True)

    def _beyond(self) -> Move | None:
        if not self.writer.can("nothing.beyond") or len(self.screen) > 7:
            return None
        template = self.writer.pick("nothing.beyond")
        acts = {"unclear", "item_question", "save", "compare"}
        return self._move(template, template, "beyond", acts, no_items=True)

    def _talk(self, name: str, acts: set[str]) -> Move:
        template = self.writer.pick(f"talk.{name}")
        return self._move(template, template, name, acts)

    def _move(
        self,
        text: str,
        template: str,
        name: str,
        acts: set[str],
        need: ExpectedState | None = None,
        **details: object,
    ) -> Move:
        return Move(
            self.writer.finish(text),
            name,
            frozenset(acts),
            self.need if need is None else need,
            language=self.writer.language,
            template=template,
            **details,  # type: ignore[arg-type]
        )

    def is_satisfiable(self, move: Move) -> bool:
        """Whether an item that has not been ruled out is what a message asks for."""
        return any(
            listing.item_id not in move.not_again
            and (move.below is None or (listing.price is not None and listing.price < move.below))
            and (move.above is None or (listing.price is not None and listing.price > move.above))
            for listing in satisfying(self.shop, move.need)
        )

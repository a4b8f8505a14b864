"""The grafted model as a writer: an opening sentence, and why the first items suit.

Small models write one short sentence well when shown how, and little more: so each part has its own short
prompt with examples, is cut at its first sentence, judged by `grounding`, and dropped when refused. About 55
tokens a reply: the model's time is the reply's time.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from bowerbird.assist.draft import Draft, line
from bowerbird.assist.languages import ENGLISH
from bowerbird.assist.reply import ReplyItem
from bowerbird.assist.request import Order, Request
from bowerbird.assist.writers.contract import TemplateWriter, WrittenText
from bowerbird.assist.writers.grounding import Ground, problems, with_titles
from bowerbird.data.items import Catalogue
from bowerbird.errors import EngineError, InputError
from bowerbird.graft.naming.made_up_names import TitleIndex
from bowerbird.graft.runtime import SamplingParams
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import normalize_text, stem, tokenize

if TYPE_CHECKING:
    from bowerbird.graft.model import Graft

_log = logging.getLogger(__name__)
_OPENING_TOKENS = 28
_REASON_TOKENS = 20
_REASONED = 2
"""Items that get a reason from the model; the rest keep the template's."""
_OPENING = """\
A shop assistant repeats in one short sentence what the customer wants.
Customer: something soft for cold evenings
Assistant: Here are some soft things to keep you warm on cold evenings{like}.
Customer: do you have leather boots?
Assistant: Here are some leather boots to walk in all year{like}.
Customer: a gift for my mother who loves gardening
Assistant: Here are some gifts for a mother who loves her garden{like}.
Customer: {wish}
Assistant: {start}"""
_REASON = (
    "A shop assistant says in a few words why a product suits. Facts only.\n"
    "Customer: something soft for cold evenings\nProduct: Alpaca blanket, wool, grey\n"
    "Suits because: soft grey wool that keeps you warm in the evening.\nCustomer: {wish}\nProduct: ",
    "{facts}\nSuits because:",
)


@dataclass(frozen=True)
class GraftWriter:
    """Words plain lists with a graft; what `grounding` refuses, and everything else, is the template's."""

    graft: Graft
    vocabulary: Vocabulary
    catalogue: Catalogue

    def write(self, draft: Draft) -> Iterator[WrittenText]:
        """Yield an opening, then a line for each item. A server that fails costs its sentence, no more."""
        if not draft.is_plain or draft.turn.language.code != ENGLISH:
            yield from TemplateWriter().write(draft)
            return
        opening = self._guarded(partial(self.opening, draft.request, draft.items))
        yield WrittenText(opening or draft.opening, opening is not None)
        reasons: set[str] = set()
        for number, item in enumerate(draft.items):
            reason = self._guarded(partial(self.reason, draft.request, draft.items, number))
            if reason is not None:  # a small model says the same of like items: once is enough
                bare = reason.removeprefix("a ")
                reason = None if bare in reasons else reason
                reasons.add(bare)
            yield WrittenText("\n" + line(number + 1, item, reason or ""), reason is not None)
        if draft.closing:
            yield WrittenText("\n" + draft.closing)

    def _guarded(self, write: Callable[[], str | None]) -> str | None:
        try:
            return write()
        except EngineError as error:
            _log.warning("the grafted model can't be asked, the template writes: %s", error)
            return None

    def opening(self, request: Request, items: Sequence[ReplyItem]) -> str | None:
        """One sentence before the items; of several, it may name one by its marker."""
        start, like = ("Here are some", ", like [1]") if len(items) > 1 else ("Here is a", "")
        prompt = _OPENING.format(wish=_plain(request), start=start, like=like)
        ground = Ground(items, request, self.vocabulary, self._words_of(items), names=self._names)
        return self._write_part([prompt], _OPENING_TOKENS, ground, start)

    def reason(self, request: Request, items: Sequence[ReplyItem], number: int) -> str | None:
        """Why item `number` (from 0) suits, in a few words."""
        if number >= _REASONED:
            return None
        item = items[number]
        truths = ("cheapest",) if request.order == Order.CHEAPEST and number == 0 else ()
        facts = ", ".join(
            value
            for facet in ("type", "colour", "material", "pattern", "style")
            for value in self.vocabulary.values_of(item.position, facet)[:1]
        )
        before, after = _REASON[0].format(wish=_plain(request)), _REASON[1].format(facts=facts.lower())
        ground = Ground([item], request, self.vocabulary, self._words_of([item]), truths, self._names)
        words = self._write_part([before, item.position, " " + after], _REASON_TOKENS, ground)
        return words[0].lower() + words[1:].removesuffix(".") if words else None

    @cached_property
    def _names(self) -> TitleIndex:
        return TitleIndex.from_titles(
            [self.catalogue.item(position).title for position in range(len(self.catalogue))]
        )

    def _words_of(self, items: Sequence[ReplyItem]) -> set[str]:
        """Stems that the entries of all the items have in common."""
        texts = (normalize_text(self.catalogue.text(item.position)) for item in items)
        return set.intersection(*({stem(word) for word in tokenize(text)} for text in texts))

    def _write_part(
        self, prompt: Sequence[str | int], max_tokens: int, ground: Ground, start: str = ""
    ) -> str | None:
        # A marker that the model begins can only become one of the items'.
        sampling = SamplingParams(allowed_tokens=self.graft.constrain_markers(len(ground.items)))
        try:
            raw = start + "".join(self.graft.generate(prompt, max_tokens, stop=("\n",), sampling=sampling))
        except InputError:  # the prompt is longer than the model reads
            return None
        sentence = re.match(r"\s*(.+?[.!?])(?:\s|$)", raw)
        if sentence is None:  # cut off in the middle
            return None
        text = sentence[1].strip().strip('"')
        faults = problems(text, ground)
        if faults:
            _log.info("a sentence of the grafted model is rejected: %s", "; ".join(faults[:3]))
        return None if faults else with_titles(text, ground.items)


def _plain(request: Request) -> str:
    """The wish in at most 200 characters, on one line, without prices and what could look like a turn."""
    words = " ".join(request.wording.values()) if request.follow_up and request.wording else request.words
    return re.sub(r"[^\w\s.,'’-]", " ", words)[:200].strip()
